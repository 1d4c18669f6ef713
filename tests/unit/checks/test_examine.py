"""Waivers, baseline, severities, fingerprints, limits: what makes a finding count."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import pytest

from app.checks.baseline import load_baseline
from app.checks.examine import Examined
from app.checks.finding import ORDER, Finding
from app.errors import InputError

Base = Callable[[Mapping[str, Any]], str]
Check = Callable[..., Examined]
WAIVER = {"rule": "BASELINE-MISSING", "reason": "measured next quarter", "owner": "j.doe", "expires": "2027-01-31"}


def of(examined: Examined, rule: str) -> Finding | None:
    return next((f for f in examined.findings if f.rule == rule), None)


def test_the_base_is_sound(check: Check, base: Base) -> None:
    assert [f.rule for f in check(base({})).findings if f.severity != "info"] == []


@pytest.mark.parametrize(
    ("day", "state", "more"),
    [
        (date(2027, 1, 30), "waived", None),
        (date(2027, 1, 31), "waived", None),
        (date(2027, 2, 1), "new", "WAIVER-EXPIRED"),
    ],
)
def test_a_waiver_holds_to_its_last_day(check: Check, base: Base, day: date, state: str, more: str | None) -> None:
    text = base({"requirements": {"prompted_quality": None}, "waivers": [WAIVER]})
    found = check(text, as_of=day, fail_on="warning")
    finding = of(found, "BASELINE-MISSING")
    assert finding is not None
    assert (finding.state, finding.blocks) == (state, state == "new")
    assert [f.rule for f in found.findings if f.rule.startswith("WAIVER")] == ([more] if more else [])


def test_a_waiver_of_another_subject_silences_nothing(check: Check, base: Base) -> None:
    budget = {"rule": "BUDGET-MONTHLY", "reason": "paid by the group", "owner": "cfo", "expires": "2027-01-31"}
    text = base({"budget": {"monthly_usd": 1}, "waivers": [budget | {"subject": "training"}]})
    assert {f.rule for f in check(text).findings} >= {"BUDGET-MONTHLY", "WAIVER-UNUSED"}
    finding = of(
        check(base({"budget": {"monthly_usd": 1}, "waivers": [budget | {"subject": "monthly"}]})), "BUDGET-MONTHLY"
    )
    assert finding is not None
    assert finding.state == "waived"


def test_an_organisation_forbids_and_grants_waivers(check: Check, base: Base) -> None:
    text = base({"requirements": {"prompted_quality": None}, "waivers": [WAIVER]})
    found = check(text, config={"unwaivable": ["BASELINE-MISSING"]})
    assert of(found, "WAIVER-REFUSED") is not None
    granted = WAIVER | {"paths": ["research/*"]}
    config = {"waivers": [granted], "unwaivable": ["BASELINE-MISSING"]}
    plain = base({"requirements": {"prompted_quality": None}})
    states = {}
    for file in ("research/a.proposal.yaml", "product/a.proposal.yaml"):
        finding = of(check(plain, file, config=config), "BASELINE-MISSING")
        states[file] = finding and finding.state
    assert states == {"research/a.proposal.yaml": "waived", "product/a.proposal.yaml": "new"}


def test_not_even_the_organisation_waives_a_hard_rule(check: Check, base: Base) -> None:
    waiver = WAIVER | {"rule": "LORA-RANK-INVALID"}
    text = base({"tuning": {"lora": {"r": 0, "lora_alpha": 8}}})
    finding = of(check(text, config={"waivers": [waiver]}), "LORA-RANK-INVALID")
    assert finding is not None
    assert finding.blocks


def test_severities_are_the_organisations(check: Check, base: Base) -> None:
    text = base({"requirements": {"prompted_quality": None}})
    severities = {"BASELINE-MISSING": "error"}
    finding = of(check(text, config={"severities": severities}), "BASELINE-MISSING")
    assert finding is not None
    assert (finding.severity, finding.blocks) == ("error", True)
    assert of(check(text, config={"severities": {"BASELINE-MISSING": "off"}}), "BASELINE-MISSING") is None


@pytest.mark.parametrize("fail_on", ["never", "info", "warning", "error"])
def test_fail_on_is_one_ordered_scale(check: Check, base: Base, fail_on: str) -> None:
    text = base({"tuning": {"lora": {"r": 512, "lora_alpha": 0, "target_modules": ["q_proj"]}}})
    found = check(text, fail_on=fail_on).findings
    assert {f.severity for f in found} == {"info", "warning", "error"}
    assert all(f.blocks == (ORDER[f.severity] >= ORDER[fail_on]) for f in found)


EDITS: list[Mapping[str, Any]] = [
    {"title": "Another title"},
    {"owner": "somebody-else"},
    {"requirements": {"requests_per_day": 41000}},
    {"budget": {"training_usd": 600}},
    {"requirements": {"prompting_effort": None}},
    {"tuning": {"lora": {"r": 16, "lora_alpha": 32}}},
]


@pytest.mark.parametrize("edit", EDITS)
def test_fingerprints_survive_unrelated_edits(check: Check, base: Base, edit: Mapping[str, Any]) -> None:
    text = base({"requirements": {"prompted_quality": None}})
    changed = base(
        {"requirements": {"prompted_quality": None, **edit.get("requirements", {})}}
        | {k: v for k, v in edit.items() if k != "requirements"}
    )
    assert text != changed
    before, after = of(check(text), "BASELINE-MISSING"), of(check("# a comment\n\n" + changed), "BASELINE-MISSING")
    assert before is not None
    assert after is not None
    assert before.fingerprint == after.fingerprint
    assert before.line != after.line


def test_fingerprints_tell_files_rules_and_subjects_apart_unless_an_id_follows_the_file(
    check: Check, base: Base
) -> None:
    text = base({"requirements": {"prompted_quality": None}, "budget": {"monthly_usd": 1, "training_usd": 0.1}})
    here, there = check(text, "a.proposal.yaml").findings, check(text, "b.proposal.yaml").findings
    prints = [f.fingerprint for f in (*here, *there)]
    assert len(set(prints)) == len(prints)
    named = base({"id": "icd10", "requirements": {"prompted_quality": None}})
    a, b = check(named, "a.proposal.yaml"), check(named, "moved/b.proposal.yaml")
    assert [f.fingerprint for f in a.findings] == [f.fingerprint for f in b.findings]


def test_only_new_or_worse_findings_fail_with_a_baseline(check: Check, base: Base) -> None:
    text = base({"requirements": {"prompted_quality": None}, "tuning": {"lora": {"r": 16}}})
    first = check(text, fail_on="warning")
    baseline = {f.fingerprint: f.severity for f in first.findings if f.rule == "BASELINE-MISSING"}
    again = check(text, fail_on="warning", baseline=baseline)
    assert {f.rule: (f.state, f.blocks) for f in again.findings if f.severity == "warning"} == {
        "BASELINE-MISSING": ("known", False),
        "LORA-ALPHA": ("new", True),
    }
    worse = check(text, baseline=baseline, config={"severities": {"BASELINE-MISSING": "error"}})
    finding = of(worse, "BASELINE-MISSING")
    assert finding is not None
    assert finding.blocks


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"findings": [{}]}', '{"findings": [{"fingerprint": "a", "severity": "bad", "state": "new"}]}'],
)
def test_a_bad_baseline_is_refused(tmp_path: Any, text: str) -> None:
    path = tmp_path / "b.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"b\.json"):
        load_baseline("b.json", path)
    with pytest.raises(InputError, match=r"none\.json"):
        load_baseline("none.json", tmp_path / "none.json")


def monthly(check: Check, base: Base) -> tuple[float, float, float]:
    case = check(base({})).case
    assert case is not None
    cost = case.option.monthly_cost_usd
    assert cost is not None
    return cost.low, cost.expected, cost.high


def budget(check: Check, base: Base, usd: float, limits: Mapping[str, float] | None = None) -> dict[str, str]:
    found = check(base({"budget": {"monthly_usd": usd}}), config={"thresholds": limits or {}}).findings
    return {f.rule: f.severity for f in found if f.rule.startswith("BUDGET") and f.subject == "monthly"}


def test_a_budget_is_held_against_low_end_and_expected_figure(check: Check, base: Base) -> None:
    low, expected, high = monthly(check, base)
    assert budget(check, base, low - 1) == {"BUDGET-MONTHLY": "error"}
    assert budget(check, base, low + 1) == {"BUDGET-MONTHLY": "warning"}
    assert budget(check, base, expected - 1) == {"BUDGET-MONTHLY": "warning"}
    assert budget(check, base, expected + 1) == {}
    assert budget(check, base, high * 100) == {}


def test_thresholds_in_dollars_and_percent_in_both_directions(check: Check, base: Base) -> None:
    _, expected, high = monthly(check, base)
    assert budget(check, base, expected - 101, {"over_budget_usd": 100}) == {"BUDGET-MONTHLY": "error"}
    assert budget(check, base, expected - 99, {"over_budget_usd": 100}) == {"BUDGET-MONTHLY": "info"}
    assert budget(check, base, expected / 1.11, {"over_budget_percent": 10}) == {"BUDGET-MONTHLY": "error"}
    assert budget(check, base, expected / 1.09, {"over_budget_percent": 10}) == {"BUDGET-MONTHLY": "info"}
    assert budget(check, base, high + 101, {"under_budget_usd": 100}) == {"BUDGET-IDLE": "warning"}
    assert budget(check, base, high + 99, {"under_budget_usd": 100}) == {}
    assert budget(check, base, high * 2.1, {"under_budget_percent": 100}) == {"BUDGET-IDLE": "warning"}
    assert budget(check, base, high * 1.9, {"under_budget_percent": 100}) == {}


def test_organisation_defaults_fill_what_a_proposal_leaves_open(check: Check, base: Base) -> None:
    config = {"defaults": {"requirements": {"prompted_quality": 0.8, "stage": "prototype"}}}
    case = check(base({"requirements": {"prompted_quality": None}}), config=config).case
    assert case is not None
    assert (case.known("prompted_quality"), case.known("stage")) == (0.8, "production")


def test_prices_of_the_organisation_are_used(check: Check, base: Base) -> None:
    dear, cheap = (check(base({}), config={"prices": {"usd_per_gpu_hour": price}}).case for price in (40.0, 0.5))
    assert dear is not None
    assert cheap is not None
    assert dear.option.monthly_cost_usd is not None
    assert cheap.option.monthly_cost_usd is not None
    assert dear.option.monthly_cost_usd.expected > cheap.option.monthly_cost_usd.expected
    assert dear.training_usd is not None
    assert cheap.training_usd is not None
    assert dear.training_usd.expected > cheap.training_usd.expected


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"tuning": {"hardware": {"gpu": "H100"}}, "preferences": {"gpu": None}}, "/preferences/gpu"),
        ({"tuning": {"lora": {"r": 8, "target_modules": ["no_such"]}}}, "/tuning/lora/target_modules"),
        ({"tuning": {"method": "full", "quantization": "nf4"}}, "/tuning/quantization"),
        ({"tuning": {"hosted": "nobody/nothing"}}, "/tuning/hosted"),
        ({"tuning": {"method": "full"}, "preferences": {"method": "lora"}}, "/preferences/method"),
        ({"preferences": {"gpu": "L4"}, "tuning": {"hardware": {"gpu": "L40S"}}}, "/preferences/gpu"),
    ],
)
def test_what_cannot_be_answered_names_the_field(
    check: Check, base: Base, change: Mapping[str, Any], pointer: str
) -> None:
    found = check(base(change))
    assert found.case is None
    assert found.document.problems[0].pointer == pointer
    assert found.findings[0].rule == "PROPOSAL-INVALID"
