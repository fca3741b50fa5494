"""Which storage backend a bucket is, and how many objects are probed at a time."""

import asyncio
from collections.abc import AsyncGenerator

import click
import pytest

from gateway.commands.bucket_imports import S3Url, find_location, parse_s3_url
from gateway.commands.bulk_work import for_each
from gateway.settings.load import Config, load

STORAGES = {
    "whole": {"kind": "s3", "bucket": "a"},
    "calls": {"kind": "s3", "bucket": "b", "prefix": "calls/"},
    "mail": {"kind": "s3", "bucket": "b", "prefix": "mail/"},
    "deep": {"kind": "s3", "bucket": "b", "prefix": "mail/deep/"},
}


@pytest.fixture
def config() -> Config:
    return load(None, {"XDG_DATA_HOME": "/d"}, {"storages": STORAGES})


@pytest.mark.parametrize(
    ("text", "bucket", "prefix"),
    [
        ("s3://b", "b", ""),
        ("s3://b/", "b", ""),
        ("s3://b/p", "b", "p"),
        ("s3://b//p/", "b", "/p/"),
        ("s3://b/%20 é?#", "b", "%20 é?#"),
    ],
)
def test_an_address_is_a_bucket_and_a_plain_prefix(text: str, bucket: str, prefix: str) -> None:
    assert parse_s3_url(text) == S3Url(bucket, prefix)


@pytest.mark.parametrize("text", ["s3://", "s3:///p", "S3://b", "b/p", "https://b/p", ""])
def test_anything_else_is_not_an_address(text: str) -> None:
    with pytest.raises(ValueError, match="is not an address like s3://bucket/prefix"):
        parse_s3_url(text)


@pytest.mark.parametrize(
    ("url", "wanted", "storage", "prefix"),
    [
        pytest.param("s3://a", None, "whole", "", id="a-whole-bucket"),
        pytest.param("s3://a/x/y", None, "whole", "x/y", id="a-part-of-it"),
        pytest.param("s3://b/calls/2026", None, "calls", "2026", id="below-a-prefix"),
        pytest.param("s3://b/calls", None, "calls", "", id="a-prefix-without-its-slash"),
        pytest.param("s3://b/mail/deep/1", "mail", "mail", "deep/1", id="the-named-one-of-two"),
    ],
)
def test_an_address_names_a_storage_backend(
    config: Config, url: str, wanted: str | None, storage: str, prefix: str
) -> None:
    place = find_location(parse_s3_url(url), config, wanted)
    assert (place.storage, place.prefix) == (storage, prefix)


@pytest.mark.parametrize(
    ("url", "wanted", "said"),
    [
        pytest.param("s3://c/x", None, "is not in any storage backend; the configured buckets are: whole (s3://a/)", id="another-bucket"),
        pytest.param("s3://b/", None, "is not in any storage backend", id="above-every-prefix"),
        pytest.param("s3://b/call", None, "is not in any storage backend", id="half-a-prefix"),
        pytest.param("s3://a/x", "calls", "is not in the storage backend 'calls'", id="not-in-the-named-one"),
        pytest.param("s3://a/x", "local", "is not in the storage backend 'local'", id="the-named-one-is-not-a-bucket"),
        pytest.param("s3://b/mail/deep/1", None, "is in mail, deep: choose one with --storage", id="two"),
    ],
)  # fmt: skip
def test_an_address_in_no_backend_or_in_two_is_refused(config: Config, url: str, wanted: str | None, said: str) -> None:
    with pytest.raises(click.ClickException) as caught:
        find_location(parse_s3_url(url), config, wanted)
    assert said in caught.value.message


async def numbers(count: int) -> AsyncGenerator[int, None]:
    for number in range(count):
        yield number


async def test_at_most_the_given_number_of_items_are_worked_on_at_the_same_time() -> None:
    running, most, done = 0, 0, []

    async def work(number: int) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        for _ in range(number % 3 + 1):
            await asyncio.sleep(0)
        running -= 1
        done.append(number)

    assert await for_each(numbers(20), work, 3) == 20
    assert (sorted(done), most, running) == (list(range(20)), 3, 0)


async def test_the_first_error_ends_all_work_and_is_raised_unchanged() -> None:
    begun, ended = [], []

    async def work(number: int) -> None:
        begun.append(number)
        try:
            if number == 2:
                raise LookupError(number)
            await asyncio.Event().wait()
        finally:
            ended.append(number)

    with pytest.raises(LookupError):
        await for_each(numbers(1000), work, 3)
    assert sorted(begun) == sorted(ended)
    assert len(begun) == 3


async def test_an_error_of_the_listing_is_raised_unchanged() -> None:
    async def broken() -> AsyncGenerator[int, None]:
        yield 1
        raise LookupError

    async def work(_: int) -> None:
        await asyncio.Event().wait()

    with pytest.raises(LookupError):
        await for_each(broken(), work, 3)
