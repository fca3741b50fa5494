"""The small parts of the S3 storage that need no server: names, settings, retries, credentials, URLs."""

from typing import Any

import pytest
from aiobotocore.credentials import AioCredentials  # type: ignore[import-untyped]
from botocore.exceptions import NoCredentialsError  # type: ignore[import-untyped]

from storage_adapters import connect
from storage_adapters.base import (
    AccessDenied,
    InvalidKey,
    ObjectArchived,
    ObjectChanged,
    ObjectNotFound,
    StorageError,
    StorageFull,
    StorageUnavailable,
)
from storage_adapters.s3.credentials import RENEW_PAUSE_SECONDS, RenewableCredentials
from storage_adapters.s3.error_codes import refused
from storage_adapters.s3.names import is_fit_for_xml, name_of
from storage_adapters.s3.shared_limits import PAUSE_MAX_SECONDS, RetryTokens, pause_seconds
from tests.clock import Clock


@pytest.mark.parametrize("key", ["a", "a/b", "/a", "a//b", "..a/b..", "...", "ü" * 509, "a\x01b", "a\nb"])
def test_nearly_any_text_is_a_name(key: str) -> None:
    assert name_of("kept/", key) == "kept/" + key


@pytest.mark.parametrize(
    "key",
    [
        pytest.param("", id="empty"),
        pytest.param("a\0b", id="nul"),
        pytest.param("\ud800", id="half_a_surrogate_pair"),
        pytest.param("ü" * 510 + "a", id="too_long_with_the_prefix"),
        *(pytest.param(key, id=key) for key in ("..", ".", "../a", "a/../b", "a/..", "./a", "a/./b")),
    ],
)
def test_a_name_that_no_object_can_have_is_an_invalid_key(key: str) -> None:
    with pytest.raises(InvalidKey):
        name_of("kept/", key)


@pytest.mark.parametrize(
    ("name", "fit"), [("a b/ü🎙<&>", True), ("a\x01", False), ("a\r", False), ("a\n", False), ("a\uffff", False)]
)
def test_control_characters_do_not_survive_xml(name: str, *, fit: bool) -> None:
    assert is_fit_for_xml(name) is fit


WRONG_SETTINGS: dict[str, tuple[dict[str, Any], str]] = {
    "no_bucket": ({}, "bucket"),
    "an_empty_bucket": ({"bucket": ""}, "bucket"),
    "an_unknown_name": ({"bucket": "b", "colour": "red"}, "colour"),
    "half_a_key": ({"bucket": "b", "access_key_id": "id"}, "secret_access_key"),
    "an_unknown_style": ({"bucket": "b", "addressing_style": "host"}, "addressing_style"),
    "no_connections": ({"bucket": "b", "max_connections": 0}, "max_connections"),
    "no_time": ({"bucket": "b", "read_timeout_seconds": 0}, "read_timeout_seconds"),
    "less_memory_than_a_window": ({"bucket": "b", "buffer_budget_bytes": 1_000_000}, "buffer_budget_bytes"),
    "a_tiny_window": ({"bucket": "b", "window_initial_bytes": 1}, "window_initial_bytes"),
    "negative_retries": ({"bucket": "b", "retries": -1}, "retries"),
    "urls_that_live_too_long": ({"bucket": "b", "presign_expires_in_seconds": 604_801}, "presign_expires_in_seconds"),
    "a_negative_window": ({"bucket": "b", "presign_window_seconds": -1}, "presign_window_seconds"),
}


@pytest.mark.parametrize(("options", "named"), WRONG_SETTINGS.values(), ids=WRONG_SETTINGS.keys())
async def test_a_wrong_setting_is_named(options: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        await connect("s3", options)


async def test_all_wrong_options_are_named_together_and_no_secret_is_shown() -> None:
    with pytest.raises(ValueError, match=r"(?s)max_connections.*retries") as caught:
        await connect("s3", {"bucket": "b", "max_connections": 0, "retries": -1, "secret_access_key": "hidden"})
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (404, "NoSuchKey", ObjectNotFound),
        (404, "", ObjectNotFound),
        (404, "NoSuchBucket", StorageUnavailable),
        (403, "AccessDenied", AccessDenied),
        (403, "InvalidObjectState", ObjectArchived),
        (507, "", StorageFull),
        (403, "", AccessDenied),
        (401, "", AccessDenied),
        (400, "ExpiredToken", AccessDenied),
        (400, "KeyTooLongError", InvalidKey),
        (412, "", ObjectChanged),
        (416, "InvalidRange", ObjectChanged),
        (500, "InternalError", StorageUnavailable),
        (301, "PermanentRedirect", StorageUnavailable),
        (418, "", StorageUnavailable),
    ],
)
def test_each_error_of_s3_becomes_one_of_ours(status: int, code: str, error: type[StorageError]) -> None:
    assert type(refused("key", status, code)) is error


def test_retries_end_when_nothing_succeeds_and_come_back_when_it_does() -> None:
    tokens = RetryTokens(3)
    assert [tokens.take() for _ in range(4)] == [True, True, True, False]
    for _ in range(6):
        tokens.refund()
    assert [tokens.take() for _ in range(2)] == [True, False]


def test_success_never_saves_up_more_than_the_capacity() -> None:
    tokens = RetryTokens(1)
    for _ in range(100):
        tokens.refund()
    assert [tokens.take() for _ in range(2)] == [True, False]


def test_pauses_double_with_full_jitter_up_to_a_limit() -> None:
    assert [round(pause_seconds(failures, lambda: 1.0), 3) for failures in range(1, 8)] == [
        *(0.1, 0.2, 0.4, 0.8, 1.6),
        *(PAUSE_MAX_SECONDS, PAUSE_MAX_SECONDS),
    ]
    assert pause_seconds(3, lambda: 0.0) == 0


class Chain:
    """Where credentials are found; counts how often it was asked."""

    def __init__(self, secret: str | None) -> None:
        self.secret = secret
        self.asked = 0

    async def __call__(self) -> AioCredentials | None:
        self.asked += 1
        return None if self.secret is None else AioCredentials("id", self.secret)


async def test_refused_credentials_are_looked_up_again_but_not_all_the_time() -> None:
    chain, clock = Chain("old"), Clock()
    credentials = RenewableCredentials(chain, clock)
    old = await credentials.get_frozen_credentials()
    assert not await credentials.renew(old)
    chain.secret = "new"
    assert not await credentials.renew(old)
    assert chain.asked == 2
    clock.seconds += RENEW_PAUSE_SECONDS
    assert await credentials.renew(old)
    assert (await credentials.get_frozen_credentials()).secret_key == "new"


async def test_a_refusal_of_replaced_credentials_causes_no_look_up() -> None:
    chain = Chain("old")
    credentials = RenewableCredentials(chain, Clock())
    old = await credentials.get_frozen_credentials()
    chain.secret = "new"
    assert await credentials.renew(old)
    assert await credentials.renew(old)
    assert chain.asked == 2


async def test_credentials_that_vanish_are_kept_and_absent_ones_are_an_error() -> None:
    chain = Chain("old")
    credentials = RenewableCredentials(chain, Clock())
    old = await credentials.get_frozen_credentials()
    chain.secret = None
    assert not await credentials.renew(old)
    assert await credentials.get_frozen_credentials() == old
    with pytest.raises(NoCredentialsError):
        await RenewableCredentials(chain, Clock()).get_frozen_credentials()
