"""What schemathesis does not know by itself: bodies that are octets, and fields that nobody declared.

Loaded by the `st` command in its own process; no test imports it.
"""

from typing import Any, Final

import schemathesis

# Every field that an answer may have besides those of its contract: RFC 9110, RFC 9112, and what each answer carries.
_COMMON: Final = frozenset(
    {
        "allow", "cache-control", "connection", "content-encoding", "content-length", "content-security-policy", "content-type",
        "cross-origin-resource-policy", "date", "etag", "referrer-policy", "retry-after", "server", "transfer-encoding",
        "tus-checksum-algorithm", "tus-extension", "tus-max-size", "tus-resumable", "tus-version", "vary", "www-authenticate", "x-content-type-options", "x-request-id",
    }
)  # fmt: skip


@schemathesis.serializer("application/offset+octet-stream", "*/*")
def octets(_context: schemathesis.SerializationContext, value: Any) -> bytes:
    """The body as it is; what is no bytes, as text."""
    return value if isinstance(value, bytes) else str(value).encode(errors="surrogateescape")


@schemathesis.check
def no_undeclared_header(_context: schemathesis.CheckContext, response: schemathesis.Response, case: Any) -> None:
    """An answer has no field that neither it nor the gateway as a whole declares: nothing was injected."""
    definition = case.operation.responses.find_by_status_code(response.status_code)
    declared = {name.lower() for name, _ in definition.headers.items()} if definition else set()
    assert set(response.headers) <= _COMMON | declared, sorted(set(response.headers) - _COMMON - declared)
