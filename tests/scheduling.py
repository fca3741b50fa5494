"""The order in which pytest-xdist runs test files, and which of them share a worker.

Long files start first, so that all workers end at about the same time. Files that share an expensive fixture (a browser,
an S3 server) run on one worker, so that it starts once. A file that is missing here costs time, never correctness.
"""

from typing import Final

from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

# Group → the beginnings of its files' paths, in the order in which the files run.
GROUPS: Final = {
    "every browser": (
        "tests/browser/test_playing.py",
        "tests/browser/test_formats.py",
        "tests/browser/test_requests.py",
        "tests/browser/test_page.py",
        "tests/browser/test_comfort.py",
        "tests/browser/test_firefox.py",
        "tests/browser/test_played_lengths.py",
        "tests/browser/test_shared_links.py",
        "tests/browser/test_webkit.py",
    ),
    "S3 servers": ("tests/s3/", "tests/s3_gateway/", "tests/uploads/test_s3"),
    "the player page": ("tests/browser/",),
}
LONGEST_FIRST: Final = (
    *GROUPS["every browser"],
    *GROUPS["S3 servers"],
    *GROUPS["the player page"],
    "tests/benchmarks/test_quick.py",
    "tests/benchmarks/test_quick_s3.py",
    "tests/commands/test_cli.py",
    "tests/openapi/",
    "tests/corpus/",
    "tests/benchmarks/",
    "tests/process/",
    "tests/demo/",
    "tests/clients/",
    "tests/uploads/",
    "tests/db/test_embedded",
    "tests/endurance/",
    "tests/media/",
    "tests/imports/",
    "tests/test_",
    "tests/web/",
    "tests/db/",
    "tests/conformance/",
)


def file_of(nodeid: str) -> str:
    """The path of the test's file, relative to the repository."""
    return nodeid.partition("::")[0]


def unit_of(nodeid: str) -> str:
    """The name of what runs on one worker without interruption: a group, or else a file."""
    path = file_of(nodeid)
    return next((name for name, beginnings in GROUPS.items() if path.startswith(beginnings)), path)


def rank_of(nodeid: str) -> int:
    """The place of the test's file in the order, 0 for the first."""
    path = file_of(nodeid)
    ranks = (rank for rank, beginning in enumerate(LONGEST_FIRST) if path.startswith(beginning))
    return next(ranks, len(LONGEST_FIRST))


class GroupScheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Gives the next unit, in the order of collection, to the next free worker."""

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)
