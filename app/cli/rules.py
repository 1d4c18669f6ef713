"""`tunewise explain`, `tunewise rules test` and `tunewise rules new`."""

import re
from pathlib import Path

from app.checks.book import load_findings
from app.checks.formats.page import page
from app.checks.proposal import RULE_ID
from app.errors import InputError, UnknownNameError, nearest_names
from app.schemas.vocabulary import NEEDS
from app.scoring.rules import explain, load_rules, run_examples
from app.shipped import shipped


def explained(rule_id: str) -> str:
    """A rule of the four needs, or a finding, in words. Raises UnknownNameError with the nearest of both."""
    findings, rules = load_findings(), load_rules(shipped("rules"))
    if (kind := findings.kinds.get(rule_id.upper())) is not None:
        return page(kind)
    try:
        return explain(rules, rule_id) + "\n"
    except UnknownNameError:
        every = [*findings.kinds, *(rule.id for rule in rules.rules)]
        raise UnknownNameError("/id", "rule or finding", rule_id, every) from None


def tested(folder: str | None) -> tuple[str, int]:
    """Every example run; the report and how many failed."""
    from app.checks.advisor import LocalAdvisor
    from app.checks.examples import failures
    from app.checks.own_rules import own_rules
    from app.pipeline import load_world

    world, findings = load_world(), load_findings()
    failing = list(run_examples(world.rules))
    counted = f"{len(world.rules.rules)} rules, {len(findings.kinds)} findings"
    if folder is not None:
        own = own_rules(Path(folder), world.rules)
        failing += run_examples(own)
        counted += f", {len(own.rules)} own rules"
    failing += failures(findings, LocalAdvisor(world))
    return "".join(f"{line}\n" for line in failing) + f"{counted}, {len(failing)} failing examples\n", len(failing)


def started(rule_id: str, need: str | None, folder: str | None) -> str:
    """A template; written to a new file of the folder when there is one. Raises InputError."""
    from app.checks.own_rules import TEMPLATE

    if not re.fullmatch(RULE_ID, rule_id):
        raise InputError.at("", f"{rule_id[:60]}: no rule id.", "Capitals, digits and hyphens: LATENCY-KIOSK.")
    found = need or next((n for n in NEEDS if n.startswith(rule_id.partition("-")[0].lower())), None)
    if found not in NEEDS:
        near = nearest_names(found or "", NEEDS, limit=1) or NEEDS
        raise InputError.at("", f"Which need is {rule_id} about?", f"Give --need {' or '.join(near)}.")
    text = TEMPLATE.format(id=rule_id, need=found)
    if folder is None:
        return text
    path = Path(folder) / f"{rule_id.lower()}.yaml"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise InputError.at("", f"{path}: {error.strerror or 'cannot be written'}.") from None
    return f"{path} written; `tunewise rules test --rules {folder}` runs its examples.\n"
