"""Hooks for schemathesis: bodies of octets, and a check for header fields that the contract does not declare.

Loaded by the `st` command in its own process; no test imports it.
"""

from typing import Any, Final

import schemathesis

# Fields that every response may have besides those in the contract (RFC 9110, RFC 9112).
_COMMON: Final = frozenset(
    {
        "allow", "cache-control", "connection", "content-encoding", "content-length", "content-security-policy", "content-type",
        "cross-origin-resource-policy", "date", "etag", "referrer-policy", "retry-after", "server", "transfer-encoding",
        "tus-checksum-algorithm", "tus-extension", "tus-max-size", "tus-resumable", "tus-version", "vary", "www-authenticate", "x-content-type-options", "x-request-id",
    }
)  # fmt: skip


@schemathesis.serializer("application/offset+octet-stream", "*/*")
def octets(_context: schemathesis.SerializationContext, value: Any) -> bytes:
    """The body as bytes; a value of another type as text."""
    return value if isinstance(value, bytes) else str(value).encode(errors="surrogateescape")


@schemathesis.check
def no_undeclared_header(_context: schemathesis.CheckContext, response: schemathesis.Response, case: Any) -> None:
    """A response has only declared fields, so nothing was injected."""
    definition = case.operation.responses.find_by_status_code(response.status_code)
    declared = {name.lower() for name, _ in definition.headers.items()} if definition else set()
    assert set(response.headers) <= _COMMON | declared, sorted(set(response.headers) - _COMMON - declared)
