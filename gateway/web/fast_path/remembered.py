"""Remembers the decisions about a request head, so that the next head like it is answered without being parsed.

Apart from the range, the response depends only on the bytes of the head, on the admission and on the version of the
object. An identical head therefore needs no second parse while these are the same, whatever conditions it carries, and
no second parser can disagree with the first.

Credentials are remembered as they were sent, only in memory.
"""

import time
from dataclasses import dataclass

from aiohttp import hdrs, web

from gateway.protocol.conditional import Conditions, failed_precondition, range_applies
from gateway.protocol.delivery import Representation, plan_delivery
from gateway.protocol.http_date import has_short_year
from gateway.protocol.pacing import SendingPace
from gateway.web.access.cors import Cors
from gateway.web.bytes.admissions import Admission
from gateway.web.bytes.conditions import conditions_of
from gateway.web.bytes.heads import FixedHead, SpanHead, connection_line
from gateway.web.bytes.paced import Pacing
from gateway.web.exchange import EXCHANGE, Exchange
from gateway.web.fast_path.head_keys import around_range, is_cacheable, without_ignored
from storage_adapters.base import ObjectStat, OpenObject, OpenObjectCache
from storage_adapters.remote import Remote


@dataclass(frozen=True, slots=True)
class Remembered:
    """The decisions about one request head, and the object that it requests.

    `before` and `after` are what such a request head has around its range-set (head_keys.around_range).
    `stored` is the object in open files; None for an object of a remote storage backend that is not cached: its bytes
    are requested there, in the version `stat`. `head` makes the response's head. With a SpanHead, the body is the range
    of each request. With a FixedHead, the range does not matter, and the body is the first `length` bytes of the object.
    `has_ignored` says whether the head had fields that are removed before it is looked up.
    """

    has_ignored: bool
    before: bytes
    after: bytes
    admission: Admission
    files: OpenObjectCache
    key: str
    stored: OpenObject | None
    stat: ObjectStat
    head: SpanHead | FixedHead
    length: int
    pace: SendingPace | None
    keep_alive: bool
    exchange: Exchange

    def is_current(self) -> bool:
        """Whether the object is still the version that was decided about: it may have been replaced or removed."""
        return self.files.find_open(self.key) is self.stored

    def range_set_of(self, head: bytes) -> str | None:
        """The range-set in a head that differs only in these; None for other heads, which may be alike too.

        This takes a sixth of the time of `split_head` and a look-up.
        """
        before, after = self.before, self.after
        if before and head.startswith(before) and head.endswith(after) and len(head) >= len(before) + len(after):
            range_set = head[len(before) : len(head) - len(after)]
            if b"\r" not in range_set:  # else it has more fields than the remembered one
                return range_set.decode("latin-1")
        return None


def remember(request: web.Request, asked: bytes, admission: Admission, cors: Cors, pacing: Pacing) -> Remembered | None:
    """What the byte route decided about the request with the head `asked`.

    None if it would not hold for the next request like it.
    """
    plain = without_ignored(asked)
    if not is_cacheable(request, plain):
        return None
    media, files = admission.media, admission.storage.adapter
    if not isinstance(files, OpenObjectCache) or media.missing_at is not None:
        return None
    stored = files.find_open(media.object_key)
    stat = _remote_version(admission) if stored is None else stored.stat
    if stat is None or stat.etag != media.etag:
        return None
    now = time.time()
    representation = admission.prepared.represent(stat, now=now)
    conditions = conditions_of(request.headers)
    if not representation.lasts or _depends_on_time(conditions):
        return None
    shared = cors.headers(request.headers.get(hdrs.ORIGIN), by_key=admission.by_key)
    connection = connection_line(request, keep_alive=request.keep_alive)
    head: SpanHead | FixedHead
    if _obeys_range(request.method, conditions, representation, now):
        head, length = SpanHead(representation, shared, connection), 0
    else:
        plan = plan_delivery(request.method, conditions, representation, boundary=str, now=now, max_ranges=1)
        head, length = FixedHead(plan, shared, connection), plan.content_length
        if stored is None and not length:
            # Nothing is read (a HEAD, a 304), so a missing or archived object would not be noticed.
            return None
    pace = pacing.pace(request.headers, media, stat.size)
    return Remembered(
        len(plain) < len(asked),
        *around_range(plain),
        admission,
        files,
        media.object_key,
        stored,
        stat,
        head,
        length,
        pace,
        request.keep_alive,
        request[EXCHANGE],
    )


def _remote_version(admission: Admission) -> ObjectStat | None:
    """The version that a remote storage backend is expected to have; each read requires it, so it is not looked up."""
    return admission.prepared.expected if isinstance(admission.storage.adapter, Remote) else None


def _depends_on_time(conditions: Conditions) -> bool:
    """Whether a date has a two-digit year: what that means depends on the clock."""
    dates = conditions.if_modified_since, conditions.if_unmodified_since, conditions.if_range
    return any(date is not None and has_short_year(date.strip(" \t")) for date in dates)


def _obeys_range(method: str, conditions: Conditions, representation: Representation, now: float) -> bool:
    validators = representation.validators
    return (
        method == hdrs.METH_GET
        and conditions.range is not None
        and failed_precondition(conditions, validators, now=now) is None
        and (conditions.if_range is None or range_applies(conditions.if_range, validators, now=now))
    )
