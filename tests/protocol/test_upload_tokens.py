"""Upload tokens: what they permit, until when, and that no other text is accepted as one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.protocol.signing import Grant, Signer, SigningKey, SigningKeys
from gateway.protocol.upload_tokens import BadUploadToken, UploadGrant, UploadTokens

OLD, NEW = SigningKey("old", b"o" * 32), SigningKey("new", b"n" * 32)
TOKENS = UploadTokens(SigningKeys([NEW, OLD]))
NOW = 1_800_000_000
GRANT = UploadGrant("123t", 100_000_000_001, 100_000_000_002, NOW + 900, 300_000_000_001)

GRANTS = st.builds(
    UploadGrant,
    st.from_regex(r"[0-9]{1,18}t?", fullmatch=True),
    st.integers(0, 10**18 - 1),
    st.integers(0, 10**18 - 1),
    st.integers(1, 10**12 - 1),
    st.integers(0, 10**18 - 1),
)


@given(GRANTS)
def test_a_token_permits_what_was_granted(grant: UploadGrant) -> None:
    assert TOKENS.verify(TOKENS.sign(grant), now=grant.expires - 1) == grant


@given(GRANTS)
def test_a_token_is_made_of_characters_that_no_client_quotes(grant: UploadGrant) -> None:
    token = TOKENS.sign(grant)
    assert token.startswith("up_")
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


@pytest.mark.parametrize(("late", "permitted"), [(-1, True), (0, False), (1, False)])
def test_a_token_ends_to_the_second(late: int, *, permitted: bool) -> None:
    token = TOKENS.sign(GRANT)
    if permitted:
        assert TOKENS.verify(token, now=GRANT.expires + late) == GRANT
    else:
        with pytest.raises(BadUploadToken, match="expired"):
            TOKENS.verify(token, now=GRANT.expires + late)


def test_a_token_of_an_older_key_is_valid_until_the_key_is_removed() -> None:
    token = UploadTokens(SigningKeys([OLD])).sign(GRANT)
    assert TOKENS.verify(token, now=NOW) == GRANT
    with pytest.raises(BadUploadToken, match="not valid"):
        UploadTokens(SigningKeys([NEW])).verify(token, now=NOW)


@given(st.data())
def test_one_changed_character_makes_it_invalid(data: st.DataObject) -> None:
    token = TOKENS.sign(GRANT)
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters().filter(lambda character: character != token[place]))
    changed = token[:place] + other + token[place + 1 :]
    # The last character of 43 carries two bits that no byte has: decoding is never asked for.
    with pytest.raises(BadUploadToken):
        TOKENS.verify(changed, now=NOW)


@pytest.mark.parametrize("place", [1, 2, 3, 4])
def test_a_number_with_a_leading_zero_makes_it_invalid(place: int) -> None:
    words = TOKENS.sign(GRANT).split(".")
    words[place] = f"0{words[place]}"
    with pytest.raises(BadUploadToken, match="not valid"):
        TOKENS.verify(".".join(words), now=NOW)


@given(st.text())
def test_no_other_text_is_a_token(text: str) -> None:
    with pytest.raises(BadUploadToken, match="not valid"):
        TOKENS.verify(text, now=NOW)


def test_a_playback_signature_is_refused_as_an_upload_token() -> None:
    signed = Signer(SigningKeys([NEW]), expires_in_seconds=900, window_seconds=1).sign(
        Grant(GRANT.owner, GRANT.recording_id, GRANT.media_file_id, key_id=GRANT.key_id), now=NOW
    )
    signature = signed.query.rpartition("sig=")[2]
    words = f"{GRANT.owner}.{GRANT.recording_id}.{GRANT.media_file_id}.{int(signed.expires_at.timestamp())}.{GRANT.key_id}.new"
    with pytest.raises(BadUploadToken, match="not valid"):
        TOKENS.verify(f"up_{words}.{signature}", now=NOW)
