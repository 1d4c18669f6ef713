"""Every file in tests/broken/catalogue is refused with the words that its first line asks for."""

from pathlib import Path

import pytest

from app.catalogue import load_catalogue
from app.catalogue.strict_yaml import parse
from app.errors import CatalogueError

CORPUS = sorted((Path(__file__).parents[2] / "broken" / "catalogue").glob("*.yaml"))
MISTAKES_AT_LEAST = 30


def test_the_corpus_is_found() -> None:
    assert len(CORPUS) >= MISTAKES_AT_LEAST


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_a_broken_file_is_refused_with_the_words_it_asks_for(path: Path) -> None:
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith("# says: ")
    with pytest.raises(CatalogueError) as caught:
        load_catalogue(path)
    error = caught.value
    for words in first.removeprefix("# says: ").split(" | "):
        assert words in str(error)
    assert error.file == path.name
    assert error.key
    assert error.detail
    assert error.write_instead


def test_an_overlay_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match=r"prices\.yaml.*No such file"):
        load_catalogue(tmp_path / "prices.yaml")


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes("currencies: {EUR: é}".encode("latin-1"))
    with pytest.raises(CatalogueError, match="a UTF-8 file"):
        load_catalogue(path)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("x: 9.89e+14", 9.89e14),
        ("x: 1_000", 1000),
        ("x: -5", -5),
        ("x: 0", 0),
        ("x: null", None),
        ("x: 'NO'", "NO"),
        ("x: true", True),
        ("x: [a, b]", ["a", "b"]),
    ],
)
def test_plain_values_are_read_as_they_look(text: str, value: object) -> None:
    assert parse(text, "some.yaml") == {"x": value}


@pytest.mark.parametrize("text", ["x: 010", "x: 0x10", "x: 1:30", "x: +012"])
def test_integers_in_other_bases_are_refused(text: str) -> None:
    with pytest.raises(CatalogueError, match="base 8, 16 or 60"):
        parse(text, "some.yaml")


@pytest.mark.parametrize("text", ["x: !!python/object/apply:os.getcwd []", "? [a]\n: 1", "x: *nowhere"])
def test_yaml_beyond_plain_data_is_refused(text: str) -> None:
    with pytest.raises(CatalogueError):
        parse(text, "some.yaml")
