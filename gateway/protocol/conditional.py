"""Preconditions, evaluated in the order of RFC 9110 section 13.2.2.

    Rule 1: If-Match false -> 412. Without If-Match: If-Unmodified-Since false -> 412.
    Rule 2: If-None-Match false -> 304 (GET and HEAD). Without it: If-Modified-Since false -> 304.
    Rule 3: If-Range true -> Range is obeyed; false -> Range is ignored.

An absent condition is None and holds. A date that does not parse is ignored.
"""

import re
from typing import Final, NamedTuple

from gateway.protocol.field_lists import bounded_list
from gateway.protocol.http_date import parse_http_date

# entity-tag = [ "W/" ] DQUOTE *etagc DQUOTE ; etagc is visible ASCII without the quote, or obs-text (section 8.8.3)
_ENTITY_TAG: Final = re.compile(r'(W/)?("[^\x00-\x20"\x7f]*")')
_LIST_GAP: Final = re.compile(r"[ \t,]*")


class Conditions(NamedTuple):
    """The request fields that a delivery depends on. An absent field is None; lines of one field are joined by `, `."""

    range: str | None = None
    if_match: str | None = None
    if_none_match: str | None = None
    if_modified_since: str | None = None
    if_unmodified_since: str | None = None
    if_range: str | None = None


class Validators(NamedTuple):
    """The validators of the selected representation: `etag` quoted and strong, `last_modified` in whole seconds."""

    etag: str
    last_modified: int


def _matches(field: str, etag: str, *, weak: bool) -> bool:
    """Whether a list of entity tags (or `*`) names `etag`; reading stops at the first malformed element."""
    if field.strip(" \t") == "*":
        return True
    position = 0
    while True:
        gap = _LIST_GAP.match(field, position)
        tag = _ENTITY_TAG.match(field, gap.end() if gap else position)
        if tag is None:
            return False
        if tag[2] == etag and (weak or tag[1] is None):
            return True
        position = tag.end()


def _is_later(last_modified: int, field: str, now: float) -> bool | None:
    """Whether the representation changed after the field's date; None where there is no date to compare."""
    date = parse_http_date(field.strip(" \t"), now=now)
    return None if date is None else last_modified > date


def failed_precondition(conditions: Conditions, validators: Validators, *, now: float) -> int | None:
    """412 or 304 where a precondition of a GET or HEAD is false, else None."""
    if_match, if_none_match = bounded_list(conditions.if_match), bounded_list(conditions.if_none_match)
    # Rule 1: If-Match needs the strong comparison (section 13.1.1) and replaces If-Unmodified-Since.
    if if_match is not None:
        if not _matches(if_match, validators.etag, weak=False):
            return 412
    elif conditions.if_unmodified_since is not None and _is_later(
        validators.last_modified, conditions.if_unmodified_since, now
    ):
        return 412
    # Rule 2: If-None-Match takes the weak comparison (section 13.1.2) and replaces If-Modified-Since.
    if if_none_match is not None:
        return 304 if _matches(if_none_match, validators.etag, weak=True) else None
    if conditions.if_modified_since is not None:
        later = _is_later(validators.last_modified, conditions.if_modified_since, now)
        return 304 if later is False else None
    return None


def refuses_change(conditions: Conditions, validators: Validators, *, now: float) -> bool:
    """Whether a precondition of a PUT or PATCH is false, so that the answer is 412.

    A list that is too long to be read counts as false: without it, the change could replace what its client never saw.
    """
    for field in (conditions.if_match, conditions.if_none_match):
        if field is not None and bounded_list(field) is None:
            return True
    # If-Modified-Since is for GET and HEAD only (section 13.1.3).
    return failed_precondition(conditions._replace(if_modified_since=None), validators, now=now) is not None


def range_applies(if_range: str, validators: Validators, *, now: float) -> bool:
    """Rule 3: whether Range is to be obeyed: If-Range is the same strong tag, or exactly the date."""
    field = if_range.strip(" \t")
    return field == validators.etag or parse_http_date(field, now=now) == validators.last_modified
