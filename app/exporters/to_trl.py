"""TRL: a script that trains with `SFTTrainer` once it is given a file of rows."""

from app.exporters.exported import PYTHON, Exported
from app.exporters.hugging_face import (
    ATTENTION,
    DTYPES,
    check,
    data_comment,
    optimizer_name,
    refuse,
    run_comment,
    sft_entries,
)
from app.exporters.run_line import run_line
from app.exporters.writing import Entry, Reasons, comments, heading, literal, python_call, whole
from app.schemas.plan import FineTuningPlan

FILE = "train.py"
BUILT_IN = ("adamw_torch", "adamw_torch_8bit", "sgd")
"""Optimizers that need no bitsandbytes."""
DOCSTRING = (
    '"""Supervised fine-tuning with TRL; every choice stands beside its reason. `--help` lists the arguments."""'
)
TEMPLATE_HELP = "Jinja file that replaces the tokenizer's own template"
TEMPLATE_ARGUMENT = f'    words.add_argument("--chat-template", help="{TEMPLATE_HELP}")\n'
READ_ARGUMENTS = '''

def arguments() -> argparse.Namespace:
    """What differs from run to run."""
    words = argparse.ArgumentParser()
    words.add_argument("--data", required=True, help="rows to train on, JSON lines")
    words.add_argument("--eval-data", help="rows to evaluate with; without it some of --data are kept apart")
    words.add_argument("--output", default="out", help="folder of the result")
    words.add_argument("--base-model", default=BASE_MODEL, help="a local copy of the base model, if you have one")
    words.add_argument("--chat-template", help="Jinja file that replaces the tokenizer's own template")
    words.add_argument("--max-steps", type=int, default=-1, help="stop early, for a trial run")
    return words.parse_args()
'''
CHAT_TEMPLATE = """
# Used only where the base model has no chat template of its own. It is saved with the tokenizer: serve with that one,
# since a template that differs between training and serving costs more than any rank.
PLAIN_TEMPLATE = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|>\\n' + message['content'] + eos_token + '\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}"
)"""
TOKENIZER = '''

def tokenizer_of(given: argparse.Namespace) -> PreTrainedTokenizerBase:
    """The base model's tokenizer, with a chat template and something to pad with."""
    made = AutoTokenizer.from_pretrained(given.base_model)
    if given.chat_template:
        made.chat_template = Path(given.chat_template).read_text(encoding="utf-8")
    if made.chat_template is None:
        print("The base model has no chat template: PLAIN_TEMPLATE is used and saved with the tokenizer.")
        made.chat_template = PLAIN_TEMPLATE
    if made.pad_token is None:
        made.pad_token = made.eos_token
    return made
'''
TOKENIZER_OF_TEXT = '''

def tokenizer_of(given: argparse.Namespace) -> PreTrainedTokenizerBase:
    """The base model's tokenizer, with something to pad with."""
    made = AutoTokenizer.from_pretrained(given.base_model)
    if made.pad_token is None:
        made.pad_token = made.eos_token
    return made
'''
ROWS_OF_CHAT = '''

def prompt_and_answer(row: dict) -> dict:
    """The last message is the answer; everything before it is given, so that it carries no loss."""
    return {"prompt": row["messages"][:-1], "completion": row["messages"][-1:]}


def rows(path: str) -> Dataset:
    """The rows of a file."""
    return load_dataset("json", data_files=path, split="train").map(prompt_and_answer, remove_columns=["messages"])
'''
ROWS_OF_TEXT = '''

def rows(path: str) -> Dataset:
    """The rows of a file, {"text": ...} each."""
    return load_dataset("json", data_files=path, split="train")
'''
DATA = '''

def data(given: argparse.Namespace) -> tuple[Dataset, Dataset | None]:
    """Rows to train on and rows to evaluate with."""
    train = rows(given.data)
    if given.eval_data:
        return train, rows(given.eval_data)
    kept = min(EVAL_EXAMPLES, len(train) // 10)
    if not kept:
        return train, None
    parts = train.train_test_split(test_size=kept, seed=SEED)
    return parts["train"], parts["test"]
'''
MAIN = '''

def main() -> None:
    """Train, then save the result with its tokenizer."""
    given = arguments()
    train, evaluation = data(given)
    trainer = SFTTrainer(
        model=given.base_model,
        args=settings(given, evaluation is not None),
        train_dataset=train,
        eval_dataset=evaluation,
        processing_class=tokenizer_of(given),{peft}
    )
    trainer.train()
    trainer.save_model(given.output)


if __name__ == "__main__":
    main()
'''


def to_trl(plan: FineTuningPlan) -> Exported:
    """The script. Raises InputError for a plan that contradicts itself."""
    check(plan)
    lines = [
        *comments(heading(plan, "TRL"), "Checked against TRL 1.16, PEFT 0.21 and Transformers 5.23."),
        *comments(f'Needs: pip install "trl>=1.0" peft datasets{_more_packages(plan)}'),
        *run_comment(f"{launch(plan)} --data train.jsonl --output out"),
        *data_comment(plan),
        *comments(*(Reasons(plan)(f) for f in ("base_model", "method", "hardware.gpu"))),
        *comments(*plan.limits),
        run_line(plan),
        "",
        DOCSTRING,
        "",
        *_imports(plan),
        "",
        f"BASE_MODEL = {literal(plan.base_model)}",
        f"SEED = {plan.training.seed}",
        f"EVAL_EXAMPLES = {plan.training.eval_examples}",
        *(CHAT_TEMPLATE.splitlines() if plan.training.completion_only_loss else []),
        *_adapter(plan),
        *_loading(plan),
    ]
    chat = plan.training.completion_only_loss
    parts = [*read_arguments(chat), *((TOKENIZER, ROWS_OF_CHAT) if chat else (TOKENIZER_OF_TEXT, ROWS_OF_TEXT)), DATA]
    text = "\n".join(lines) + "\n" + "".join(parts) + _settings(plan) + _main(plan)
    text += "\n\n" + "\n".join(Reasons(plan).sources()) + "\n" if plan.because else ""
    return Exported(text=text, media_type=PYTHON, file_name=FILE)


def read_arguments(chat: bool) -> list[str]:
    """The function that reads the command line; running text has no chat template."""
    return [READ_ARGUMENTS if chat else READ_ARGUMENTS.replace(TEMPLATE_ARGUMENT, "")]


def launch(plan: FineTuningPlan, script: str = FILE) -> str:
    """The command that starts the script on the plan's GPUs."""
    count, sharding = plan.hardware.gpu_count, plan.hardware.sharding
    if count == 1:
        return f"python {script}"
    ways = {
        "fsdp": " --use_fsdp --fsdp_version 2 --fsdp_reshard_after_forward true"
        " --fsdp_auto_wrap_policy TRANSFORMER_BASED_WRAP",
        "zero2": " --use_deepspeed --zero_stage 2",
        "zero3": " --use_deepspeed --zero_stage 3",
    }
    return f"accelerate launch --num_processes {count}{ways.get(sharding, '')} {script}"


def _more_packages(plan: FineTuningPlan) -> str:
    bits = plan.quantization in ("nf4", "nf4_double", "int8") or optimizer_name(plan) not in BUILT_IN
    deepspeed = plan.hardware.sharding in ("zero2", "zero3")
    flash = plan.training.attention == "flash"
    gptq, torchao = plan.quantization == "gptq4", optimizer_name(plan) == "adamw_torch_8bit"
    wanted = (
        (torchao, "torchao"),
        (bits, "bitsandbytes"),
        (deepspeed, "deepspeed"),
        (flash, "flash-attn"),
        (gptq, "gptqmodel"),
    )
    return "".join(f" {name}" for needed, name in wanted if needed)


def _imports(plan: FineTuningPlan) -> list[str]:
    names = ["AutoTokenizer", "PreTrainedTokenizerBase"]
    if plan.quantization in ("nf4", "nf4_double", "int8"):
        names.insert(1, "BitsAndBytesConfig")
    lines = [
        "import argparse",
        "from pathlib import Path",
        "",
        "import torch",
        "from datasets import Dataset, load_dataset",
    ]
    lines += ["from peft import LoraConfig"] if plan.lora is not None else []
    return [*lines, f"from transformers import {', '.join(names)}", "from trl import SFTConfig, SFTTrainer"]


def lora_entries(plan: FineTuningPlan) -> list[Entry]:
    """Arguments of `LoraConfig`, each with its reason."""
    lora, why = plan.lora, Reasons(plan)
    if lora is None:
        return []
    entries = [
        Entry("r", lora.r, why("lora.r")),
        Entry("lora_alpha", whole(lora.lora_alpha), why("lora.lora_alpha")),
        Entry("lora_dropout", lora.lora_dropout, why("lora.lora_dropout")),
        Entry("target_modules", lora.target_modules, why("lora.target_modules")),
        Entry("use_rslora", lora.use_rslora, why("lora.use_rslora")),
        Entry("use_dora", lora.use_dora, why("lora.use_dora")),
        Entry("bias", lora.bias, why("lora.bias")),
        Entry("task_type", lora.task_type),
    ]
    if lora.target_parameters:
        entries.insert(4, Entry("target_parameters", lora.target_parameters, why("lora.target_parameters")))
    return entries


def _adapter(plan: FineTuningPlan) -> list[str]:
    return python_call("ADAPTER = LoraConfig(", lora_entries(plan)) if plan.lora is not None else []


def _loading(plan: FineTuningPlan) -> list[str]:
    """How the base model's weights are loaded."""
    why, t = Reasons(plan), plan.training
    dtype, note = DTYPES[t.precision], why("training.precision")
    if plan.method == "full" and t.precision == "fp16":
        dtype, note = "float32", "fp16 needs fp32 weights to train in full: twice the weight memory of the estimate."
    entries: list[Entry | tuple[str, str, str]] = [
        ("dtype", f"torch.{dtype}", note),
        Entry("attn_implementation", ATTENTION[t.attention], why("training.attention")),
    ]
    if plan.quantization in ("nf4", "nf4_double"):
        entries.append(("quantization_config", _four_bit(plan), why("quantization")))
    elif plan.quantization == "int8":
        entries.append(("quantization_config", "BitsAndBytesConfig(load_in_8bit=True)", why("quantization")))
    elif plan.quantization == "gptq4":
        entries[0] = ("dtype", f"torch.{dtype}", f"BASE_MODEL must be a GPTQ checkpoint of 4 bits. {note}")
    return python_call("LOADING = dict(", entries)


def _four_bit(plan: FineTuningPlan) -> str:
    words = [
        "load_in_4bit=True",
        'bnb_4bit_quant_type="nf4"',
        f"bnb_4bit_use_double_quant={plan.quantization == 'nf4_double'}",
        f"bnb_4bit_compute_dtype=torch.{DTYPES[plan.training.precision]}",
    ]
    if plan.hardware.sharding == "fsdp":
        words.append(f"bnb_4bit_quant_storage=torch.{DTYPES[plan.training.precision]}")
    return "BitsAndBytesConfig(" + "".join(f"\n        {word}," for word in words) + "\n    )"


def loss_entries(plan: FineTuningPlan) -> list[Entry]:
    """Which tokens carry loss, and how short examples share a sequence."""
    t, why = plan.training, Reasons(plan)
    loss = why("training.completion_only_loss")
    if not t.completion_only_loss:
        entries = [Entry("dataset_text_field", "text", loss)]
        return (
            [*entries, Entry("packing_strategy", "wrapped", "Running text fills every sequence.")]
            if t.packing
            else entries
        )
    return [Entry("completion_only_loss", True, loss)]


def _settings(plan: FineTuningPlan) -> str:
    reentrant = {"use_reentrant": False}
    entries: list[Entry | tuple[str, str, str]] = [
        ("output_dir", "given.output", ""),
        ("max_steps", "given.max_steps", ""),
        *sft_entries(plan),
        *([Entry("gradient_checkpointing_kwargs", reentrant)] if plan.training.gradient_checkpointing else []),
        *loss_entries(plan),
        ("model_init_kwargs", "LOADING", ""),
        ("eval_strategy", '"epoch" if evaluate else "no"', ""),
        Entry("save_strategy", "epoch"),
        Entry("logging_steps", 10),
        Entry("report_to", "none"),
    ]
    call = python_call("SFTConfig(", entries)
    body = "\n".join(f"    {line}" for line in ("return " + call[0], *call[1:]))
    said = '    """The plan\'s hyperparameters."""'
    return f"\n\ndef settings(given: argparse.Namespace, evaluate: bool) -> SFTConfig:\n{said}\n{body}\n"


def _main(plan: FineTuningPlan) -> str:
    return MAIN.replace("{peft}", "\n        peft_config=ADAPTER," if plan.lora is not None else "")


def not_for(plan: FineTuningPlan, tool: str) -> None:
    """Raises InputError where a tool has no sharding."""
    if plan.hardware.sharding in ("fsdp", "zero2", "zero3") and plan.hardware.gpu_count > 1:
        raise refuse("/hardware/sharding", tool, "keeps whole weights on every GPU.", "Export to trl or axolotl.")
