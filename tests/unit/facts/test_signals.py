"""Signals stand outside of negation, dismissal, hypotheticals, other people's systems and quotation marks."""

import pytest

from app.facts import scan
from app.facts.signals import MAX_SPANS

FIRING = [
    ("awaited_inline", "It sits in the request path of the checkout."),
    ("as_you_type", "Suggestions appear as the user types."),
    ("as_you_type", "It runs on every search keystroke."),
    ("voice_turns", "The caller hears dead air while it thinks."),
    ("user_waits", "The clerk waits at the counter for the answer."),
    ("batch_offline", "It is an overnight job and nobody waits for it."),
    ("machine_consumed", "The parser rejects anything else."),
    ("fixed_labels", "Pick exactly one of our 38 clause codes."),
    ("strict_schema", "The output is strict JSON."),
    ("same_input_same_output", "The same input must always give the same output."),
    ("audit", "The auditors replay a sample every month."),
    ("tone_of_voice", "It should keep our brand voice."),
    ("creative", "Surprise me, the sillier the better."),
    ("proprietary_taxonomy", "Codes come from our own taxonomy of hazards."),
    ("expert_judgement", "It requires a trained pathologist to judge it."),
    ("everyday_language", "Anyone can tell whether it is right."),
    ("multi_step_reasoning", "Weigh the evidence for and against."),
    ("cite_sources", "Each answer must cite the paragraph."),
    ("documents_change", "The policies change weekly."),
    ("knowledge_static", "The code list rarely changes."),
    ("cost_pressure", "Unless a call is practically free we will not build it."),
    ("cost_named", "Finance wants to keep an eye on the bill."),
    ("cost_unimportant", "Money is no object."),
    ("huge_volume", "There are millions of messages to sort."),
    ("low_volume", "Volumes are tiny."),
    ("self_hosted", "Patient data must not leave our network."),
    ("self_hosted", "It has to run on premises."),
    ("on_device", "It runs on the device without a connection."),
    ("small_base_model_wished", "We would like a small model on a single GPU."),
    ("labels_exist", "12,000 letters have been labelled already."),
    ("no_labels", "We have no labelled data."),
    ("prototype_now", "It is a proof of concept for now."),
    ("deadline_short", "We need it running within two weeks."),
    ("many_languages", "Messages arrive in eleven languages."),
    ("low_resource_language", "The farmers write in a rare dialect of Quechua."),
    ("tools_and_agents", "The agent picks the right function call with its arguments."),
    ("prompting_insufficient", "Our prompt has plateaued whatever we tried."),
]
QUIET = [
    ("real_time", "Real-time answers are not needed."),
    ("real_time", "Latency does not matter, nothing has to be instant."),
    ("strict_schema", "There is no need for JSON here."),
    ("audit", "No auditor will ever look at it."),
    ("real_time", "A competitor boasts real time answers."),
    ("real_time", 'One user wrote "I need it immediately" in the survey.'),
    ("creative", "Nothing creative is wanted."),
    ("prototype_now", "Build the page from a designer's mockup."),
    ("human_reviews", "Meters become human-readable text."),
    ("human_reviews", "A corpus of human-read bulletins."),
    ("self_hosted", "Nobody asks for on-premises hosting."),
    ("audit", "If auditors ever asked, we could say more."),
]


@pytest.mark.parametrize(("signal", "text"), FIRING)
def test_a_signal_fires(signal: str, text: str) -> None:
    assert signal in scan(text).signals


@pytest.mark.parametrize(("signal", "text"), QUIET)
def test_a_signal_stays_quiet(signal: str, text: str) -> None:
    assert signal not in scan(text).signals


def test_a_signal_names_where_it_stands() -> None:
    text = "Labels: strict JSON, please. Again: strict JSON."
    spans = scan(text).signals["strict_schema"]
    assert [text[a:b] for a, b in spans] == ["strict JSON", "strict JSON"]


def test_spans_are_bounded() -> None:
    assert len(scan("JSON. " * 100).signals["strict_schema"]) == MAX_SPANS


def test_a_stated_price_per_item_is_a_signal() -> None:
    assert "price_per_item" in scan("We get 0.3 cents per call and not more.").signals
