"""A prepared head equals the head that the plan of the response has."""

import re

from hypothesis import given
from hypothesis import strategies as st

from gateway.protocol.delivery import Representation, header_block, plan_span
from gateway.protocol.ranges import ByteSpan
from gateway.web.bytes.heads import SpanHead, render_head

VALUES = st.text(st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_characters="\x7f"), min_size=1)


@given(
    etag=VALUES,
    disposition=VALUES,
    other=VALUES,
    offset=st.integers(0, 10**15),
    length=st.integers(1, 10**15),
    connection=st.sampled_from(["", "Connection: close\r\n"]),
)
def test_prepared_or_not_the_head_is_the_same(
    etag: str, disposition: str, other: str, offset: int, length: int, connection: str
) -> None:
    representation = Representation(
        size=offset + length,
        etag=etag,
        last_modified=1.0,
        content_type="audio/mpeg",
        cache_control="private",
        disposition=disposition,
        now=2.0,
    )
    shared = header_block([("X-Other", other), ("X-Percent", "100%d %b %% %")])
    plan = plan_span(ByteSpan(offset, length), representation)
    prepared = SpanHead(representation, shared, connection)
    assert prepared.status == plan.status
    rendered = render_head(plan, shared, "mine-1", connection)
    assert dateless(prepared.render("mine-1", offset, length)) == dateless(rendered)


def dateless(head: bytes) -> bytes:
    assert head.count(b"\r\nDate: ") == 1
    return re.sub(rb"\r\nDate: [A-Z][^\r]{28}\r\n", b"\r\nDate\r\n", head)
