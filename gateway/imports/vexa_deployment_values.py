"""Values of a Vexa database as ours: ids, times, scopes, statuses. Pure functions.

Rows arrive as JSON (`to_jsonb`), and recordings are JSON that Vexa wrote without a schema: any value may have any type.
A value that cannot be used is None, never an exception.
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
# The statuses after which a meeting does not change any more.
FINAL_STATUSES: Final = frozenset({"completed", "failed"})
STATUSES: Final[Mapping[str, RecordingStatus]] = {
    "completed": "completed",
    "uploading": "processing",
    "in_progress": "pending",
    "failed": "failed",
}
SOURCES: Final[Mapping[str, RecordingSource]] = {"bot": "bot", "upload": "upload", "url": "url"}
# What is taken over of a meeting's `data`; everything else in it may be a secret or a grant.
_TEXTS: Final = ("name", "title", "notes", "completion_reason", "failure_stage", "scheduled_at")
_LISTS: Final = ("participants", "languages")

_GRANTS: Final[Mapping[str, frozenset[Scope]]] = {
    "tx": frozenset({Scope.RECORDINGS_READ, Scope.TRANSCRIPTIONS_READ}),
    "bot": frozenset({Scope.RECORDINGS_READ, Scope.RECORDINGS_WRITE}),
    "browser": frozenset(),
}
_PREFIX: Final = re.compile(r"vxa_(bot|tx|browser)_")


def integer_id(value: object) -> int | None:
    """An id of 40 bits, also as text of digits."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 13:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_ID:
        return value
    return None


def text_of(value: object) -> str | None:
    """Text as it is."""
    return value if isinstance(value, str) else None


def count_of(value: object) -> int | None:
    """An integer that is not negative."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def seconds_of(value: object) -> float | None:
    """A finite number of any sign."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            return None
        return number if math.isfinite(number) else None
    return None


def moment_of(value: object) -> datetime | None:
    """A moment in ISO 8601; one without a zone is UTC. `infinity` and years that Python cannot hold are None."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    # asyncpg writes the ends of Python's calendar as infinity, which no column of ours takes.
    return moment if 1 < moment.year < 9999 else None


def expiry_of(value: object) -> datetime | None:
    """When a key expires; None for one that never does. A moment before Python's calendar has passed: `-infinity`, `BC`."""
    if isinstance(value, str) and (value.startswith(("-", "0001-")) or value.endswith("BC")):
        return datetime.fromtimestamp(0, UTC)
    return moment_of(value)


def objects_in(value: object) -> Sequence[object]:
    """The members of a list, none of anything else."""
    return value if isinstance(value, list) else ()


def scopes_of(generation: Generation, token: str, given: object) -> tuple[frozenset[Scope], bool]:
    """What the key may do here, and whether Vexa's row said so.

    Where the row does not say it, Vexa's prefix does, and a key without one may do everything, as in Vexa.
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
    """The members of a meeting's `data` that may be shown; None if there are none."""
    texts = {name: data[name] for name in _TEXTS if isinstance(data.get(name), str)}
    lists = {
        name: [each for each in data[name] if isinstance(each, str)]
        for name in _LISTS
        if isinstance(data.get(name), list)
    }
    return {**texts, **lists} or None


def find_generation(tables: Mapping[str, Collection[str]]) -> Generation:
    """Which Vexa the columns of its tables belong to."""
    if "scopes" not in tables["api_tokens"]:
        return "0.9"
    return "0.12" if "platform_settings" in tables else "0.10"


def is_erased(data: Row) -> bool:
    """Whether the meeting's user asked Vexa to erase it; an erasure that is under way counts."""
    return bool(data.get("redacted")) or data.get("artifact_deletion") is not None
