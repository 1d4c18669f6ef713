"""The commands. Result on stdout, everything else on stderr; exit codes in `exits`."""

import json
import sys
from enum import StrEnum
from typing import Annotated, Any

import typer

from app import __version__
from app.cli.exits import exit_codes

app = typer.Typer(
    name="tunewise", no_args_is_help=True, add_completion=False, help="For this task, prompt or fine-tune?"
)
estimate = typer.Typer(no_args_is_help=True, help="Estimate compute.")
rules = typer.Typer(no_args_is_help=True, help="The rules of the four needs.")
app.add_typer(estimate, name="estimate")
app.add_typer(rules, name="rules")


class Form(StrEnum):
    """How a result is written."""

    text = "text"
    json = "json"


File = Annotated[str, typer.Argument(metavar="FILE", help='YAML or JSON file, "-" for standard input.')]
Url = Annotated[str | None, typer.Option("--url", help="Send the work to a running service.")]
Calibrate = Annotated[
    str | None, typer.Option("--calibrate", metavar="FILE", help="Ten or so measured steps of your own machine.")
]
Format = Annotated[Form, typer.Option("--format", help="For people or for programs.")]


def _answer(path: str, file: str, url: str | None) -> dict[str, Any]:
    from app.cli.documents import read_document

    document = read_document(file)
    if url:
        from app.cli import remote

        return remote.answer(url, path, document)
    from app.cli import local

    return local.answer(path, document)


def _write(made: dict[str, Any], form: Form) -> None:
    from app.cli.text import as_text

    sys.stdout.write(json.dumps(made, indent=2, ensure_ascii=False) + "\n" if form is Form.json else as_text(made))


@app.command()
def recommend(file: File, url: Url = None, form: Format = Form.json) -> None:
    """Recommend prompting or fine-tuning for one task."""
    with exit_codes():
        _write(_answer("/recommend", file, url), form)


@estimate.command()
def training(file: File, url: Url = None, form: Format = Form.json, calibrate: Calibrate = None) -> None:
    """Memory, time and cost of a fine-tuning run."""
    from app.errors import InputError

    with exit_codes():
        if calibrate is None:
            _write(_answer("/estimate/training", file, url), form)
            return
        if url:
            raise InputError.at("", "--calibrate works in-process only.", "Leave --url out.")
        from app.cli.documents import read_document
        from app.cli.local import calibrated

        _write(calibrated(read_document(file), read_document(calibrate)), form)


@estimate.command()
def serving(file: File, url: Url = None, form: Format = Form.json) -> None:
    """Memory, latency and cost of a self-hosted deployment."""
    with exit_codes():
        _write(_answer("/estimate/serving", file, url), form)


@app.command()
def plan(file: File, url: Url = None, form: Format = Form.json) -> None:
    """A LoRA plan for a base model and an amount of data."""
    with exit_codes():
        _write(_answer("/plan/lora", file, url), form)


@app.command()
def explain(rule_id: Annotated[str, typer.Argument(metavar="RULE_ID")]) -> None:
    """What a rule means, what it rests on and where it stops."""
    from app.scoring.rules import explain as words
    from app.scoring.rules import load_rules
    from app.settings import shipped

    with exit_codes():
        sys.stdout.write(words(load_rules(shipped("rules")), rule_id) + "\n")


@rules.command("test")
def rules_test() -> None:
    """Run every rule's own examples."""
    from app.cli.exits import FINDING
    from app.scoring.rules import load_rules, run_examples
    from app.settings import shipped

    with exit_codes():
        book = load_rules(shipped("rules"))
        failures = run_examples(book)
        for failure in failures:
            sys.stdout.write(f"{failure}\n")
        sys.stdout.write(f"{len(book.rules)} rules, {len(failures)} failing examples\n")
        if failures:
            raise SystemExit(FINDING)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port to listen on.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes.")] = None,
) -> None:
    """Start the service."""
    import uvicorn

    from app.settings import settings

    config = settings()
    uvicorn.run(
        "app.service:create_app",
        factory=True,
        host=host or config.host,
        port=port or config.port,
        workers=workers or config.workers,
        access_log=False,
    )


@app.command()
def version() -> None:
    """The version."""
    sys.stdout.write(f"tunewise {__version__}\n")


def main() -> None:
    """Entry point of the console script."""
    app()
