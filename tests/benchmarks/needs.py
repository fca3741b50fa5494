"""What a benchmark needs of the machine."""

import shutil
from pathlib import Path
from typing import Final

import pytest

needs_wrk: Final = pytest.mark.skipif(not shutil.which("wrk"), reason="wrk is not installed; .ci/run installs it")
needs_schedstat: Final = pytest.mark.skipif(
    not Path("/proc/self/schedstat").exists(), reason="cannot run here: CPU time is read from Linux's schedstat"
)
