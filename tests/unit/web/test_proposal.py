"""The page's task as a proposal."""

from pathlib import Path

import yaml
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from app.cli.main import app as command_line
from app.schemas.recommend import RecommendRequest
from app.web.proposal import as_yaml

TEXTS = st.text(st.characters(codec="utf-8"), min_size=20, max_size=200)


@given(TEXTS, TEXTS)
def test_yaml_says_what_was_given(title: str, description: str) -> None:
    request = RecommendRequest(title=title, description=description)
    read = yaml.safe_load(as_yaml(request, "fine_tuning"))
    assert read == {
        "kind": "Proposal",
        "title": title,
        "owner": "your-team",
        "description": description,
        "approach": "fine_tuning",
    }


def test_requirements_and_preferences_are_kept_and_readable() -> None:
    request = RecommendRequest.model_validate(
        {
            "description": "First line of the task.\n\n  Indented: yes\nLast line",
            "requirements": {"requests_per_day": 40000, "languages": ("en", "de"), "self_hosting_required": True},
            "preferences": {"gpu": "L40S", "architecture": {"model_type": "llama", "rope": {"a": [1, 2]}}},
        }
    )
    text = as_yaml(request, "prompt_engineering")
    assert "description: |-\n  First line" in text, "a block, so that people can read it"
    read = yaml.safe_load(text)
    assert read["title"] == "First line of the task."
    assert read["description"] == request.description
    assert read["requirements"] == {"requests_per_day": 40000, "languages": ["en", "de"], "self_hosting_required": True}
    assert read["preferences"] == {"gpu": "L40S", "architecture": {"model_type": "llama", "rope": {"a": [1, 2]}}}


def test_tunewise_check_takes_it(tmp_path: Path) -> None:
    request = RecommendRequest.model_validate(
        {
            "description": "Assign every incoming support message to exactly one of 42 queues.",
            "requirements": {"requests_per_day": 250000, "latency_p95_seconds": 0.5, "labelled_examples": 85000},
            "preferences": {"gpu": "L40S"},
        }
    )
    text = as_yaml(request, "fine_tuning")
    assert "requests_per_day: 250000\n" in text
    file = tmp_path / "task.proposal.yaml"
    file.write_text(text, encoding="utf-8")
    checked = CliRunner().invoke(command_line, ["check", str(file)])
    assert checked.exit_code == 0, checked.output
