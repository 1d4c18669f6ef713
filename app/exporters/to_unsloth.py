"""Unsloth: a script that trains with its patched `SFTTrainer`."""

from app.exporters.exported import PYTHON, Exported
from app.exporters.hugging_face import DTYPES, check, data_comment, refuse, run_comment, sft_entries
from app.exporters.run_line import run_line
from app.exporters.to_trl import CHAT_TEMPLATE, DATA, launch, lora_entries, loss_entries, not_for, read_arguments
from app.exporters.writing import Entry, Reasons, comments, heading, literal, python_call
from app.schemas.plan import FineTuningPlan

FILE = "train_unsloth.py"
TOOL = "Unsloth"
DOCSTRING = (
    '"""Supervised fine-tuning with Unsloth; every choice stands beside its reason. `--help` lists the arguments."""'
)
IMPORTS = """
from unsloth import FastLanguageModel  # first: it patches what is imported below
{chat}
import argparse
from pathlib import Path

import torch
from datasets import Dataset, load_dataset
from transformers import PreTrainedTokenizerBase
from trl import SFTConfig, SFTTrainer
"""
READY = '''

def ready(tokenizer: PreTrainedTokenizerBase, given: argparse.Namespace) -> PreTrainedTokenizerBase:
    """The tokenizer with a chat template."""
    if given.chat_template:
        tokenizer.chat_template = Path(given.chat_template).read_text(encoding="utf-8")
    if tokenizer.chat_template is None:
        print("The base model has no chat template: PLAIN_TEMPLATE is used and saved with the tokenizer.")
        tokenizer.chat_template = PLAIN_TEMPLATE
    return tokenizer
'''
ROWS = '''

def rows(path: str) -> Dataset:
    """The rows of a file."""
    return load_dataset("json", data_files=path, split="train")
'''
AS_TEXT = '''

def as_text(part: Dataset | None, tokenizer: PreTrainedTokenizerBase) -> Dataset | None:
    """Conversations in the words of the chat template."""
    if part is None:
        return None

    def written(row: dict) -> dict:
        return {"text": tokenizer.apply_chat_template(row["messages"], tokenize=False)}

    return part.map(written, remove_columns=["messages"])
'''
MAIN = '''

def main() -> None:
    """Train, then save the result with its tokenizer."""
    given = arguments()
    network, tokenizer = load(given)
{ready}    train, evaluation = data(given)
    trainer = SFTTrainer(
        model=network,
        args=settings(given, evaluation is not None),
        train_dataset={train},
        eval_dataset={evaluation},
        processing_class=tokenizer,
    )
{answers}    trainer.train()
    trainer.save_model(given.output)


if __name__ == "__main__":
    main()
'''


def to_unsloth(plan: FineTuningPlan) -> Exported:
    """The script. Raises InputError for what Unsloth cannot do as planned."""
    check(plan)
    _refusals(plan)
    chat = "from unsloth.chat_templates import train_on_responses_only\n" if plan.training.completion_only_loss else ""
    lines = [
        *comments(heading(plan, TOOL), "Checked against the signatures of Unsloth 2026.10.9."),
        *comments('Needs: pip install "unsloth>=2026.10"'),
        *run_comment(f"{launch(plan, FILE)} --data train.jsonl --output out"),
        *data_comment(plan),
        *comments(*(Reasons(plan)(f) for f in ("base_model", "method", "hardware.gpu"))),
        *comments("The plan's memory is that of Transformers and PEFT; Unsloth needs less.", *plan.limits),
        run_line(plan),
        "",
        DOCSTRING,
        *IMPORTS.replace("{chat}\n", chat + "\n").splitlines(),
        "",
        f"BASE_MODEL = {literal(plan.base_model)}",
        f"SEED = {plan.training.seed}",
        f"EVAL_EXAMPLES = {plan.training.eval_examples}",
        *(CHAT_TEMPLATE.splitlines() if plan.training.completion_only_loss else []),
    ]
    chat_rows = plan.training.completion_only_loss
    parts = [*read_arguments(chat_rows), _load(plan), *((READY, ROWS, AS_TEXT) if chat_rows else (ROWS,))]
    text = "\n".join(lines) + "\n" + "".join(parts) + DATA + _settings(plan) + _main(plan)
    text += "\n\n" + "\n".join(Reasons(plan).sources()) + "\n" if plan.because else ""
    return Exported(text=text, media_type=PYTHON, file_name=FILE)


def _refusals(plan: FineTuningPlan) -> None:
    not_for(plan, TOOL)
    if plan.quantization == "gptq4":
        raise refuse("/quantization", TOOL, "trains on bitsandbytes weights, not on GPTQ.", 'Set "nf4_double".')
    if plan.lora is not None and plan.lora.use_dora:
        raise refuse("/lora/use_dora", TOOL, "has no DoRA.", "Set use_dora false, or export to trl.")


def _load(plan: FineTuningPlan) -> str:
    t, why = plan.training, Reasons(plan)
    quantization = why("quantization")
    if plan.quantization == "nf4":
        quantization += " Unsloth always quantises the scales too (nf4_double), 0.05 bytes a weight less."
    dtype = "None" if t.precision == "fp32" else f"torch.{DTYPES[t.precision]}"
    loading: list[Entry | tuple[str, str, str]] = [
        ("model_name", "given.base_model", ""),
        Entry("max_seq_length", t.max_seq_length, why("training.max_seq_length")),
        ("dtype", dtype, why("training.precision")),
        Entry("load_in_4bit", plan.quantization in ("nf4", "nf4_double"), quantization),
        Entry("load_in_8bit", plan.quantization == "int8"),
        Entry("full_finetuning", plan.method == "full"),
    ]
    lines = python_call("network, tokenizer = FastLanguageModel.from_pretrained(", loading)
    if plan.lora is not None:
        skipped = ("use_dora", "task_type")
        adapter = [entry for entry in lora_entries(plan) if entry.key not in skipped]
        checkpointing = Entry("use_gradient_checkpointing", t.gradient_checkpointing)
        seed: tuple[str, str, str] = ("random_state", "SEED", "")
        lines += python_call(
            "network = FastLanguageModel.get_peft_model(", [("model", "network", ""), *adapter, checkpointing, seed]
        )
    body = "\n".join(f"    {line}" for line in [*lines, "return network, tokenizer"])
    said = '    """The base model and its tokenizer, ready to train."""'
    return (
        f"\n\ndef load(given: argparse.Namespace) -> tuple[torch.nn.Module, PreTrainedTokenizerBase]:\n{said}\n{body}\n"
    )


def _settings(plan: FineTuningPlan) -> str:
    loss = [] if plan.training.completion_only_loss else loss_entries(plan)
    text = [Entry("dataset_text_field", "text")] if plan.training.completion_only_loss else []
    entries: list[Entry | tuple[str, str, str]] = [
        ("output_dir", "given.output", ""),
        ("max_steps", "given.max_steps", ""),
        *sft_entries(plan),
        *text,
        *loss,
        ("eval_strategy", '"epoch" if evaluate else "no"', ""),
        Entry("save_strategy", "epoch"),
        Entry("logging_steps", 10),
        Entry("report_to", "none"),
    ]
    call = python_call("return SFTConfig(", entries)
    body = "\n".join(f"    {line}" for line in call)
    said = '    """The plan\'s hyperparameters."""'
    return f"\n\ndef settings(given: argparse.Namespace, evaluate: bool) -> SFTConfig:\n{said}\n{body}\n"


def _main(plan: FineTuningPlan) -> str:
    if not plan.training.completion_only_loss:
        return MAIN.format(train="train", evaluation="evaluation", answers="", ready="")
    why = "".join(f"{line}\n" for line in _indented(Reasons(plan)("training.completion_only_loss")))
    answers = f"{why}    trainer = train_on_responses_only(trainer)\n"
    return MAIN.format(
        train="as_text(train, tokenizer)",
        evaluation="as_text(evaluation, tokenizer)",
        answers=answers,
        ready="    tokenizer = ready(tokenizer, given)\n",
    )


def _indented(text: str) -> list[str]:
    return [f"    {line}" for line in comments(text)]
