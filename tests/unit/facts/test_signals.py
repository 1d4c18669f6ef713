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
    ("self_hosted", "Data stays in house."),
    ("self_hosted", "All documents must remain within our network."),
    ("self_hosted", "We can't send any of it outside."),
    ("self_hosted", "Transmission of data to third parties is not permitted."),
    ("self_hosted", "Disclosure of the drawings to outside providers is forbidden."),
    ("self_hosted", "The recordings must not leave our servers."),
    ("self_hosted", "The letters may never leave the building."),
    ("self_hosted", "Contracts cannot leave the bank."),
    ("self_hosted", "Nothing may be handed to third parties."),
    ("self_hosted", "We are not allowed to share transcripts with outside vendors."),
    ("self_hosted", "The texts are kept strictly on our own machines."),
    ("self_hosted", "Source code shall not leave the Purchaser's network."),
    ("self_hosted", "There may be no public API behind it."),
    ("on_device", "It runs on the player's own console."),
    ("on_device", "Execution takes place on the customer's handset."),
    ("documents_change", "The functions change every couple of weeks."),
    ("documents_change", "The agreements are modified weekly."),
    ("data_residency", "Records must not leave Switzerland."),
    ("data_residency", "The data may not leave the country."),
    ("data_residency", "Data residency in the EU is a must."),
    ("glossary", "A glossary of 9,000 terms has to be respected."),
    ("glossary", "Our termbase decides how parts are called."),
    ("glossary", "Translators keep to the approved terminology."),
    ("glossary", "Product terms must be translated exactly as in the word list."),
    ("several_steps", "A coding agent repairs bugs while developers sleep."),
    ("several_steps", "It works autonomously, by reading and modifying source files and executing tests."),
    ("several_steps", "The bot plans and executes several tool calls for each ticket."),
    ("agentic", "It fixes bugs by reading and modifying source files and executing tests."),
    ("as_you_type", "It changes with each letter the shopper enters."),
    ("as_you_type", "After each letter the list of recipes reorders itself."),
    ("as_you_type", "Each letter typed refreshes the hint."),
    ("facts_move", "Prices are updated every week."),
    ("facts_move", "The rules are revised each month."),
    ("invention_wanted", "Write advertising headlines for shoes."),
    ("invention_wanted", "Invent product names for a range of teas."),
    ("house_convention", "It has to read the way our department words it."),
    ("house_convention", "The wording customary in the department is expected."),
    ("knowledge_static", "The catalogue of departments is stable."),
    ("knowledge_static", "The codes basically never change."),
    ("real_time", "The line has to stand on the monitor while the presenter is still talking."),
    ("real_time", "The right drawer opens as she speaks."),
    ("real_time", "The facts are to show up as they're being said."),
    ("real_time", "A word lights up while the caller is still in her first sentence."),
    ("real_time", "The remark is there before she has got to the end of her sentence."),
    ("real_time", "I'd like the gate to open that same instant."),
    ("real_time", "The answer is there by the time the card turns."),
    ("real_time", "The counter moves along with the voice."),
    ("real_time", "The lamp has to respond like a light switch."),
    ("real_time", "The marks must be in the form right then."),
    ("as_you_type", "A hint shows while their fingers are on the keys."),
    ("as_you_type", "The remark is shown while the mouse is moving."),
    ("as_you_type", "It is updated at each pause in typing."),
    ("price_decides", "Should it come out dearer than a stamp we won't start."),
    ("price_decides", "It can be had for what a coffee costs or not at all."),
    ("price_decides", "They'd go ahead only under two cents."),
    ("price_decides", "The margin on a ticket is what it is."),
    ("price_decides", "If that fails we go back to paper."),
]
QUIET = [
    ("self_hosted", "It is a language that no public model has seen."),
    ("documents_change", "The manual is rewritten every two years."),
    ("self_hosted", "Records must not leave Switzerland."),
    ("self_hosted", "The data may not leave the country."),
    ("self_hosted", "Data residency in the EU is a must."),
    ("self_hosted", "Customers may leave a comment."),
    ("self_hosted", "Nobody sends letters to the outside office any more."),
    ("self_hosted", "The caller stays in house 4."),
    ("facts_move", "The list changes every January."),
    ("facts_move", "It is revised each year."),
    ("facts_move", "Guidelines are revised yearly."),
    ("facts_move", "A translator at the desk revises every one."),
    ("as_you_type", "Each letter is scanned and read by a clerk."),
    ("as_you_type", "The advice text is carried letter by letter."),
    ("as_you_type", "We track the costs per letter."),
    ("as_you_type", "Pull the diagnosis out of every letter."),
    ("invention_wanted", "Match receipt lines with product names."),
    ("invention_wanted", "Classify advertising headlines by tone."),
    ("invention_wanted", "Find allergens in recipes."),
    ("several_steps", "A chat assistant answers questions of tenants."),
    ("several_steps", "Agents of the call centre read the summary."),
    ("glossary", "The terms of the contract are summarised."),
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
    ("voice_turns", "Passages that speak to each criterion are marked."),
    ("voice_turns", "If a customer says it came too late, the form is checked."),
    ("price_decides", "A mark is printed in the margin of the report."),
    ("price_decides", "The nurse whom nobody lets go back to the ward."),
    ("price_decides", "Past campaigns go back to 1987."),
    ("real_time", "The two editors read it aloud and talk about it in the evening."),
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
