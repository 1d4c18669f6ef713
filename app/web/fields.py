"""The form's fields by topic: what each is called, what helps to fill it in, what is assumed when it is empty."""

from typing import Any, get_args

from app.records import record
from app.schemas import vocabulary as words
from app.schemas.recommend import Preferences, Requirements

NOT_USED = "Left empty: not taken into account."


@record
class Field:
    """One field of the form; `name` is the request's own name, so that a page's address reads like a request."""

    name: str
    label: str
    kind: str
    """`number`, `whole`, `share`, `choice`, `yes_no`, `text`, `names`, `json` or `date`."""
    help: str
    """One line."""
    empty: str
    """What is assumed when it is left empty, one line."""
    unit: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    """Values and their words, of a `choice` or `yes_no`."""
    listed: str = ""
    """Id of the list of known names that a text field suggests from."""

    @property
    def part(self) -> str:
        """Where it stands in the request: `requirements`, `preferences` or, for `as_of`, the request itself."""
        if self.name in Requirements.model_fields:
            return "requirements"
        return "preferences" if self.name in Preferences.model_fields else ""


@record
class Topic:
    """Fields that are asked together."""

    id: str
    title: str
    fields: tuple[Field, ...]


LABELS = {
    "qa": "question answering",
    "tool_use": "tool use",
    "free_text": "free text",
    "json": "JSON",
    "structured_document": "structured document",
    "none": "none yet",
    "single_prompt": "one prompt",
    "few_shot": "prompt with examples",
    "optimized": "prompt optimised over weeks",
    "static": "hardly ever",
    "slow": "every few months",
    "fast": "within weeks",
    "lora": "LoRA",
    "qlora": "QLoRA (4-bit)",
    "full": "full fine-tuning",
}
"""Words for values that do not read well as they stand."""


def in_words(value: str) -> str:
    """A value of a closed vocabulary as people read it."""
    return LABELS.get(value, value.replace("_", " "))


def _choice(name: str, label: str, vocabulary: Any, help_text: str, empty: str) -> Field:
    choices = tuple((value, in_words(value)) for value in get_args(vocabulary))
    return Field(name, label, "choice", help_text, empty, choices=choices)


READ = "Left empty: read from the description"

TOPICS: tuple[Topic, ...] = (
    Topic(
        "task",
        "What the task is",
        (
            _choice("task_type", "Kind of task", words.TaskType, "What the output is.", f"{READ}."),
            Field("domain", "Field of knowledge", "text", "Whose knowledge it takes, such as medical or legal.",
                  f"{READ}, else general.", listed="domains"),
            Field("languages", "Languages", "names", "Language codes of input and output: en, de.",
                  f"{READ}, else English."),
            _choice("stage", "Stage", words.Stage, "How far the project is.", f"{READ}, else not taken into account."),
            _choice("output_format", "Form of the output", words.OutputFormat, "What a correct answer looks like.",
                    f"{READ}."),
            Field("max_invalid_output_rate", "Broken outputs allowed", "share",
                  "Share of answers that may break the form: 0.1%.", NOT_USED),
        ),
    ),
    Topic(
        "volume",
        "How much of it",
        (
            Field("requests_per_day", "Requests a day", "number", "On an ordinary day, once it is live.",
                  f"{READ}, else 1,000.", unit="a day"),
            Field("peak_requests_per_second", "Requests in the busiest second", "number",
                  "Decides how many GPUs stand ready.", "Left empty: 4 times the daily mean.", unit="a second"),
            Field("input_tokens", "Input", "whole", "What changes per request; a page of text is about 500 tokens.",
                  f"{READ}, else what is usual for the kind of task.", unit="tokens"),
            Field("prompt_tokens", "Instructions and examples", "whole",
                  "What prompting repeats in every request.", f"{READ}, else what is usual for the kind of task.",
                  unit="tokens"),
            Field("output_tokens", "Output", "whole", "Length of one answer.",
                  f"{READ}, else what is usual for the kind of task.", unit="tokens"),
        ),
    ),
    Topic(
        "speed",
        "How fast",
        (
            Field("latency_p95_seconds", "Whole answer within", "number",
                  "Limit that 95 of 100 answers must keep.", f"{READ}, else no limit.", unit="seconds"),
            Field("time_to_first_token_p95_seconds", "First word within", "number",
                  "For answers that people watch being written.", f"{READ}, else no limit.", unit="seconds"),
        ),
    ),
    Topic(
        "quality",
        "Examples and quality",
        (
            Field("labelled_examples", "Labelled examples", "whole", "Pairs of input and right output that exist.",
                  f"{READ}, else none are counted on."),
            Field("tokens_per_example", "Length of an example", "whole", "Input and output together.",
                  "Left empty: input plus output.", unit="tokens"),
            Field("prompted_quality", "Quality of the best prompt", "share",
                  "As measured on a test set: 83% or 0.83.", f"{READ}, else unknown."),
            _choice("prompting_effort", "Work in that prompt", words.PromptingEffort,
                    "How hard the prompt behind that figure was tried.", f"{READ}, else unknown."),
            Field("target_quality", "Quality needed", "share", "On the same test set.", f"{READ}, else unknown."),
            _choice("knowledge_changes", "Facts behind right answers change", words.KnowledgeChanges,
                    "Tuning does not follow facts that change.", f"{READ}, else unknown."),
        ),
    ),
    Topic(
        "limits",
        "Constraints and money",
        (
            Field("self_hosting_required", "Must run on own machines", "yes_no",
                  "Data or rules forbid an outside provider.", f"{READ}, else no.",
                  choices=(("true", "yes"), ("false", "no"))),
            _choice("data_sensitivity", "Sensitivity of the data", words.DataSensitivity, "The strictest that occurs.",
                    f"{READ}, else unknown."),
            Field("max_base_model_parameters", "Largest base model allowed", "whole",
                  "In parameters: 8B or 8,000,000,000.", "Left empty: no limit.", unit="parameters"),
            Field("training_budget_usd", "Budget for training", "number", "Once.", "Left empty: no limit.", unit="$"),
            Field("monthly_budget_usd", "Budget for running", "number", "Each month.", "Left empty: no limit.",
                  unit="$ a month"),
            Field("horizon_months", "Compare costs over", "whole", "One-off costs are spread over it.",
                  "Left empty: 12 months.", unit="months"),
        ),
    ),
    Topic(
        "choices",
        "Choices made already",
        (
            Field("prompted_model", "Base model to prompt", "text", "Id of a hosted one.",
                  "Left empty: chosen by price and ability.", listed="hosted"),
            Field("base_model", "Base model to tune", "text", "Hugging Face id.",
                  "Left empty: chosen by size, licence and ability.", listed="base_models"),
            Field("architecture", "Its config.json", "json", "For a base model that is in no catalogue.",
                  "Left empty: the catalogue's."),
            Field("gpu", "GPU", "text", "To train and serve on.", "Left empty: the cheapest that does it.",
                  listed="gpus"),
            _choice("method", "Method", words.Method, "Of fine-tuning.", "Left empty: LoRA where it fits."),
            Field("usd_per_gpu_hour", "Own price of a GPU-hour", "number", "From your contract.",
                  "Left empty: the list price.", unit="$"),
            Field("input_usd_per_million_tokens", "Own price of input", "number", "From your contract.",
                  "Left empty: the list price.", unit="$ per million tokens"),
            Field("output_usd_per_million_tokens", "Own price of output", "number", "From your contract.",
                  "Left empty: the list price.", unit="$ per million tokens"),
            Field("as_of", "Answer as of", "date", "Prices of that day.", "Left empty: today."),
        ),
    ),
)  # fmt: skip

FIELDS: dict[str, Field] = {field.name: field for topic in TOPICS for field in topic.fields}
TITLE, DESCRIPTION = "title", "description"
NAMES: tuple[str, ...] = (TITLE, DESCRIPTION, *FIELDS)
"""Every name that a page's address may carry, in the order of the form."""
