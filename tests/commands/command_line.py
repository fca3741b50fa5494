"""`python -m gateway` as a real process, with its own settings and none of the developer's."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from tests.forked_process import ForkedProcess

COMMAND_SECONDS = 180  # the limit after which a command counts as hung


@dataclass(frozen=True, slots=True)
class CommandLine:
    """Runs commands with `environ` in `folder`."""

    folder: Path
    environ: dict[str, str]

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        words = [str(word) for word in arguments]
        with TemporaryFile("w+") as stdout, TemporaryFile("w+") as stderr:
            process = self._fork(words, stdout, stderr)
            try:
                code = process.wait(COMMAND_SECONDS)
            finally:
                process.send_signal(signal.SIGKILL)
            outputs = [_whole(output) for output in (stdout, stderr)]
        return subprocess.CompletedProcess(words, code, *outputs)

    @contextmanager
    def started(self, *arguments: str | Path) -> Iterator[ForkedProcess]:
        """The running command, whose output is lost."""
        with TemporaryFile("w+") as output:
            yield self._fork([str(word) for word in arguments], output, output)

    def _fork(self, words: Sequence[str], stdout: IO[str], stderr: IO[str]) -> ForkedProcess:
        return ForkedProcess(words, self.environ, self.folder, stdout=stdout.fileno(), stderr=stderr.fileno())

    def start(self, *arguments: str | Path) -> subprocess.Popen[str]:
        """The command in a fresh interpreter."""
        return subprocess.Popen(
            [sys.executable, "-m", "gateway", *map(str, arguments)],
            cwd=self.folder,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def json_lines(self, *arguments: str | Path) -> list[Any]:
        """What a command that succeeds prints as JSON, line by line."""
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def refusal(self, code: int, *arguments: str | Path) -> str:
        """The standard error of a command that fails with `code`, without a traceback."""
        done = self.run(*arguments)
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stderr


def _whole(output: IO[str]) -> str:
    output.seek(0)
    return output.read()


def command_line(folder: Path, **settings: str) -> CommandLine:
    """The command line in a folder; settings like `server__port="0"`."""
    repository = str(Path(__file__).resolve().parents[2])
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SEEKGATE_")}
    given = {f"SEEKGATE_{name.upper()}": value for name, value in settings.items()}
    return CommandLine(
        folder, inherited | {"PYTHONPATH": repository, "SEEKGATE_DATA_DIR": str(folder / "data")} | given
    )
