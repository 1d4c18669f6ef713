"""An organisation's own rules of the four needs, beside ours."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from app.catalogue.strict_yaml import read, validated
from app.errors import CatalogueError
from app.pipeline import World
from app.scoring.conditions import known_names
from app.scoring.rule_schema import RuleFile
from app.scoring.rules import Rule, RuleBook
from app.scoring.rules import _rule as loaded

SUFFIX = "*.yaml"


def own_rules(folder: Path, book: RuleBook) -> RuleBook:
    """The rules in the YAML files of a folder, whatever their names. Raises CatalogueError.

    Ids must be new: a rule of ours is not replaced, only joined.
    """
    if not folder.is_dir():
        raise CatalogueError(str(folder), "the folder", "There is no such folder.", "the path of a folder of rules.")
    taken = {rule.id for rule in book.rules}
    made: list[Rule] = []
    content = hashlib.sha256(book.digest.encode())
    for path in sorted(folder.glob(SUFFIX)):
        content.update(path.read_bytes())
        for rule in _rules_in(path):
            if rule.id in taken:
                raise CatalogueError(path.name, rule.id, "That id is taken.", "an id that no other rule has.")
            taken.add(rule.id)
            made.append(rule)
    return RuleBook(tuple(made), content.hexdigest())


def _rules_in(path: Path) -> Sequence[Rule]:
    entries = validated(RuleFile, read(path), path.name).rules
    return [loaded(entry, known_names(), path.name, f"rules.{number}") for number, entry in enumerate(entries)]


def with_own_rules(world: World, folder: Path) -> World:
    """The world with an organisation's rules beside ours; its digest names both."""
    own = own_rules(folder, world.rules)
    both = RuleBook(world.rules.rules + own.rules, own.digest)
    digest = hashlib.sha256((world.rules_digest + own.digest).encode()).hexdigest()
    return replace(world, rules=both, rules_digest=digest)


TEMPLATE = """\
# A rule of the need `{need}`. `tunewise rules test --rules FOLDER` runs its examples; `.tunewise.yaml` uses the folder:
#   rules: FOLDER
rules:
- id: {id}
  title: More than ten thousand requests a day
  status: experimental        # shown, counts 0; `stable` counts, `retired` is kept for its id
  need: {need}
  when: 'facts.requests_per_day != null && facts.requests_per_day > 10000.0'
  weight: 0.5                 # log-odds on the need being high
  because: Say why this condition speaks for the need.
  known_limits: Say when it misleads.
  reference: [{{title: Where others can read about it, href: "https://example.org"}}]
  examples:
  - {{given: {{requests_per_day: 20000}}, fires: true}}
  - {{given: {{requests_per_day: 500}}, fires: false}}
  - {{given: {{}}, fires: false}}
"""
