"""Which worker of pytest-xdist runs what, and in which order: what takes long first, so that all end together.

Knows: the rooms whose servers are dear to start (each stays on one worker), and which files take long. Refuses to know:
tests. A file that is not named here comes last, after those that are; a name that is wrong costs time, not truth.
"""

from typing import Final

from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

# The parts of a path that make it one of a room; a room runs on one worker, in the order of its files below.
ROOMS: Final = {
    "every S3 server": ("tests/s3/test_contract.py", "tests/s3/test_storage.py", "tests/s3_gateway/test_byte_route.py"),
    "one S3 server": ("tests/s3/", "tests/s3_gateway/", "tests/uploads/test_s3"),
    "browsers": ("tests/browser/",),
}
# With the seconds that each took at last, where it took more than a few.
LONGEST_FIRST: Final = (
    *ROOMS["every S3 server"],  # 300
    *ROOMS["browsers"],  # 330
    *ROOMS["one S3 server"],  # 230
    "tests/benchmarks/test_quick.py",  # 70
    "tests/benchmarks/test_quick_s3.py",  # 50
    "tests/commands/test_cli.py",  # 50
    "tests/openapi/",  # 45
    "tests/benchmarks/",  # 45
    "tests/process/test_workers.py",  # 40
    "tests/demo/test_recording.py",  # 40
    "tests/clients/",  # 35
    "tests/uploads/test_kills.py",  # 30
    "tests/db/test_embedded",  # 40, two files
    "tests/endurance/",  # 40, several files
    "tests/media/",  # 20
    "tests/test_conftest.py",  # 7
    "tests/test_rules.py",  # 6
    "tests/db/",
    "tests/conformance/",
    "tests/uploads/",
)


def file_of(nodeid: str) -> str:
    """The path of the test's file, as it is below the repository."""
    return nodeid.partition("::")[0]


def unit_of(nodeid: str) -> str:
    """What runs on one worker, in one go: a room, or else a file."""
    path = file_of(nodeid)
    return next((name for name, beginnings in ROOMS.items() if path.startswith(beginnings)), path)


def rank_of(nodeid: str) -> int:
    """How early it is begun: 0 first."""
    path = file_of(nodeid)
    ranks = (rank for rank, beginning in enumerate(LONGEST_FIRST) if path.startswith(beginning))
    return next(ranks, len(LONGEST_FIRST))


class Rooms(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Units go to whichever worker is free, in the order in which they were collected."""

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)
