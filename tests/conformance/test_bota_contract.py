"""The responses of a running gateway match the published contract: statuses, fields, types."""

import json
from typing import Any, Final

import pytest
from openapi_schema_validator import OAS31Validator, oas31_format_checker

from tests.conformance.bota_calls import RECORDINGS, create, media_id_of, query, recording_of, send
from tests.conformance.media import Media
from tests.gateway_process import Gateway
from tests.openapi.test_document import CONTRACT, REGISTRY, absolute, resolved

ID: Final = f"{RECORDINGS}/{{recording_id}}"
DESCRIBED: Final = b'{"name": "n", "started_at": "2026-01-31T09:30:00Z", "metadata": {"a": [1.5, null]}}'
DOWNLOAD: Final = b'{"media_id": "$media"}'

# Path of the contract, method, target, body, status.
CALLS: Final = [
    (RECORDINGS, "get", query(limit=1), None, 200),
    (RECORDINGS, "get", query(limit=100), None, 200),
    (RECORDINGS, "get", query(limit=0, status="x"), None, 400),
    (RECORDINGS, "post", RECORDINGS, DESCRIBED, 201),
    (RECORDINGS, "post", RECORDINGS, b'{"name": 7, "x": 8}', 400),
    (RECORDINGS, "post", RECORDINGS, b" " * (1024 * 1024 + 1), 413),
    (ID, "get", "$recording", None, 200),
    (ID, "get", f"{RECORDINGS}/none", None, 404),
    (ID, "delete", f"{RECORDINGS}/none", None, 404),
    (f"{ID}/download-url", "post", "$recording/download-url", DOWNLOAD, 200),
    (f"{ID}/download-url", "post", "$recording/download-url", b"{}", 400),
    (f"{ID}/download-url", "post", f"{RECORDINGS}/none/download-url", DOWNLOAD, 404),
]


def promised(path: str, method: str, status: int) -> dict[str, Any]:
    """The schema of the response body."""
    response = resolved(CONTRACT["paths"][path][method]["responses"][str(status)])
    schema: dict[str, Any] = response["content"]["application/json"]["schema"]
    return schema


@pytest.mark.parametrize(
    ("path", "method", "target", "body", "status"), CALLS, ids=[f"{m} {t[-30:]} {s}" for _, m, t, _, s in CALLS]
)
async def test_a_response_matches_the_contract(
    site: Gateway, media: Media, path: str, method: str, target: str, body: bytes | None, status: int
) -> None:
    await create(site, name="one more than a page")
    target = target.replace("$recording", recording_of(media))
    body = body and body.replace(b"$media", media_id_of(media).encode())
    response = await send(site, method.upper(), target, body)
    assert response.status == status, response
    validator = OAS31Validator(
        absolute(promised(path, method, status)), registry=REGISTRY, format_checker=oas31_format_checker
    )
    assert [fault.message for fault in validator.iter_errors(json.loads(response.body))] == []


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize(("path", "method"), [(RECORDINGS, "get"), (RECORDINGS, "post"), (ID, "get"), (ID, "delete")])
async def test_the_response_to_a_bad_key_matches_the_contract(
    site: Gateway, path: str, method: str, status: int
) -> None:
    right = site.write_only_key if method == "get" else site.read_only_key
    response = await send(
        site, method.upper(), path.replace("{recording_id}", "any"), key="" if status == 401 else right
    )
    assert response.status == status
    validator = OAS31Validator(absolute(promised(path, method, status)), registry=REGISTRY)
    assert [fault.message for fault in validator.iter_errors(json.loads(response.body))] == []
