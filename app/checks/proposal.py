"""A project proposal as a team writes it in `*.proposal.yaml`."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, ConfigDict, Field

from app.schemas.base import Request, tuple_from_list
from app.schemas.recommend import DESCRIPTION_MAX, DESCRIPTION_MIN, IsoDate, Preferences, Requirements
from app.schemas.training import Hardware, LoraSettings, TrainingSettings
from app.schemas.vocabulary import Approach, Method, Quantization

RULE_ID = r"^[A-Z][A-Z0-9]*(-[A-Z0-9]+)+$"
SCHEMA_ID = "https://tunewise.dev/schemas/proposal.schema.json"


class Budget(Request):
    """What may be spent."""

    training_usd: float | None = Field(default=None, ge=0, le=1e12, examples=[500])
    """Dollars for training, once."""
    monthly_usd: float | None = Field(default=None, ge=0, le=1e12, examples=[2000])
    """Dollars a month for running it."""


class Waiver(Request):
    """A finding that somebody answers for until a day."""

    rule: str = Field(pattern=RULE_ID, max_length=60, examples=["PROPOSAL-APPROACH"])
    """Id of the finding; `tunewise explain ID` says what it means and whether it can be waived."""
    subject: str | None = Field(default=None, min_length=1, max_length=100, examples=["monthly"])
    """Only the finding about this; every finding of that id when left out."""
    reason: str = Field(min_length=10, max_length=1000, examples=["frozen by contract until the audit"])
    """Why it is accepted."""
    owner: str = Field(min_length=1, max_length=200, examples=["j.doe"])
    """Who answers for it."""
    expires: IsoDate = Field(examples=["2027-03-31"])
    """The last day on which it holds."""


class ProposedLora(LoraSettings):
    """The adapter that the team wants to train, by PEFT's names; nonsense is a finding, not a refusal."""

    r: int = Field(ge=-4096, le=4096, examples=[16])
    """Rank of the update."""
    lora_alpha: float | None = Field(default=None, ge=-65536, le=65536, examples=[32])
    """Scaling numerator; PEFT takes 8 when it is left out, whatever the rank."""


class Tuning(Request):
    """How the team wants to tune; what is left out is planned by tunewise."""

    method: Method | None = Field(default=None, examples=["lora"])
    """LoRA, QLoRA or full fine-tuning."""
    quantization: Quantization | None = Field(default=None, examples=["none"])
    """How the frozen weights are stored."""
    lora: ProposedLora | None = None
    """The adapter."""
    training: TrainingSettings | None = None
    """The run's settings."""
    hardware: Hardware | None = None
    """The GPUs that train."""
    hosted: str | None = Field(default=None, min_length=1, max_length=200, examples=["tinker/qwen3-8b"])
    """A provider's tuning offer, an id of `tuning_offers` in /catalogue/models."""


Waivers = Annotated[tuple[Waiver, ...], Field(max_length=100), BeforeValidator(tuple_from_list)]


class Proposal(Request):
    """A team's proposal: the task, what it needs, and which approach the team wants to take."""

    model_config = ConfigDict(json_schema_extra={"$id": SCHEMA_ID})

    kind: Literal["Proposal"]
    """Says that this is a proposal."""
    id: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100, examples=["icd10"])
    """A name that stays when the file moves; fingerprints of findings are then made from it."""
    title: str | None = Field(default=None, min_length=1, max_length=300, examples=["ICD-10 coding of letters"])
    """A name for people."""
    owner: str | None = Field(default=None, min_length=1, max_length=200, examples=["clinical-nlp"])
    """The team."""
    description: str = Field(min_length=DESCRIPTION_MIN, max_length=DESCRIPTION_MAX)
    """The task in free text, 20 to 20,000 characters. In Markdown the text below the front matter."""
    approach: Approach = Field(examples=["fine_tuning"])
    """What the team proposes."""
    requirements: Requirements = Requirements()
    """Known requirements, the fields of POST /recommend."""
    preferences: Preferences = Preferences()
    """Choices already made, the fields of POST /recommend."""
    budget: Budget = Budget()
    """What may be spent."""
    tuning: Tuning | None = None
    """How the team wants to tune."""
    waivers: Waivers = ()
    """Findings that somebody answers for."""
