"""In CI a skipped test fails unless its reason says that the machine can never run it; the schedule names real files.

All workers collect the same tests in the same order, although each imports other files first.
"""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, cast

import pytest

from tests.conftest import pytest_configure
from tests.scheduling import LONGEST_FIRST

ROOT: Final = Path(__file__).resolve().parent.parent
CONFTEST: Final = "from tests.conftest import pytest_make_collect_report, pytest_runtest_makereport"

NOT_INSTALLED: Final = "curl is not installed"
NEVER: Final = "cannot run here: needs root"
IN_A_TEST: Final = "import pytest\ndef test_it(): pytest.skip({reason!r})"
BY_A_MARK: Final = "import pytest\n@pytest.mark.skip(reason={reason!r})\ndef test_it(): pass"
WHOLE_FILE: Final = "import pytest\npytest.skip({reason!r}, allow_module_level=True)"
EXPECTED: Final = "import pytest\n@pytest.mark.xfail(reason={reason!r})\ndef test_it(): assert False"

# Test file → its source, the reason of its skip, and its outcome in CI.
FILES: Final = {
    "in_a_test": (IN_A_TEST, NOT_INSTALLED, "FAILED"),
    "in_a_test_allowed": (IN_A_TEST, NEVER, "SKIPPED"),
    "by_a_mark": (BY_A_MARK, NOT_INSTALLED, "ERROR"),
    "by_a_mark_allowed": (BY_A_MARK, NEVER, "SKIPPED"),
    "whole_file": (WHOLE_FILE, NOT_INSTALLED, "ERROR"),
    "whole_file_allowed": (WHOLE_FILE, NEVER, "SKIPPED"),
    "expected_to_fail": (EXPECTED, "a known bug", "XFAIL"),
}


def summary(folder: Path, *, ci: bool) -> dict[str, str]:
    """The outcome of each file in pytest's summary."""
    (folder / "conftest.py").write_text(CONFTEST)
    for name, (source, reason, _) in FILES.items():
        (folder / f"test_{name}.py").write_text(source.format(reason=reason))
    words = ["-m", "pytest", "-rA", "--no-fold-skipped", "--continue-on-collection-errors", "-p", "no:cacheprovider"]
    run = subprocess.run(
        [sys.executable, *words, "--rootdir", folder, folder],
        env={**os.environ, "CI": "true" if ci else "", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = run.stdout.partition("short test summary")[2].splitlines()
    return {name: line.split()[0] for line in lines for name in FILES if f"test_{name}.py" in line}


def test_every_name_in_the_schedule_begins_the_path_of_a_test_file() -> None:
    files = [path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("test_*.py")]
    assert [name for name in LONGEST_FIRST if not any(file.startswith(name) for file in files)] == []


@pytest.mark.parametrize("ci", [True, False], ids=["in CI", "elsewhere"])
def test_a_skip_is_a_failure_in_ci_only(tmp_path: Path, *, ci: bool) -> None:
    elsewhere = {"FAILED": "SKIPPED", "ERROR": "SKIPPED"}
    expected = {name: word if ci else elsewhere.get(word, word) for name, (_, _, word) in FILES.items()}
    assert summary(tmp_path, ci=ci) == expected


@pytest.mark.parametrize(
    ("named", "collected"),
    [
        pytest.param(["tests/db", "tests/web"], ["tests/web", "tests/db"], id="folders"),
        pytest.param(
            ["tests/x.py::test_b", "tests/x.py::test_a"], ["tests/x.py::test_b", "tests/x.py::test_a"], id="tests"
        ),
    ],
)
def test_the_second_worker_imports_other_files_first_unless_tests_are_named(
    named: list[str], collected: list[str]
) -> None:
    config = SimpleNamespace(args=named, workerinput={"workerid": "gw1", "workercount": 2})
    pytest_configure(cast("Any", config))
    assert config.args == collected
