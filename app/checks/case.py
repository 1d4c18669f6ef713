"""A proposal with its answer: what every check reads."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from app.checks.advisor import Advisor
from app.checks.book import FindingBook
from app.checks.config import Config
from app.checks.documents import Document
from app.checks.proposal import Budget, Proposal
from app.errors import InputError, InputProblem
from app.schemas.base import Range
from app.schemas.recommend import Preferences, RecommendRequest, Requirements
from app.schemas.report import Option, Report
from app.schemas.training import TrainingEstimate, TrainingRequest, TrainingSettings
from app.schemas.vocabulary import Approach
from app.schemas.world import HostedTuningOffer

FOUR_BIT = "nf4"
APPROACH_WORDS: dict[Approach, str] = {"prompt_engineering": "prompting", "fine_tuning": "fine-tuning"}
_BUDGETS = {"training_usd": "training_budget_usd", "monthly_usd": "monthly_budget_usd"}


def request_of(proposal: Proposal, config: Config, as_of: date) -> RecommendRequest:
    """The question that a proposal asks, organisation defaults and budget included. Raises InputError."""
    requirements = _over(config.defaults.requirements, _with_budget(proposal))
    prices = Preferences(**config.prices.model_dump(exclude_none=True))
    preferences = _over(_over(prices, config.defaults.preferences), _with_tuning(proposal))
    return RecommendRequest(
        title=proposal.title,
        description=proposal.description,
        requirements=requirements,
        preferences=preferences,
        as_of=as_of,
    )


def _over(default: Any, own: Any) -> Any:
    """`own` with the fields that it leaves open filled from `default`."""
    return default.model_copy(update={name: getattr(own, name) for name in own.model_fields_set})


def _with_budget(proposal: Proposal) -> Requirements:
    budget, told = proposal.budget, proposal.requirements
    update = {_BUDGETS[name]: value for name in _BUDGETS if (value := getattr(budget, name)) is not None}
    for name, field in _BUDGETS.items():
        if field in update and getattr(told, field) not in (None, update[field]):
            detail = f"requirements.{field} says {getattr(told, field):g}, the budget {update[field]:g}."
            raise InputError.at(f"/budget/{name}", detail, "Write it once.")
    return told.model_copy(update=update)


def _with_tuning(proposal: Proposal) -> Preferences:
    tuning, wanted = proposal.tuning, proposal.preferences
    if tuning is None:
        return wanted
    update: dict[str, Any] = {}
    if tuning.method is not None:
        update["method"] = tuning.method
    if tuning.hardware is not None:
        update["gpu"] = tuning.hardware.gpu
        if tuning.hardware.usd_per_gpu_hour is not None:
            update["usd_per_gpu_hour"] = tuning.hardware.usd_per_gpu_hour
    for name, value in update.items():
        if getattr(wanted, name) not in (None, value):
            detail = f"preferences.{name} says {getattr(wanted, name)}, tuning {value}."
            raise InputError.at(f"/preferences/{name}", detail, "Write it once.")
    return wanted.model_copy(update=update)


@dataclass(frozen=True, slots=False, kw_only=True)
class Case:
    """A readable proposal and the answer to it."""

    document: Document
    proposal: Proposal
    request: RecommendRequest
    report: Report
    advisor: Advisor
    as_of: date
    config: Config
    book: FindingBook

    @property
    def title(self) -> str:
        """The title, or what stands for it."""
        return self.proposal.title or f"{self.document.file} ({self.document.index + 1})"

    @property
    def tunes(self) -> bool:
        """The team proposes fine-tuning."""
        return self.proposal.approach == "fine_tuning"

    def known(self, requirement: str) -> Any:
        """The value of a requirement as it was used; None where nothing is known."""
        found = self.report.effective_requirements.get(requirement)
        return None if found is None else found.value

    def stated(self, requirement: str) -> Any:
        """The same, unless it is only a default."""
        found = self.report.effective_requirements.get(requirement)
        return None if found is None or found.origin == "default" else found.value

    def where(self, requirement: str) -> str:
        """Where a requirement stands: in its field, or in the text that it was read from."""
        told = requirement in self.proposal.requirements.model_fields_set
        return f"/requirements/{requirement}" if told else "/description"

    @cached_property
    def budget(self) -> Budget:
        """The budget, wherever it is written."""
        told = self.request.requirements
        return Budget(training_usd=told.training_budget_usd, monthly_usd=told.monthly_budget_usd)

    @cached_property
    def offer(self) -> HostedTuningOffer | None:
        """The provider's offer that the team wants to tune with."""
        tuning = self.proposal.tuning
        return None if tuning is None or tuning.hosted is None else self.advisor.offer(tuning.hosted)

    @cached_property
    def option(self) -> Option:
        """The option that the proposal amounts to; where it leaves several open, the best ranked of its approach."""
        options = sorted(self.report.options, key=lambda o: o.rank)
        named = self._option_named()
        open_ones = [o for o in options if o.approach == self.proposal.approach]
        wanted = [o for o in open_ones if o.id == named] or [o for o in open_ones if o.feasible] or open_ones
        return wanted[0]

    def _option_named(self) -> str | None:
        told = self.request
        if self.tunes:
            if self.offer is not None:
                return "tune_hosted"
            own = told.preferences.gpu or told.preferences.architecture or self.known("self_hosting_required")
            return "tune_self_hosted" if own or self.known("latency_p95_seconds") is not None else None
        if self.known("self_hosting_required"):
            return "prompt_self_hosted"
        return "prompt_hosted" if told.preferences.prompted_model else None

    @cached_property
    def training(self) -> TrainingEstimate:
        """The run as the team wants it, or as tunewise plans it where the team says nothing. Raises InputError."""
        tuning = self.proposal.tuning
        if tuning is None or not any((tuning.lora, tuning.training, tuning.hardware, tuning.quantization)):
            return self.report.compute.training
        try:
            return self.advisor.training(self._training_request())
        except InputError as error:
            raise InputError([_moved(p, tuning.lora is not None) for p in error.problems], error.code) from None

    def _training_request(self) -> TrainingRequest:
        tuning, plan = self.proposal.tuning, self.report.fine_tuning
        assert tuning is not None  # noqa: S101 - the caller looked
        method = tuning.method or plan.method
        quantization = tuning.quantization or (plan.quantization if plan.method == method else None)
        body: dict[str, Any] = {
            "base_model": None if self.request.preferences.architecture else plan.base_model,
            "architecture": self.request.preferences.architecture,
            "method": method,
            "quantization": quantization or (FOUR_BIT if method == "qlora" else "none"),
            "lora": None if method == "full" else self._lora(),
            "training": self._settings(),
            "hardware": _fields(tuning.hardware) if tuning.hardware else _plain(plan.hardware),
        }
        return TrainingRequest.model_validate(body)

    def _lora(self) -> dict[str, Any]:
        tuning, plan = self.proposal.tuning, self.report.fine_tuning.lora
        own = _fields(tuning.lora) if tuning and tuning.lora else {}
        if own.get("r", 1) < 1:  # a finding of its own; the estimate takes the planned rank
            own["r"] = plan.r if plan else 1
        if not own:
            return _plain(plan) if plan else {"r": 1}
        return {k: v for k, v in own.items() if k != "lora_alpha"}

    def _settings(self) -> dict[str, Any]:
        tuning = self.proposal.tuning
        planned = _plain(self.report.fine_tuning.training)
        known = {name: planned[name] for name in TrainingSettings.model_fields if name in planned}
        own = _fields(tuning.training) if tuning and tuning.training else {}
        if "global_batch_size" in own:
            known.pop("gradient_accumulation_steps", None)
        if "total_tokens" in own:
            known = {k: v for k, v in known.items() if k not in ("examples", "num_epochs")}
        if own.get("max_seq_length", known["max_seq_length"]) < (known.get("mean_seq_length") or 0):
            known.pop("mean_seq_length")
        return known | own

    @cached_property
    def training_usd(self) -> Range | None:
        """What training costs: the run on own GPUs, or the provider's price of its tokens; None when unknown."""
        offer, total = self.offer, self.training.total_tokens
        if offer is None:
            return self.training.cost.total_usd
        price = offer.training_usd_per_million_tokens
        if price is None or total is None:
            return None
        millions = total / 1_000_000  # the offer's unit
        return Range(low=millions * price, expected=millions * price, high=millions * price)


_PLAN_ONLY = frozenset(("bias", "task_type"))


def _plain(planned: Any) -> dict[str, Any]:
    """The set fields of a planned part, for a request."""
    values: Mapping[str, Any] = {name: getattr(planned, name) for name in planned.__slots__}
    return {k: v for k, v in values.items() if k not in _PLAN_ONLY and v not in (None, ())}


def _fields(request: Any) -> dict[str, Any]:
    """The fields that the team wrote."""
    return {name: getattr(request, name) for name in request.model_fields_set}


def _moved(problem: InputProblem, has_lora: bool) -> InputProblem:
    """A problem of the training request, as one of the proposal."""
    first = problem.pointer.split("/")[1] if problem.pointer else ""
    at_preferences = first in ("base_model", "architecture")
    inside = "/preferences" if at_preferences else "/tuning" if first != "lora" or has_lora else "/tuning/method"
    return InputProblem(inside + problem.pointer, problem.detail, problem.hint)
