"""One range: RFC 9110 sections 14.1.2, 14.2 and 15.3.7.1, over an object of 100 000 bytes."""

from typing import Final

import pytest

from tests.conformance.ask import Ask
from tests.conformance.media import Media
from tests.conformance.table import Row, ranged

# fmt: off
SINGLE: Final = (
    Row("no-range", (), 200),
    ranged("first-byte", "bytes=0-0", 206, "0-0"),
    ranged("first-two-bytes-as-safari-probes", "bytes=0-1", 206, "0-1"),
    ranged("first-500", "bytes=0-499", 206, "0-499"),
    ranged("second-500", "bytes=500-999", 206, "500-999"),
    ranged("middle-byte", "bytes=50000-50000", 206, "50000-50000"),
    ranged("across-a-64-KiB-border", "bytes=65535-65536", 206, "65535-65536"),
    ranged("last-byte-by-position", "bytes=99999-99999", 206, "99999-99999"),
    ranged("all-but-the-first", "bytes=1-99999", 206, "1-99999"),
    ranged("all-but-the-last", "bytes=0-99998", 206, "0-99998"),
    ranged("open-from-zero-is-206", "bytes=0-", 206, "0-99999"),
    ranged("open-from-one", "bytes=1-", 206, "1-99999"),
    ranged("open-from-the-middle", "bytes=40000-", 206, "40000-99999"),
    ranged("open-from-the-last-byte", "bytes=99999-", 206, "99999-99999"),
    ranged("exactly-everything-is-206", "bytes=0-99999", 206, "0-99999"),
    ranged("end-one-past-is-clamped", "bytes=0-100000", 206, "0-99999"),
    ranged("end-far-past-is-clamped", "bytes=99990-999999", 206, "99990-99999"),
    ranged("last-byte-clamped", "bytes=99999-100000", 206, "99999-99999"),
    ranged("suffix-of-one", "bytes=-1", 206, "99999-99999"),
    ranged("suffix-of-500", "bytes=-500", 206, "99500-99999"),
    ranged("suffix-one-short-of-all", "bytes=-99999", 206, "1-99999"),
    ranged("suffix-of-exactly-all", "bytes=-100000", 206, "0-99999"),
    ranged("suffix-longer-than-all", "bytes=-100001", 206, "0-99999"),
    ranged("suffix-much-longer", "bytes=-123456789", 206, "0-99999"),
    ranged("start-at-size", "bytes=100000-", 416, "*"),
    ranged("start-at-size-closed", "bytes=100000-100000", 416, "*"),
    ranged("start-past-size", "bytes=100001-100002", 416, "*"),
    ranged("start-far-past-size", "bytes=999999999-", 416, "*"),
    ranged("suffix-of-nothing", "bytes=-0", 416, "*"),
    ranged("suffix-of-nothing-in-many-digits", "bytes=-0000", 416, "*"),
)

NUMERALS: Final = (
    ranged("end-of-2-to-the-31", "bytes=1-2147483648", 206, "1-99999"),
    ranged("end-of-2-to-the-63", "bytes=1-9223372036854775808", 206, "1-99999"),
    ranged("end-of-2-to-the-64", "bytes=1-18446744073709551616", 206, "1-99999"),
    ranged("end-of-20-digits", "bytes=1-" + "9" * 20, 206, "1-99999"),
    ranged("end-of-400-digits", "bytes=1-" + "9" * 400, 206, "1-99999"),
    ranged("end-of-5000-digits", "bytes=1-" + "9" * 5000, 206, "1-99999"),
    ranged("start-of-2-to-the-64", "bytes=18446744073709551616-", 416, "*"),
    ranged("start-of-20-digits", "bytes=" + "9" * 20 + "-", 416, "*"),
    ranged("start-of-400-digits", "bytes=" + "9" * 400 + "-", 416, "*"),
    ranged("start-of-5000-digits", "bytes=" + "9" * 5000 + "-", 416, "*"),
    ranged("suffix-of-20-digits", "bytes=-" + "9" * 20, 206, "0-99999"),
    ranged("suffix-of-400-digits", "bytes=-" + "9" * 400, 206, "0-99999"),
    ranged("suffix-of-5000-digits", "bytes=-" + "9" * 5000, 206, "0-99999"),
    ranged("suffix-of-5000-zeros", "bytes=-" + "0" * 5000, 416, "*"),
    ranged("leading-zeros", "bytes=000-00009", 206, "0-9"),
    ranged("leading-zeros-in-a-suffix", "bytes=-00010", 206, "99990-99999"),
    ranged("leading-zeros-of-400-digits", "bytes=" + "0" * 400 + "5-" + "0" * 400 + "9", 206, "5-9"),
    ranged("leading-zeros-of-5000-digits", "bytes=" + "0" * 5000 + "5-9", 206, "5-9"),
    ranged("both-huge-ascending", "bytes=" + "8" * 30 + "-" + "9" * 30, 416, "*"),
    ranged("both-huge-equal", "bytes=" + "9" * 30 + "-" + "9" * 30, 416, "*"),
    ranged("both-huge-descending-is-malformed", "bytes=" + "9" * 30 + "-" + "8" * 30, 200),
    ranged("descending-by-digit-count", "bytes=" + "9" * 30 + "-" + "9" * 29, 200),
    ranged("descending-after-leading-zeros", "bytes=10-" + "0" * 40 + "5", 200),
)

MALFORMED: Final = (
    ranged("empty-value", "", 200),
    ranged("unit-alone", "bytes", 200),
    ranged("no-set", "bytes=", 200),
    ranged("only-a-comma", "bytes=,", 200),
    ranged("only-commas-and-spaces", "bytes= , ,\t,", 200),
    ranged("only-a-dash", "bytes=-", 200),
    ranged("two-dashes", "bytes=--1", 200),
    ranged("dash-after", "bytes=1-2-", 200),
    ranged("three-positions", "bytes=1-2-3", 200),
    ranged("no-dash", "bytes=5", 200),
    ranged("descending", "bytes=9-5", 200),
    ranged("descending-past-size", "bytes=200000-100000", 200),
    ranged("descending-beside-a-good-one", "bytes=0-4,9-5", 200),
    ranged("malformed-beside-a-good-one", "bytes=0-4,x", 200),
    ranged("good-after-a-malformed-one", "bytes=x-,0-4", 200),
    ranged("letters", "bytes=abc", 200),
    ranged("letters-as-positions", "bytes=a-b", 200),
    ranged("hexadecimal", "bytes=0x0-0xf", 200),
    ranged("decimal-point", "bytes=0.0-4.0", 200),
    ranged("exponent", "bytes=0-1e3", 200),
    ranged("plus-in-the-start", "bytes=+1-5", 200),
    ranged("plus-in-the-end", "bytes=1-+5", 200),
    ranged("plus-in-the-suffix", "bytes=-+5", 200),
    ranged("underscore-in-the-start", "bytes=1_0-50", 200),
    ranged("underscore-in-the-end", "bytes=1-5_0", 200),
    ranged("underscore-in-the-suffix", "bytes=-1_0", 200),
    ranged("arabic-indic-digits", "bytes=\u0661-\u0665".encode(), 200),
    ranged("full-width-digits", "bytes=\uff11-\uff15".encode(), 200),
    ranged("superscript-digit-in-utf-8", "bytes=0-\u00b2".encode(), 200),
    ranged("superscript-digit-in-latin-1", b"bytes=0-\xb2", 200),
    ranged("octets-that-are-not-utf-8", b"bytes=0-\xff\xfe", 200),
    ranged("space-inside-a-number", "bytes=1 0-20", 200),
    ranged("space-before-the-dash", "bytes=0 -4", 200),
    ranged("space-after-the-dash", "bytes=0- 4", 200),
    ranged("space-before-the-equals-sign", "bytes =0-4", 200),
    ranged("no-break-space-is-not-white-space", "bytes=0-4,\u00a05-9".encode(), 200),
    ranged("ideographic-space-is-not-white-space", "bytes=0-4\u3000".encode(), 200),
    ranged("semicolon-for-comma", "bytes=0-4;90-94", 200),
    ranged("space-for-comma", "bytes=0-4 90-94", 200),
    ranged("parameter-after", "bytes=0-4;q=1", 200),
    ranged("content-range-style", "bytes 0-4/100000", 200),
    ranged("colon-for-equals-sign", "bytes:0-4", 200),
    ranged("two-equals-signs", "bytes==0-4", 200),
    ranged("unit-twice", "bytes=0-4,bytes=9-12", 200),
    ranged("quoted", '"bytes=0-4"', 200),
    ranged("quoted-set", 'bytes="0-4"', 200),
    ranged("negative-end", "bytes=0--4", 200),
    ranged("star", "bytes=*", 200),
)

UNITS: Final = (
    ranged("unit-in-capitals", "BYTES=0-4", 206, "0-4"),
    ranged("unit-in-mixed-case", "ByTeS=0-4", 206, "0-4"),
    ranged("unknown-unit", "items=0-4", 200),
    ranged("unknown-unit-past-size", "seconds=100000-", 200),
    ranged("unknown-unit-in-any-syntax", "lines=first;second", 200),
    ranged("unit-without-its-s", "byte=0-4", 200),
    ranged("unit-with-more", "bytesx=0-4", 200),
    ranged("unit-of-none", "none=0-4", 200),
    ranged("no-unit", "=0-4", 200),
    ranged("no-unit-nor-equals-sign", "0-4", 200),
)

WHITE_SPACE: Final = (
    ranged("around-the-value", " \t bytes=0-4 \t ", 206, "0-4"),
    ranged("after-the-only-spec", "bytes=0-4\t", 206, "0-4"),
    ranged("tab-before-a-comma", "bytes=0-4\t,5-9", 206, "0-9"),
    ranged("tab-after-a-comma", "bytes=0-4,\t5-9", 206, "0-9"),
    ranged("much-around-a-comma", "bytes=0-4 \t \t, \t 5-9", 206, "0-9"),
    ranged("empty-element-first", "bytes=,0-4", 206, "0-4"),
    ranged("empty-element-last", "bytes=0-4,", 206, "0-4"),
    ranged("empty-elements-everywhere", "bytes=,, 0-4 ,\t, 5-9 ,,", 206, "0-9"),
    ranged("empty-elements-around-a-bad-start", "bytes=,100000-,", 416, "*"),
)
# fmt: on


@pytest.mark.parametrize("row", [*SINGLE, *NUMERALS, *MALFORMED, *UNITS, *WHITE_SPACE], ids=lambda row: row.id)
async def test_a_range_gets_exactly_its_bytes(ask: Ask, media: Media, row: Row) -> None:
    await ask(row, media)
