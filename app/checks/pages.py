"""docs/findings/: a page a finding, written from rules/findings.yaml: `python -m app.checks.pages`."""

import sys
from collections.abc import Mapping
from pathlib import Path

from app.checks.book import FindingBook, load_findings
from app.checks.formats.page import page

FOLDER = Path("docs/findings")
HEAD = """\
# What `tunewise check` can find

Written by `python -m app.checks.pages` from `rules/findings.yaml`; do not edit by hand. `tunewise explain ID` shows a
page in the terminal. Exit codes: 0 pass, 1 a finding at or above `--fail-on` (default `error`), 2 a proposal, argument
or configuration that cannot be read, 3 internal error, 4 service unreachable (`--url`), 5 no proposal found.

| finding | severity | can be waived |
|---|---|---|
"""


def pages(book: FindingBook) -> Mapping[str, str]:
    """Text by file name."""
    made = {f"{kind.id}.md": page(kind) for kind in book.kinds.values()}
    rows = [
        f"| [{k.id}]({k.id}.md): {k.title} | {', '.join(k.severities)} | {'yes' if k.waivable else 'no'} |"
        for k in book.kinds.values()
    ]
    numbers = [f"* `{name}` = {entry.value:g}: {entry.why}" for name, entry in book.file.settings.items()]
    made["README.md"] = (
        HEAD + "\n".join(rows) + "\n\n## Numbers that checks compare with\n\n" + "\n".join(numbers) + "\n"
    )
    return made


def main() -> None:
    """Write the pages, and take away those of findings that are no more."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    made = pages(load_findings())
    for path in FOLDER.glob("*.md"):
        if path.name not in made:
            path.unlink()
    for name, text in made.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    sys.stdout.write(f"{len(made)} pages written to {FOLDER}\n")


if __name__ == "__main__":
    main()
