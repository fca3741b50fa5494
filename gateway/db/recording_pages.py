"""The pages of a client's recordings: one statement for each order and each combination of filters.

Each order has an index (schema.sql), so that a page is read and never sorted: the position before the page is a bound of
that index. For lists by time, the filters by device, end user, status and type have indexes, too; other filters are
checked row by row, that by duration in the index, without reading the row.
"""

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

from gateway.catalog import Owner, Position, RecordingFilter
from gateway.db.pool import BIGINT_MAX
from gateway.db.rows import position, with_recording_columns

# A row with a timestamp outside these bounds cannot be read anyway.
_NEVER: Final = datetime.max.replace(tzinfo=UTC)
_FOREVER_AGO: Final = datetime.min.replace(tzinfo=UTC)

PAGE_TEMPLATE: Final = with_recording_columns("""
    SELECT to_json(found) FROM (
        SELECT r.*, {media_files}, {meeting}
        FROM (
            SELECT * FROM recordings WHERE user_id = $1 AND live = $2 AND {conditions}
            ORDER BY {order} LIMIT $3 OFFSET $4
        ) r
    ) found
    ORDER BY {order}
""")
# $5, $6 is the position (created_at, id) before the page. In an order by {key} the position has its value too, $7.
_BY_TIME: Final = "(created_at, id) {than} ($5, $6) AND created_at {within} $7"
_BY_KEY: Final = "({key}, created_at, id) {than} ($7, $5, $6) AND created_at > $8 AND created_at < $9"
# A recording of unknown duration comes last in both directions.
_KEYS: Final = {
    "-duration": "coalesce(duration_seconds, -1)",
    "duration": "coalesce(duration_seconds, 'Infinity')",
    "-type": "main_type",
    "type": "main_type",
    "-status": "status",
    "status": "status",
}
# A value before every row of the order.
_STARTS: Final[Mapping[str, str | float]] = {
    "-duration": float("inf"),
    "duration": float("-inf"),
    "-type": "zzz",
    "type": "",
    "-status": "zzz",
    "status": "",
}


def page_statement(wanted: RecordingFilter) -> str:
    """The statement of the page, with the parameters that `page_arguments` returns."""
    return _statement(_order(wanted), tuple(_filters(wanted)))


def page_arguments(owner: Owner, wanted: RecordingFilter, *, limit: int, offset: int) -> list[Any]:
    """The arguments of `page_statement`."""
    order, start = _order(wanted), wanted.older_than
    after, before = wanted.created_after or _FOREVER_AGO, wanted.created_before or _NEVER
    filters = [value for values in _filters(wanted).values() for value in values]
    page = [owner.user_id, owner.live, limit, offset]
    if order == "-created_at":
        place = min((start.created_at, start.id) if start else (_NEVER, BIGINT_MAX), (before, -BIGINT_MAX))
        return [*page, *place, after, *filters]
    if order == "created_at":
        place = max((start.created_at, start.id) if start else (_FOREVER_AGO, -BIGINT_MAX), (after, BIGINT_MAX))
        return [*page, *place, before, *filters]
    first, beginning = _STARTS[order], _NEVER if order.startswith("-") else _FOREVER_AGO
    place = (start.created_at, start.id) if start else (beginning, 0)
    value = type(first)(start.value) if start else first
    return [*page, *place, value, after, before, *filters]


def page_end(wanted: RecordingFilter, row: Mapping[str, Any]) -> Position:
    """The position of a row in its list."""
    duration = row["duration_seconds"]
    values = {
        "-duration": -1.0 if duration is None else duration,
        "duration": float("inf") if duration is None else duration,
        "-type": row["main_type"],
        "type": row["main_type"],
        "-status": row["status"],
        "status": row["status"],
    }
    return position(row, wanted.sort, str(values.get(wanted.sort, "")))


def _order(wanted: RecordingFilter) -> str:
    """The order of the list: that of time if it sorts by type or status, and a filter leaves only one of them."""
    column = wanted.sort.removeprefix("-")
    if column in {"type", "status"} and getattr(wanted, column) is not None:
        return wanted.sort.replace(column, "created_at")
    return wanted.sort


def _filters(wanted: RecordingFilter) -> dict[str, tuple[Any, ...]]:
    """The values of each filter that is wanted."""
    single = {
        "device_id": wanted.device_id,
        "end_user_id": wanted.end_user_id,
        "status": wanted.status,
        "main_type": wanted.type,
    }
    found = {name: (value,) for name, value in single.items() if value is not None}
    least, most = wanted.min_duration_seconds, wanted.max_duration_seconds
    if least is None and most is None:
        return found
    return found | {"duration": (least or 0.0, sys.float_info.max if most is None else most)}


@cache
def _statement(order: str, filters: tuple[str, ...]) -> str:
    than, within, direction = ("<", ">", " DESC") if order.startswith("-") else (">", "<", "")
    key = _KEYS.get(order)
    conditions = [(_BY_KEY if key else _BY_TIME).format(key=key, than=than, within=within)]
    number = 10 if key else 8
    for name in filters:
        if name == "duration":
            duration = key if key and "duration" in key else "duration_seconds"
            conditions.append(f"{duration} BETWEEN ${number} AND ${number + 1}")
        else:
            conditions.append(f"{name} = ${number}")
        number += 1
    columns = [key, "created_at", "id"] if key else ["created_at", "id"]
    return PAGE_TEMPLATE.format(
        conditions=" AND ".join(conditions), order=", ".join(f"{each}{direction}" for each in columns)
    )
