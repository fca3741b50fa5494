"""What the adapter does besides reading: presigned URLs, uploads, deletions, listings, credentials, TLS."""

import asyncio
import base64
import gzip
import ssl
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from yarl import URL

from storage_adapters.base import AccessDenied, PresignedUrl, StorageUnavailable
from storage_adapters.s3 import S3Storage
from storage_adapters.s3.writer import PART_BYTES
from tests.contracts.storage_helpers import exists, read_whole
from tests.s3.broken import CONTENT, put
from tests.s3.buckets import make_bucket, s3_client, s3_storage
from tests.s3.faults import FaultProxy, fault_proxy, header
from tests.s3.processes import S3Server

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def fetch(method: str, presigned: PresignedUrl, body: bytes | None = None) -> tuple[int, dict[str, str], bytes]:
    """What a client gets that knows nothing but the URL and its headers."""
    async with (
        aiohttp.ClientSession() as session,
        session.request(
            method, URL(presigned.url, encoded=True), data=body, headers=dict(presigned.headers)
        ) as response,
    ):
        return response.status, dict(response.headers), await response.read()


async def test_a_presigned_url_reads_with_the_type_and_disposition_it_was_given(storage: S3Storage) -> None:
    disposition = 'attachment; filename="1_audio.mp3"'
    presigned = await storage.presign_get("key", content_type="audio/mpeg", content_disposition=disposition)
    status, headers, body = await fetch("GET", presigned)
    assert (status, body) == (200, CONTENT)
    assert (headers["Content-Type"], headers["Content-Disposition"]) == ("audio/mpeg", disposition)


async def test_a_presigned_url_writes_with_the_type_it_was_signed_for(storage: S3Storage) -> None:
    presigned = await storage.presign_put("uploaded", content_type="audio/ogg", size=7, expires_in_seconds=60)
    assert presigned.headers == (("Content-Type", "audio/ogg"), ("If-None-Match", "*"))
    for wrong in (b"", b"conten", b"contents"):
        status, _, _ = await fetch("PUT", presigned, wrong)
        assert status == 403
    assert not await exists(storage, "uploaded")
    status, _, _ = await fetch("PUT", presigned, b"content")
    assert status == 200
    async with storage.open("uploaded") as stored:
        assert (stored.stat.size, stored.stat.content_type) == (7, "audio/ogg")


async def test_a_presigned_url_is_the_same_within_its_window_and_says_when_it_ends(storage: S3Storage) -> None:
    async def ask(content_type: str) -> PresignedUrl:
        return await storage.presign_get("key", content_type=content_type, content_disposition=None)

    first = await ask("audio/mpeg")
    assert await ask("audio/mpeg") == first
    assert (await ask("audio/ogg")).url != first.url
    assert timedelta(seconds=3590) < first.expires_at - datetime.now(UTC) <= timedelta(hours=1)


ADDRESSES: dict[str, tuple[dict[str, Any], str]] = {
    "path": ({"addressing_style": "path"}, "https://s3.example.test/bucket/kept/a%20b?"),
    "virtual": ({"addressing_style": "virtual"}, "https://bucket.s3.example.test/kept/a%20b?"),
    "public": ({"public_endpoint_url": "https://cdn.example.test", "addressing_style": "path"}, "https://cdn.example."),
    "amazon": (
        {"endpoint_url": None, "addressing_style": "auto"},
        "https://bucket.s3.eu-central-1.amazonaws.com/kept/a%20b?",
    ),
}


@pytest.mark.parametrize(("more", "start"), ADDRESSES.values(), ids=ADDRESSES.keys())
async def test_urls_for_clients_name_the_public_endpoint_and_the_region(more: dict[str, Any], start: str) -> None:
    server = S3Server("nowhere", "https://s3.example.test", "id", "secret")
    options = {"prefix": "kept/", "region": "eu-central-1", **more}
    async with s3_storage(server, "bucket", **options) as storage:
        presigned = await storage.presign_get("a b", content_type=None, content_disposition=None)
    assert presigned.url.startswith(start)
    assert "/eu-central-1/s3/" in parse_qs(urlsplit(presigned.url).query)["X-Amz-Credential"][0]


@pytest.mark.parametrize(
    "size",
    [
        pytest.param(PART_BYTES, id="one_part"),
        pytest.param(2 * PART_BYTES + 1, id="two_parts_and_a_byte"),
    ],
)
async def test_a_large_object_is_uploaded_in_parts(storage: S3Storage, size: int) -> None:
    content = (CONTENT * (size // len(CONTENT) + 1))[:size]
    async with storage.create("large", content_type="video/mp4") as writer:
        for start in range(0, size, 5_000_000):
            await writer.write(content[start : start + 5_000_000])
    async with storage.open("large") as stored:
        assert stored.stat.content_type == "video/mp4"
    assert await read_whole(storage, "large") == content


async def test_a_failed_upload_leaves_no_parts(s3_server: S3Server) -> None:
    bucket = await make_bucket(s3_server)
    async with s3_storage(s3_server, bucket) as storage, s3_client(s3_server) as client:
        with pytest.raises(ZeroDivisionError):  # noqa: PT012 - the block's own error passes through
            async with storage.create("broken") as writer:
                await writer.write(bytes(PART_BYTES))
                uploads = await client.list_multipart_uploads(Bucket=bucket)
                assert len(uploads["Uploads"]) == 1
                raise ZeroDivisionError
        uploads = await client.list_multipart_uploads(Bucket=bucket)
        assert "Uploads" not in uploads
        assert not await exists(storage, "broken")


async def test_an_object_stored_compressed_is_the_bytes_that_are_stored(s3_server: S3Server) -> None:
    bucket, content = await make_bucket(s3_server), gzip.compress(CONTENT[:100_000])
    async with s3_client(s3_server) as client, s3_storage(s3_server, bucket) as storage:
        await client.put_object(Bucket=bucket, Key="key", Body=content, ContentEncoding="gzip")
        assert await read_whole(storage, "key") == content


async def test_a_batch_of_deletions_carries_the_checksum_that_older_compatibles_want(
    storage: S3Storage, proxy: FaultProxy
) -> None:
    assert await storage.delete_many(["one", "two"]) == {}
    assert proxy.last_head.startswith(b"POST ")
    assert len(base64.b64decode(header(proxy.last_head, "content-md5"))) == 16


async def test_what_cannot_be_deleted_is_named_with_its_reason(s3_server: S3Server) -> None:
    async with s3_storage(s3_server, "no-such-bucket") as storage:
        failures = await storage.delete_many(["one", "two", "control\x01character"])
    assert failures.keys() == {"one", "two", "control\x01character"}
    assert {type(error) for error in failures.values()} == {StorageUnavailable}
    assert failures["one"].key == "one"


async def test_a_key_that_xml_cannot_carry_is_deleted_by_itself(ceph: S3Server) -> None:
    async with s3_storage(ceph, await make_bucket(ceph)) as storage:
        await put(storage, "control\x01character", b"content")
        await put(storage, "plain", b"content")
        assert await storage.delete_many(["control\x01character", "plain"]) == {}
        assert [listed.key async for listed in storage.list("")] == []


async def test_a_listing_goes_on_over_pages_and_a_deletion_over_requests(ceph: S3Server) -> None:
    """A page of this server has 100 objects, and a request to delete 1000 names at most."""
    names = [f"{number:04}" for number in range(1003)]
    keys = names[::9] + names[-2:]
    async with s3_storage(ceph, await make_bucket(ceph)) as storage:
        for start in range(0, len(keys), 50):
            await asyncio.gather(*(put(storage, key, b"") for key in keys[start : start + 50]))
        assert [listed.key async for listed in storage.list("")] == keys
        assert await storage.delete_many(names) == {}
        assert [listed.key async for listed in storage.list("")] == []


async def test_a_missing_bucket_is_not_a_missing_object_to_a_ping(s3_server: S3Server) -> None:
    async with s3_storage(s3_server, "no-such-bucket") as storage:
        with pytest.raises(StorageUnavailable, match="no-such-bucket"):
            await storage.ping()


async def test_a_missing_object_costs_one_look_at_its_bucket(storage: S3Storage, proxy: FaultProxy) -> None:
    answered = proxy.answered
    assert not await exists(storage, "missing")
    assert proxy.answered == answered + 2


async def test_wrong_credentials_are_denied_everywhere(s3_server: S3Server, storage: S3Storage) -> None:
    async with storage.open("key") as stored:
        stat = stored.stat
    async with s3_storage(s3_server, await make_bucket(s3_server), secret_access_key="wrong") as other:
        with pytest.raises(AccessDenied):
            await other.ping()
        with pytest.raises(AccessDenied):
            await read_whole(other, "key", stat)


async def test_credentials_replaced_on_disk_are_found_when_the_old_ones_are_refused(
    s3_server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found_by_the_chain = tmp_path / "credentials"
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(found_by_the_chain))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    bucket = await make_bucket(s3_server)
    async with s3_storage(s3_server, bucket) as storage:
        await put(storage, "key", b"content")
        async with storage.open("key") as stored:
            stat = stored.stat
    for ask in (lambda storage: storage.ping(), lambda storage: read_whole(storage, "key", stat)):
        write_credentials(found_by_the_chain, s3_server.access_key_id, "old")
        async with s3_storage(s3_server, bucket, access_key_id=None, secret_access_key=None) as storage:
            await storage.presign_get("key", content_type=None, content_disposition=None)
            write_credentials(found_by_the_chain, s3_server.access_key_id, s3_server.secret_access_key)
            await ask(storage)


def write_credentials(path: Path, access_key_id: str, secret_access_key: str) -> None:
    path.write_text(f"[default]\naws_access_key_id = {access_key_id}\naws_secret_access_key = {secret_access_key}\n")


async def test_without_any_credentials_nothing_is_allowed(
    s3_server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    async with s3_storage(s3_server, "bucket", access_key_id=None, secret_access_key=None) as storage:
        with pytest.raises(AccessDenied, match="credentials"):
            await storage.ping()
        with pytest.raises(AccessDenied, match="credentials"):
            await storage.presign_get("key", content_type=None, content_disposition=None)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    """A self-signed certificate for 127.0.0.1, and a server's context with it."""
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    subject = ("-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1")
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
    made = ("openssl", "req", "-x509", *curve, "-nodes", "-days", "2", *subject)
    subprocess.run((*made, "-keyout", key, "-out", cert), check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return cert, context


async def test_over_tls_the_certificate_is_checked_on_both_paths(
    s3_server: S3Server, certificate: tuple[Path, ssl.SSLContext]
) -> None:
    cert, context = certificate
    bucket = await make_bucket(s3_server)
    async with fault_proxy(s3_server, context) as proxy:
        async with s3_storage(proxy.server, bucket, verify_tls=True, ca_bundle=str(cert)) as storage:
            await put(storage, "key", CONTENT)
            assert await read_whole(storage, "key") == CONTENT
            async with storage.open("key") as stored:
                stat = stored.stat
        async with s3_storage(proxy.server, bucket, verify_tls=False) as storage:
            assert await read_whole(storage, "key") == CONTENT
        async with s3_storage(proxy.server, bucket, verify_tls=True, retries=0) as storage:
            with pytest.raises(StorageUnavailable):
                await storage.ping()
            with pytest.raises(StorageUnavailable):
                await read_whole(storage, "key", stat)
