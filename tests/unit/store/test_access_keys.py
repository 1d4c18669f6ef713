"""Access keys: never kept as they are, checked in constant time, expired when they should."""

from datetime import timedelta
from pathlib import Path

import pytest

from app.errors import InputError, MissingError
from app.store import Store
from app.store.access_keys import mint, read_entries, split
from tests.unit.store.samples import NOW


def test_a_key_opens_and_others_do_not() -> None:
    key, text = mint("ci", ["write"], NOW)
    key_id, secret = split(text)
    assert key_id == key.id
    assert key.holds(secret, NOW)
    assert not key.holds(secret[:-1], NOW)
    assert not key.holds("", NOW)
    assert not key.holds("é", NOW)
    assert key.scopes == {"read", "write"}
    assert secret not in key.entry() + repr(key)


def test_two_keys_share_nothing() -> None:
    (first, one), (second, two) = mint("a", ["read"], NOW), mint("a", ["read"], NOW)
    assert len({first.salt, second.salt, first.digest, second.digest, one, two}) == 6


def test_a_key_expires() -> None:
    key, text = mint("ci", ["read"], NOW, days=1)
    assert key.holds(split(text)[1], NOW + timedelta(hours=23))
    assert not key.holds(split(text)[1], NOW + timedelta(hours=24))


@pytest.mark.parametrize("scopes", [[], ["root"], ["read", "wirte"]])
def test_unknown_scopes(scopes: list[str]) -> None:
    with pytest.raises(InputError, match="/scopes"):
        mint("x", scopes, NOW)


def test_entries_read_back() -> None:
    (first, text), (second, _) = mint("a", ["admin"], NOW, days=2), mint("b", ["read"], NOW)
    found = read_entries(f"{first.entry()}, {second.entry()}\n")
    assert [key.scopes for key in found] == [first.scopes, second.scopes]
    assert found[0].expires_at == first.expires_at
    assert found[0].holds(split(text)[1], NOW)


ZEROS = "0" * 64


@pytest.mark.parametrize(
    "text",
    ["tw_abc_secret", "a:read:zz:zz", "a:read", f"a:none:00:{ZEROS}", f"a:read::{ZEROS}", f"a:read:00:{ZEROS}:soon"],
)
def test_entries_that_are_none_and_are_not_repeated(text: str) -> None:
    with pytest.raises(InputError, match="TUNEWISE_KEYS") as refused:
        read_entries(text)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "parts"),
    [("tw_a_b_c", ("a", "b_c")), ("xx_a_b", ("", "xx_a_b")), ("", ("", "")), ("tw_a", ("", "tw_a"))],
)
def test_split(text: str, parts: tuple[str, str]) -> None:
    assert split(text) == parts


def test_the_database_keeps_digests_only(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/t.sqlite3")
    key, text = mint("ci", ["read"], NOW)
    store.add_key(key)
    assert store.keys() == (key,)
    store.close()
    written = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert split(text)[1].encode() not in written
    assert key.digest.encode() in written


def test_ending_a_key_never_prolongs_it(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/t.sqlite3")
    key, _ = mint("ci", ["read"], NOW)
    store.add_key(key)
    assert store.expire_key(key.id, NOW).expires_at == NOW
    assert store.expire_key(key.id, NOW + timedelta(days=1)).expires_at == NOW
    with pytest.raises(MissingError):
        store.expire_key("none", NOW)
