"""API keys: their text, and how they are issued."""

import re
from base64 import urlsafe_b64decode
from hashlib import sha256

import asyncpg
import pytest

from gateway.catalog import Owner, Scope
from gateway.db.api_keys import PgApiKeys
from gateway.keys import digest, issue_key, new_key, visible_prefix


@pytest.mark.parametrize(
    ("live", "restricted", "kind"),
    [
        (True, False, "sk_live_"),
        (False, False, "sk_test_"),
        (True, True, "rk_live_"),
        (False, True, "rk_test_"),
    ],
)
def test_a_key_names_its_kind_and_has_256_bits(*, live: bool, restricted: bool, kind: str) -> None:
    body = bytes(range(224, 256))
    key = new_key(live=live, restricted=restricted, random_bytes=lambda count: body[:count])
    assert re.fullmatch(kind + r"[A-Za-z0-9_-]{43}", key)
    assert urlsafe_b64decode(key.removeprefix(kind) + "=") == body


def test_no_two_keys_are_the_same() -> None:
    assert len({new_key(live=True, restricted=False) for _ in range(100)}) == 100


def test_the_digest_is_sha_256_and_any_text_has_one() -> None:
    assert digest("sk_live_x") == sha256(b"sk_live_x").digest()
    assert len(digest("\ud800\x00é")) == 32


def test_the_visible_prefix_is_the_kind_and_four_characters() -> None:
    assert visible_prefix("sk_live_abcdefgh" + "x" * 35) == "sk_live_abcd"


@pytest.mark.parametrize("key", ["", "secret", "vxa_tx_short", "x" * 31])
def test_nothing_of_a_short_key_is_visible(key: str) -> None:
    assert visible_prefix(key) == ""


async def test_an_issued_key_is_found_by_its_digest(pool: asyncpg.Pool) -> None:
    api_keys = PgApiKeys(pool)
    owner = Owner(await api_keys.ensure_user("a@b"), live=False)
    key, stored = await issue_key(api_keys, owner, scopes=frozenset({Scope.RECORDINGS_READ}))
    assert key.startswith("rk_test_")
    assert stored.prefix == key[:12]
    assert await api_keys.find_key(digest(key)) == stored


async def test_keys_with_the_same_beginning_are_different_keys(pool: asyncpg.Pool) -> None:
    api_keys = PgApiKeys(pool)
    owner = Owner(await api_keys.ensure_user("a@b"))
    texts = iter(["sk_live_same" + "X" * 32, "sk_live_same" + "Y" * 32])
    made = [await issue_key(api_keys, owner, make=lambda **_: next(texts)) for _ in range(2)]
    assert [await api_keys.find_key(digest(key)) for key, _ in made] == [stored for _, stored in made]
