"""Signatures of playback URLs: a signed query is valid, and no changed one is."""

from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.protocol.signing import BadSignature, Grant, Signer, SigningKey, SigningKeys, owner_text, parse_owner

NOW = 1_800_000_123.4
OLD, NEW = SigningKey("old", b"o" * 32), SigningKey("new", b"n" * 32)
SIGNER = Signer(SigningKeys([NEW, OLD]), expires_in_seconds=600, window_seconds=300)
GRANT = Grant("42", 123456789012, 210987654321)


def signed(signer: Signer = SIGNER, grant: Grant = GRANT, **options: int) -> dict[str, str]:
    return dict(parse_qsl(signer.sign(grant, now=NOW, **options).query))


def verify(query: dict[str, str], recording: int = 123456789012, media: int = 210987654321, now: float = NOW) -> Grant:
    return SIGNER.verify(query, recording, media, now=now)[0]


BY_KEY = Grant("42", 123456789012, 210987654321, "inline", 300000000001)
BY_LINK = replace(BY_KEY, owner="")


@pytest.mark.parametrize(
    "grant",
    [GRANT, Grant("42t", 123456789012, 210987654321, "attachment"), BY_KEY, BY_LINK],
    ids=["inline", "saved", "created with a key", "created with a share link"],
)
def test_a_signed_query_gives_its_grant_back(grant: Grant) -> None:
    assert verify(signed(grant=grant)) == grant


def test_a_query_signed_with_an_older_key_still_holds() -> None:
    query = signed(Signer(SigningKeys([OLD]), expires_in_seconds=600, window_seconds=300))
    assert query["kid"] == "old"
    assert verify(query) == GRANT


def test_replaced_keys_sign_and_verify_nothing_any_more() -> None:
    keys = SigningKeys([NEW, OLD])
    signer = Signer(keys, expires_in_seconds=600, window_seconds=300)
    before = [signed(signer), signed(Signer(SigningKeys([OLD]), expires_in_seconds=600, window_seconds=300))]
    # The same id with another secret is another key.
    keys.replace([SigningKey("new", b"x" * 32)])
    assert keys.generation == 1
    for query in before:
        with pytest.raises(BadSignature, match="not valid"):
            signer.verify(query, 123456789012, 210987654321, now=NOW)
    assert signer.verify(signed(signer), 123456789012, 210987654321, now=NOW)[0] == GRANT


def test_a_url_is_stable_inside_a_window_and_lives_at_least_as_long_as_promised() -> None:
    first = SIGNER.sign(GRANT, now=1_800_000_001)
    assert SIGNER.sign(GRANT, now=1_800_000_299.9) == first
    assert SIGNER.sign(GRANT, now=1_800_000_301) != first
    assert first.expires_at == datetime.fromtimestamp(1_800_000_900, UTC)


def test_an_explicit_life_is_kept_to_the_second() -> None:
    assert int(signed(expires_in_seconds=7)["exp"]) == int(NOW) + 7


def test_the_last_second_counts_and_the_next_does_not() -> None:
    query = signed(expires_in_seconds=7)
    assert verify(query, now=int(NOW) + 6.999) == GRANT
    with pytest.raises(BadSignature, match="expired"):
        verify(query, now=int(NOW) + 7)


FORGED = {
    "other owner": {"own": "43"},
    "test data": {"own": "42t"},
    "no owner": {"own": ""},
    "later": {"exp": "9999999999"},
    "signed number": {"exp": "+1800000900"},
    "endless number": {"exp": "9" * 5000},
    "no expiry": {"exp": ""},
    "other disposition": {"disposition": "attachment"},
    "other key": {"kid": "old"},
    "unknown key": {"kid": "x"},
    "no signature": {"sig": ""},
    "wrong signature": {"sig": "A" * 43},
    "signature beyond ASCII": {"sig": "ä\udce4"},
}


@pytest.mark.parametrize("change", FORGED.values(), ids=FORGED)
def test_a_changed_query_gives_nothing(change: dict[str, str]) -> None:
    with pytest.raises(BadSignature, match="not valid"):
        verify(signed() | change)


@pytest.mark.parametrize("field", ["own", "exp", "kid", "sig"])
def test_a_shortened_query_gives_nothing(field: str) -> None:
    query = signed()
    del query[field]
    with pytest.raises(BadSignature):
        verify(query)


@pytest.mark.parametrize("grant", [BY_KEY, BY_LINK], ids=["a key", "a share link"])
@pytest.mark.parametrize("by", [None, "", "300000000002", "0300000000001", "+300000000001", "9" * 5000, "x"])
def test_the_key_of_a_url_cannot_be_changed_or_left_out(by: str | None, grant: Grant) -> None:
    query = {name: value for name, value in {**signed(grant=grant), "by": by}.items() if value is not None}
    with pytest.raises(BadSignature, match="not valid"):
        verify(query)


def test_a_key_cannot_be_added_to_a_url() -> None:
    with pytest.raises(BadSignature, match="not valid"):
        verify(signed() | {"by": "300000000001"})


def test_a_share_links_query_does_not_name_the_owner_and_no_owner_can_be_added_or_removed() -> None:
    assert "own" not in signed(grant=BY_LINK)
    with pytest.raises(BadSignature, match="not valid"):
        verify(signed(grant=BY_LINK) | {"own": "42"})
    named = signed(grant=BY_KEY)
    del named["own"]
    with pytest.raises(BadSignature, match="not valid"):
        verify(named)


def test_a_query_holds_for_its_own_media_file_only() -> None:
    for recording, media in ((1, 210987654321), (123456789012, 1), (210987654321, 123456789012)):
        with pytest.raises(BadSignature):
            verify(signed(), recording, media)


def test_nothing_in_the_query_needs_quoting() -> None:
    query = SIGNER.sign(GRANT, now=NOW).query
    assert quote(query, safe="=&") == query


@given(st.dictionaries(st.sampled_from(["own", "exp", "kid", "sig", "disposition"]), st.text()))
def test_no_query_raises_anything_else(query: dict[str, str]) -> None:
    with pytest.raises(BadSignature):
        verify(query)


@given(st.integers(0, 10**18 - 1), st.booleans())
def test_an_owner_is_the_same_after_it_was_written_as_text(user_id: int, live: bool) -> None:  # noqa: FBT001 - drawn by Hypothesis
    assert parse_owner(owner_text(user_id, live)) == (user_id, live)
