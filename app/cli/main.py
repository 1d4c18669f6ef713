"""The commands. Result on stdout, everything else on stderr; exit codes in `exits`."""

import gc
import json
import sys
from enum import StrEnum
from typing import Annotated, Any

import typer

from app import __version__
from app.cli import ops
from app.cli.exits import exit_codes

app = typer.Typer(
    name="tunewise", no_args_is_help=True, add_completion=False, help="For this task, prompt or fine-tune?"
)
estimate = typer.Typer(no_args_is_help=True, help="Estimate compute.")
rules = typer.Typer(no_args_is_help=True, help="The rules of the four needs.")
app.add_typer(estimate, name="estimate")
app.add_typer(rules, name="rules")
app.add_typer(ops.keys, name="keys")
app.command()(ops.migrate)
app.command()(ops.purge)


class Form(StrEnum):
    """How a result is written."""

    text = "text"
    json = "json"


File = Annotated[str, typer.Argument(metavar="FILE", help='YAML or JSON file, "-" for standard input.')]
Url = Annotated[str | None, typer.Option("--url", help="Send the work to a running service.")]
Calibrate = Annotated[
    str | None, typer.Option("--calibrate", metavar="FILE", help="Ten or so measured steps of your own machine.")
]
From = Annotated[
    str | None, typer.Option("--from", metavar="TOOL", help="FILE is axolotl's, llama_factory's or peft's.")
]
Gpu = Annotated[str | None, typer.Option("--gpu", help="With --from: the GPU, where the file does not say.")]
ExportForm = Annotated[
    str, typer.Option("--format", help="peft, trl, axolotl, llama_factory, unsloth; for a task also serve, prompt_kit.")
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
def training(
    file: File,
    url: Url = None,
    form: Format = Form.json,
    calibrate: Calibrate = None,
    tool: From = None,
    gpu: Gpu = None,
) -> None:
    """Memory, time and cost of a fine-tuning run."""
    from app.errors import InputError

    with exit_codes():
        if tool is not None:
            from app.cli.export import estimated_from

            _write(estimated_from(tool, file, gpu, url), form)
            return
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
def export(
    file: File,
    form: ExportForm,
    url: Url = None,
) -> None:
    """The plan of a recommendation (or of a task, or a plan itself) as a training tool's own file."""
    with exit_codes():
        from app.cli.export import exported

        sys.stdout.write(exported(form, file, url))


@app.command()
def check(
    paths: Annotated[list[str] | None, typer.Argument(metavar="[PATHS]", help="Files, or folders to search.")] = None,
    form: Annotated[
        list[str] | None,
        typer.Option("--format", metavar="FORMAT[=PATH]", help="text, json, markdown, sarif, junit, github, gitlab."),
    ] = None,
    fail_on: Annotated[str | None, typer.Option(help="never, info, warning or error (the default).")] = None,
    baseline: Annotated[str | None, typer.Option(metavar="FILE", help="Only findings not in it fail.")] = None,
    config: Annotated[str | None, typer.Option(metavar="FILE", help="Instead of .tunewise.yaml.")] = None,
    diff: Annotated[str | None, typer.Option(metavar="BASE_REF", help="Compare with the base branch.")] = None,
    threshold: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=NUMBER", help="A limit of the configuration, such as rise_percent."),
    ] = None,
    as_of: Annotated[str | None, typer.Option(metavar="DATE", help="Prices of this day; today when left out.")] = None,
    url: Url = None,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds that the service at --url may take.")] = 30.0,
) -> None:
    """Check project proposals: is the approach sound, what will it cost, what is missing."""
    with exit_codes():
        from app.cli.check import Arguments
        from app.cli.check import check as checked

        code = checked(
            Arguments(
                paths=paths or (),
                formats=form or (),
                fail_on=fail_on,
                baseline=baseline,
                config=config,
                diff=diff,
                url=url,
                timeout=timeout,
                as_of=as_of,
                thresholds=threshold or (),
            )
        )
        raise SystemExit(code)


@app.command()
def schema(name: Annotated[str, typer.Argument(metavar="[proposal|config]")] = "proposal") -> None:
    """The JSON Schema of proposals, or of the configuration."""
    with exit_codes():
        from app.cli.schema import schema_text

        sys.stdout.write(schema_text(name))


@app.command()
def comment(
    platform: Annotated[str, typer.Argument(metavar="github|gitlab")],
    file: Annotated[str, typer.Argument(metavar="FILE", help="What `check --format markdown=FILE` wrote.")],
    when: Annotated[str, typer.Option(help="always, on-change or never.")] = "on-change",
) -> None:
    """Post the result on the merge request that this job belongs to, or update it in place."""
    with exit_codes():
        from app.cli.comment import comment as post

        print(f"tunewise: {post(platform, file, when)}", file=sys.stderr)


@app.command()
def explain(rule_id: Annotated[str, typer.Argument(metavar="RULE_ID")]) -> None:
    """What a rule or a finding means, what it rests on and where it stops."""
    with exit_codes():
        from app.cli.rules import explained

        sys.stdout.write(explained(rule_id))


Rules = Annotated[str | None, typer.Option("--rules", metavar="FOLDER", help="Your organisation's own rules.")]


@rules.command("test")
def rules_test(folder: Rules = None) -> None:
    """Run every rule's and every finding's own examples."""
    from app.cli.exits import FINDING

    with exit_codes():
        from app.cli.rules import tested

        text, failing = tested(folder)
        sys.stdout.write(text)
        if failing:
            raise SystemExit(FINDING)


@rules.command("new")
def rules_new(
    rule_id: Annotated[str, typer.Argument(metavar="ID", help="In capitals, the need first: LATENCY-KIOSK.")],
    need: Annotated[str | None, typer.Option(help="The need it speaks about; read from the id when left out.")] = None,
    folder: Rules = None,
) -> None:
    """A rule to start from, with examples that pass: on stdout, or as a file in a folder."""
    with exit_codes():
        from app.cli.rules import started

        sys.stdout.write(started(rule_id, need, folder))


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port to listen on.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes.")] = None,
) -> None:
    """Start the service; other addresses than loopback need access keys."""
    gc.enable()
    ops.start(host, port, workers)


@app.command()
def version() -> None:
    """The version."""
    sys.stdout.write(f"tunewise {__version__}\n")


def main() -> None:
    """Entry point of the console script.

    A command lives for a second or two and makes little garbage, while loading the world makes half a million
    objects that stay: collecting among them took a third of the time of `tunewise check`.
    """
    gc.disable()
    try:
        app()
    finally:
        gc.enable()
