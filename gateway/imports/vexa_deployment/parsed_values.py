"""Converts values of a Vexa database: ids, times, scopes, statuses. Pure functions.

Rows arrive as JSON (`to_jsonb`), and recordings are JSON that Vexa wrote without a schema: any value may have any type.
An unusable value becomes None and never raises.
"""

import math
import re
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal

from gateway.catalog import ALL_SCOPES, RecordingSource, RecordingStatus, Scope

Generation = Literal["0.9", "0.10", "0.12"]
Row = Mapping[str, Any]

MAX_ID: Final = 2**40 - 1
# A meeting with one of these statuses no longer changes.
FINAL_STATUSES: Final = frozenset({"completed", "failed"})
STATUSES: Final[Mapping[str, RecordingStatus]] = {
    "completed": "completed",
    "uploading": "processing",
    "in_progress": "pending",
    "failed": "failed",
}
SOURCES: Final[Mapping[str, RecordingSource]] = {"bot": "bot", "upload": "upload", "url": "url"}
# The members of a meeting's `data` that are copied. Any other may be a secret or grant access.
_TEXTS: Final = ("name", "title", "notes", "completion_reason", "failure_stage", "scheduled_at")
_LISTS: Final = ("participants", "languages")

_GRANTS: Final[Mapping[str, frozenset[Scope]]] = {
    "tx": frozenset({Scope.RECORDINGS_READ, Scope.TRANSCRIPTIONS_READ}),
    "bot": frozenset({Scope.RECORDINGS_READ, Scope.RECORDINGS_WRITE}),
    "browser": frozenset(),
}
_PREFIX: Final = re.compile(r"vxa_(bot|tx|browser)_")


def integer_id(value: object) -> int | None:
    """An id of at most 40 bits; text of digits is accepted too."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 13:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_ID:
        return value
    return None


def text_of(value: object) -> str | None:
    """The value if it is text."""
    return value if isinstance(value, str) else None


def count_of(value: object) -> int | None:
    """The value if it is an integer and not negative."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def seconds_of(value: object) -> float | None:
    """The value if it is a finite number, of either sign."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            return None
        return number if math.isfinite(number) else None
    return None


def moment_of(value: object) -> datetime | None:
    """Parse a moment in ISO 8601, in UTC if it has no zone. `infinity` and years outside Python's range give None."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    # asyncpg writes the first and last moments of Python's calendar as infinity, which our columns refuse.
    return moment if 1 < moment.year < 9999 else None


def expiry_of(value: object) -> datetime | None:
    """When a key expires; None if never. A moment before Python's calendar (`-infinity`, `BC`) counts as expired."""
    if isinstance(value, str) and (value.startswith(("-", "0001-")) or value.endswith("BC")):
        return datetime.fromtimestamp(0, UTC)
    return moment_of(value)


def objects_in(value: object) -> Sequence[object]:
    """The members of a list; empty for any other value."""
    return value if isinstance(value, list) else ()


def scopes_of(generation: Generation, token: str, given: object) -> tuple[frozenset[Scope], bool]:
    """The scopes of the key here, and whether Vexa's row names them.

    If the row names none, the prefix of the key decides. A key without a known prefix has all scopes, as in Vexa.
    """
    if generation == "0.9":
        return ALL_SCOPES, True
    words = _GRANTS.keys() & {each for each in objects_in(given) if isinstance(each, str)}
    if words:
        return _granted(generation, words), True
    prefix = _PREFIX.match(token)
    return (_granted(generation, {prefix[1]}) if prefix else ALL_SCOPES), False


def _granted(generation: Generation, words: Collection[str]) -> frozenset[Scope]:
    granted = frozenset[Scope]().union(*(_GRANTS[word] for word in words))
    if words == {"browser"} and generation == "0.10":
        return frozenset({Scope.RECORDINGS_READ})
    return granted


def meeting_metadata(data: Row) -> dict[str, Any] | None:
    """The members of a meeting's `data` that clients may see; None if there are none."""
    texts = {name: data[name] for name in _TEXTS if isinstance(data.get(name), str)}
    lists = {
        name: [each for each in data[name] if isinstance(each, str)]
        for name in _LISTS
        if isinstance(data.get(name), list)
    }
    return {**texts, **lists} or None


def find_generation(tables: Mapping[str, Collection[str]]) -> Generation:
    """The generation of Vexa that has these tables and columns."""
    if "scopes" not in tables["api_tokens"]:
        return "0.9"
    return "0.12" if "platform_settings" in tables else "0.10"


def is_erased(data: Row) -> bool:
    """Whether the user asked Vexa to erase the meeting; an erasure in progress counts."""
    return bool(data.get("redacted")) or data.get("artifact_deletion") is not None
