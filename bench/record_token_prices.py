"""Records token prices in app/catalogue/data/token_prices.yaml from the installed genai-prices.

    python bench/record_token_prices.py --checked 2026-11-10        # the release date of the installed genai-prices

What is on record stays; a price that changed is appended under the day from which it counts.
"""

import argparse
from datetime import date
from pathlib import Path

from app.catalogue.entries import HostedFile, TokenPriceFile, TokenPriceValues
from app.catalogue.files import DATA
from app.catalogue.strict_yaml import read, validated
from app.catalogue.token_prices import look_up, version

FILE = "token_prices.yaml"
HEADER = """\
# Token prices of hosted base models, recorded from genai-prices by bench/record_token_prices.py; do not edit by hand.
# A new look-up appends a dated value where a price changed. Values after `checked` are announced, not yet in force.
# A price without a known start is dated by the look-up. Prices of short prompts: some rise from 100,000 tokens on."""


def record(checked: date) -> str:
    """The text of the file after a look-up on the day `checked`."""
    hosted = validated(HostedFile, read(DATA / "hosted_models.yaml"), "hosted_models.yaml").hosted_models
    path = DATA / FILE
    known = validated(TokenPriceFile, read(path), FILE).token_prices if path.is_file() else {}
    source = (
        f'genai-prices: {{title: "genai-prices {version()}", href: "https://github.com/pydantic/genai-prices", '
        f"date: {checked}, grade: B}}"
    )
    lines = [HEADER, "sources:", f"  {source}", "token_prices:"]
    for hosted_id, entry in hosted.items():
        if entry.genai_prices is not None:
            found = look_up(entry.genai_prices["provider"], entry.genai_prices["model"], checked)
            values = appended(known[hosted_id].values if hosted_id in known else {}, found)
            lines += [f"  {hosted_id}:", "    unit: USD/1M tokens", "    values:"]
            lines += [f"      {day}: {as_yaml(v)}" for day, v in sorted(values.items())]
            lines += ["    source: genai-prices", f"    checked: {checked}"]
    return "\n".join(lines) + "\n"


def appended(known: dict[date, TokenPriceValues], found: dict[date, TokenPriceValues]) -> dict[date, TokenPriceValues]:
    """`known` with every price of `found` that differs from the one on record for its day."""
    made = dict(known)
    for day, values in sorted(found.items()):
        earlier = [d for d in made if d <= day]
        if not earlier or made[max(earlier)] != values:
            made[day] = values
    return made


def as_yaml(values: TokenPriceValues) -> str:
    """One dated value as a flow mapping; what is unknown is left out."""
    shown = {name: value for name, value in values.model_dump().items() if value is not None}
    return "{" + ", ".join(f"{name}: {value}" for name, value in shown.items()) + "}"


def main() -> None:
    """Writes the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checked", type=date.fromisoformat, required=True, help="release date of genai-prices")
    Path(str(DATA / FILE)).write_text(record(parser.parse_args().checked), encoding="utf-8")


if __name__ == "__main__":
    main()
