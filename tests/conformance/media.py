"""An object of the test site as a client sees it: its bytes, its URL, its validators."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from string import Template

from hypothesis.vendor.pretty import RepresentationPrinter

RFC850 = "%A, %d-%b-%y %H:%M:%S GMT"
ASCTIME = "%a %b {day:2d} %H:%M:%S %Y"


@dataclass(frozen=True, slots=True, repr=False)
class Media:
    """`etag`, with its quotes, and `last_modified` come from a first HEAD."""

    recording_id: int
    media_file_id: int
    content: bytes
    content_type: str
    etag: str
    last_modified: str

    def __repr__(self) -> str:
        return f"Media({self.target}, {len(self.content)} bytes)"

    def _repr_pretty_(self, printer: RepresentationPrinter, _cycle: object) -> None:
        printer.text(repr(self))

    @property
    def target(self) -> str:
        """The byte route of this object."""
        return f"/recordings/{self.recording_id}/media/{self.media_file_id}/raw"

    def slice(self, ranges: str) -> bytes:
        """The bytes of `first-last`, both inclusive."""
        first, last = ranges.split("-")
        return self.content[int(first) : int(last) + 1]

    def fill(self, text: str | bytes) -> str | bytes:
        """Replace `$etag`, `$date`, `$before`, `$after`, … in a row by this object's validators."""
        return text if isinstance(text, bytes) else Template(text).substitute(self.validators())

    def validators(self) -> dict[str, str]:
        """The names that rows may use; `$before` and `$after` differ by one second."""
        modified = parsedate_to_datetime(self.last_modified)
        return {
            "etag": self.etag,
            "opaque": self.etag.strip('"'),
            "date": self.last_modified,
            "before": http_date(modified - timedelta(seconds=1)),
            "after": http_date(modified + timedelta(seconds=1)),
            "rfc850": modified.strftime(RFC850),
            "rfc850_before": (modified - timedelta(seconds=1)).strftime(RFC850),
            "asctime": asctime(modified),
            "asctime_before": asctime(modified - timedelta(seconds=1)),
            # RFC 9110 section 5.6.7: a two-digit year more than 50 years ahead is the most recent such year in the past.
            "rfc850_in_49_years": years_ahead(49).strftime(RFC850),
            "rfc850_in_51_years": years_ahead(51).strftime(RFC850),
        }


def http_date(moment: datetime) -> str:
    """IMF-fixdate (RFC 9110 section 5.6.7)."""
    return format_datetime(moment, usegmt=True)


def asctime(moment: datetime) -> str:
    """The asctime form, its day padded with a space."""
    return moment.strftime(ASCTIME.format(day=moment.day))


def years_ahead(years: int) -> datetime:
    """The first of June, that many years from this one."""
    return datetime(datetime.now(UTC).year + years, 6, 1, 12, tzinfo=UTC)
