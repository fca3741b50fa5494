"""Response templates: what was decided about a request head, so that the next head like it need not be parsed.

Apart from the range, the response depends only on the bytes of the head, on the admission and on the version of the
object. An identical head therefore needs no second parse while these are the same, whatever conditions it carries, and
no second parser can disagree with the first.

Credentials are cached as they were sent, only in memory.
"""

import time
from dataclasses import dataclass

from aiohttp import hdrs, web

from gateway.protocol.conditional import Conditions, failed_precondition, range_applies
from gateway.protocol.delivery import HeaderBlock, Representation, plan_delivery
from gateway.protocol.http_date import has_short_year
from gateway.protocol.pacing import SendingPace
from gateway.web.access.cors import Cors
from gateway.web.bytes.admissions import Admission
from gateway.web.bytes.heads import FixedHead, SpanHead, connection_line
from gateway.web.bytes.paced import Pacing
from gateway.web.conditions import conditions_of
from gateway.web.exchange import EXCHANGE, Exchange
from gateway.web.fast_path.head_keys import around_range, is_cacheable, without_ignored
from storage_adapters.base import ObjectStat, OpenObject, OpenObjectCache
from storage_adapters.remote import Remote


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseTemplate:
    """The responses to the request heads with one key, and the object that they request.

    `before` and `after` are what such a head has around its range-set (head_keys.around_range). `stored` is the object
    in open files; None for an object of a remote storage backend that is not cached: its bytes are requested there, in
    the version `stat`. `head` makes the response's head. With a SpanHead, the body is the range of each request. With a
    FixedHead, the range does not matter, and the body is the first `length` bytes of the object. `has_ignored` says
    whether the head had fields that are removed before it is looked up. `exchange` is that of the first request.
    """

    has_ignored: bool
    before: bytes
    after: bytes
    admission: Admission
    files: OpenObjectCache
    object_key: str
    stored: OpenObject | None
    stat: ObjectStat
    head: SpanHead | FixedHead
    length: int
    pace: SendingPace | None
    keep_alive: bool
    exchange: Exchange

    def is_current(self) -> bool:
        """Whether the object is still the version that was decided about: it may have been replaced or removed."""
        return self.files.find_open(self.object_key) is self.stored

    def range_set_of(self, head: bytes) -> str | None:
        """The range-set of a head that differs from the first one only in it.

        None for other heads; they may have the same key nevertheless.

        This takes a sixth of the time of `split_head` and a look-up.
        """
        before, after = self.before, self.after
        if before and head.startswith(before) and head.endswith(after):
            # The two cannot overlap: `before` ends with the only Range field.
            range_set = head[len(before) : -len(after)]
            if b"\r" not in range_set:  # else it has more fields than the first head
                return range_set.decode("latin-1")
        return None


def make_template(
    request: web.Request, request_head: bytes, admission: Admission, cors: Cors, pacing: Pacing
) -> ResponseTemplate | None:
    """The template of the response to a request with this head; None if it would not hold for the next one like it."""
    head = without_ignored(request_head)
    if not is_cacheable(request, head):
        return None
    version = _verified_version(admission)
    conditions = conditions_of(request.headers)
    if version is None or _depends_on_time(conditions):
        return None
    files, stored, stat = version
    shared = cors.headers(request.headers.get(hdrs.ORIGIN), by_key=admission.by_key)
    prepared = _prepare_head(request, conditions, admission, stat, shared)
    if prepared is None:
        return None
    response_head, length = prepared
    if stored is None and not length and isinstance(response_head, FixedHead):
        # Nothing is read (a HEAD, a 304), so a missing or archived object would not be noticed.
        return None
    before, after = around_range(head)
    return ResponseTemplate(
        has_ignored=len(head) < len(request_head),
        before=before,
        after=after,
        admission=admission,
        files=files,
        object_key=admission.media.object_key,
        stored=stored,
        stat=stat,
        head=response_head,
        length=length,
        pace=pacing.pace(request.headers, admission.media, stat.size),
        keep_alive=request.keep_alive,
        exchange=request[EXCHANGE],
    )


def _verified_version(admission: Admission) -> tuple[OpenObjectCache, OpenObject | None, ObjectStat] | None:
    """The object in open files, and its version; None unless this is the catalogue's version.

    A remote storage backend is expected to have the catalogue's version. Each read requires it, so it is not looked up.
    """
    media, files = admission.media, admission.storage.adapter
    if not isinstance(files, OpenObjectCache) or media.missing_at is not None:
        return None
    stored = files.find_open(media.object_key)
    remote_stat = admission.prepared.expected if isinstance(files, Remote) else None
    stat = remote_stat if stored is None else stored.stat
    return None if stat is None or stat.etag != media.etag else (files, stored, stat)


def _prepare_head(
    request: web.Request, conditions: Conditions, admission: Admission, stat: ObjectStat, shared: HeaderBlock
) -> tuple[SpanHead | FixedHead, int] | None:
    """The response's head, and the length of the body of a FixedHead; None if the head depends on the time."""
    now = time.time()
    representation = admission.prepared.represent(stat, now=now)
    if not representation.lasts:
        return None
    connection = connection_line(request, keep_alive=request.keep_alive)
    if _obeys_range(request.method, conditions, representation, now):
        return SpanHead(representation, shared, connection), 0
    plan = plan_delivery(request.method, conditions, representation, boundary=str, now=now, max_ranges=1)
    return FixedHead(plan, shared, connection), plan.content_length


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
