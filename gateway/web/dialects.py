"""One table per dialect: from refusals to statuses and bodies.

Knows: the error bodies of Vexa and Bota. Refuses to know: why something is refused.

    Vexa   {"detail": "..."}, and for 422 {"detail": [{"type", "loc", "msg", "input"}]}
    Bota   {"error": {"code", "message", "details"?}}
"""

import logging
from typing import Any, Final

from aiohttp import web

from gateway.errors import (
    BadUpstream,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Refusal,
    Unauthenticated,
    Unavailable,
)
from gateway.web.responses import json_response
from storage_adapters.base import AccessDenied, ObjectNotFound, StorageError

_log: Final = logging.getLogger(__name__)

_VEXA: Final[dict[type[Refusal], int]] = {
    Invalid: 422,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    BadUpstream: 502,
    Unavailable: 503,
}

_STORAGE_RETRY_SECONDS: Final = 2


def refuse(refusal: Refusal) -> web.Response:
    """The refusal in the words of Vexa's dialect."""
    response = json_response({"detail": _detail(refusal)}, status=_VEXA[type(refusal)])
    if isinstance(refusal, Unauthenticated):
        response.headers["WWW-Authenticate"] = "Bearer"
    if isinstance(refusal, Unavailable):
        response.headers["Retry-After"] = str(refusal.retry_after_seconds)
    return response


def _detail(refusal: Refusal) -> Any:
    if not isinstance(refusal, Invalid):
        return refusal.message
    return [{"type": fault.type, "loc": fault.loc, "msg": fault.msg, "input": fault.input} for fault in refusal.faults]


def refuse_http(error: web.HTTPException) -> web.Response:
    """What aiohttp itself refuses (no such route, wrong method, body too large), in the dialect's shape."""
    response = json_response({"detail": error.reason}, status=error.status)
    if isinstance(error, web.HTTPMethodNotAllowed):
        response.headers["Allow"] = allowed_methods(error)
    if "Location" in error.headers:
        response.headers["Location"] = error.headers["Location"]
    return response


def allowed_methods(error: web.HTTPMethodNotAllowed) -> str:
    """What the resource answers (RFC 9110 section 10.2.1); OPTIONS is answered everywhere."""
    return ", ".join(sorted({*error.allowed_methods, "OPTIONS"}))


def storage_refusal(error: StorageError) -> Refusal:
    """Trouble with bytes before the head, in fixed public words; the cause goes to the log alone."""
    _log.warning("the storage refused", extra={"cause": str(error), "kind": type(error).__name__})
    if isinstance(error, ObjectNotFound):
        return NotFound("Media file not found")
    if isinstance(error, AccessDenied):
        return BadUpstream("The storage refused the gateway")
    return Unavailable("The storage cannot be reached", retry_after_seconds=_STORAGE_RETRY_SECONDS)
