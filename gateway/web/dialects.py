"""Maps refusals to statuses and error bodies, with one table for each dialect.

Vexa   {"detail": "..."}, and for 422 {"detail": [{"type", "loc", "msg", "input"}]}
Bota   {"error": {"code", "message", "details"?}} with details as [{"field", "message"}]; all paths under /v1/
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from gateway import errors
from gateway.web.responses import json_bytes, json_response
from storage_adapters.base import AccessDenied, ObjectArchived, ObjectNotFound, StorageError, StorageFull

_log: Final = logging.getLogger(__name__)

_VEXA: Final[Mapping[type[errors.Refusal], int]] = {
    errors.Invalid: 422,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Busy: 423,
    errors.RateLimited: 429,
    errors.BadUpstream: 502,
    errors.Unavailable: 503,
}
_BOTA: Final[Mapping[type[errors.Refusal], int]] = {**_VEXA, errors.Invalid: 400}

_BOTA_CODES: Final[Mapping[int, str]] = {
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    409: "resource_already_exists",
    423: "processing_error",
    429: "rate_limit_exceeded",
    500: "internal_error",
    502: "processing_error",
    503: "processing_error",
}

_STORAGE_RETRY_SECONDS: Final = 2
_STORAGE_FULL_RETRY_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Dialect:
    """The refusals of one dialect: the status of each, and the body made of (status, message, faults)."""

    statuses: Mapping[type[errors.Refusal], int]
    body: Callable[[int, str, Iterable[errors.Fault]], Any]

    def refuse(self, refusal: errors.Refusal) -> web.Response:
        """The response to a refusal."""
        status = self.statuses[type(refusal)]
        faults = refusal.faults if isinstance(refusal, errors.Invalid | errors.Conflict) else ()
        response = json_response(self.body(status, refusal.message, faults), status=status)
        if isinstance(refusal, errors.Unauthenticated):
            response.headers["WWW-Authenticate"] = "Bearer"
        if isinstance(refusal, errors.Retryable):
            response.headers["Retry-After"] = str(refusal.retry_after_seconds)
        return response

    def refuse_http(self, error: web.HTTPException) -> web.Response:
        """The response to a request that aiohttp refuses (no route, wrong method, large body), or to an internal error."""
        response = json_response(self.body(error.status, error.reason, ()), status=error.status)
        if isinstance(error, web.HTTPMethodNotAllowed):
            response.headers["Allow"] = allowed_methods(error)
        if "Location" in error.headers:
            response.headers["Location"] = error.headers["Location"]
        return response


def _vexa_body(status: int, message: str, faults: Iterable[errors.Fault]) -> Any:
    if status != _VEXA[errors.Invalid]:
        return {"detail": message}
    return {
        "detail": [
            {"type": each.type, "loc": each.loc, "msg": each.msg, "input": shown_input(each.input)} for each in faults
        ]
    }


def shown_input(value: object) -> object:
    """The value that the client sent; None if JSON cannot repeat it (lone surrogates, too deep nesting)."""
    try:
        json_bytes(value)
    except TypeError:
        return None
    return value


def _bota_body(status: int, message: str, faults: Iterable[errors.Fault]) -> Any:
    error: dict[str, Any] = {"code": _BOTA_CODES.get(status, "invalid_request"), "message": message}
    details = [{"field": _field(fault), "message": fault.msg} for fault in faults]
    return {"error": error | {"details": details} if details else error}


def _field(fault: errors.Fault) -> str:
    """The field's name: its location without the part of the request, unless it is that part as a whole."""
    return ".".join(map(str, fault.loc[1:] or fault.loc))


VEXA: Final = Dialect(_VEXA, _vexa_body)
BOTA: Final = Dialect(_BOTA, _bota_body)


def dialect_of_path(path: str) -> Dialect:
    """The dialect of a path, whether a route has it or not."""
    return BOTA if f"{path}/".startswith("/v1/") else VEXA


def refusal_response(request: web.Request, error: errors.Refusal | StorageError | web.HTTPException) -> web.Response:
    """The response to an error, in the dialect of the path."""
    dialect = dialect_of_path(request.path)
    if isinstance(error, web.HTTPException):
        return dialect.refuse_http(error)
    return dialect.refuse(storage_refusal(error) if isinstance(error, StorageError) else error)


def allowed_methods(error: web.HTTPMethodNotAllowed) -> str:
    """The Allow field (RFC 9110 section 10.2.1); every resource answers OPTIONS."""
    return ", ".join(sorted({*error.allowed_methods, "OPTIONS"}))


def storage_refusal(error: StorageError) -> errors.Refusal:
    """The refusal for a storage error before the response head, in fixed words; the cause is only logged."""
    _log.warning("a storage backend failed", extra={"cause": str(error), "kind": type(error).__name__})
    if isinstance(error, ObjectNotFound):
        return errors.NotFound("Media file not found")
    if isinstance(error, AccessDenied):
        return errors.BadUpstream("The file storage refused the gateway")
    if isinstance(error, ObjectArchived):
        return errors.Forbidden("The media file is archived: it can be read once it was restored in its storage")
    if isinstance(error, StorageFull):
        return errors.Unavailable("The file storage has no space left", retry_after_seconds=_STORAGE_FULL_RETRY_SECONDS)
    return errors.Unavailable("The file storage cannot be reached", retry_after_seconds=_STORAGE_RETRY_SECONDS)
