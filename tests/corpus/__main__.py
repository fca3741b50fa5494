"""The corpus in Chromium and Firefox: `python -m tests.corpus [chromium|firefox ...]`.

Prints a line for each file that a browser does not play as long as the catalogue says, with the reason where it is known.
The exit code is 1 if there is one without a reason.
"""

import asyncio
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from gateway.media.facts import NotMedia
from tests.corpus.browsers import Played, play_all
from tests.corpus.edits import FFmpeg, Sample
from tests.corpus.files import corpus
from tests.media.probing import probe

TOLERANCE_SECONDS = 0.3


def length(sample: Sample) -> float | None:
    """What the catalogue says."""
    try:
        return probe(sample.content).duration_seconds
    except NotMedia:
        return None


def is_other(found: Played | None, seconds: float | None) -> bool:
    """Whether the browser played another length; one that plays nothing says nothing."""
    if found is None or found.outcome == "error":
        return False
    return seconds is None or found.outcome != "ended" or abs(found.seconds - seconds) > TOLERANCE_SECONDS


def say(line: str) -> None:
    """Print a line."""
    sys.stdout.write(f"{line}\n")


def main(browsers: list[str]) -> int:
    with TemporaryDirectory() as folder:
        samples = list(corpus(FFmpeg(Path(folder))))
    lengths = [length(sample) for sample in samples]
    unexplained = 0
    for browser in browsers:
        played = asyncio.run(play_all(browser, samples))
        counts = {"as long": 0, "not at all": 0, "another length": 0}
        for sample, seconds, found in zip(samples, lengths, played, strict=True):
            if not is_other(found, seconds):
                counts["not at all" if found is None or found.outcome == "error" else "as long"] += 1
                continue
            counts["another length"] += 1
            unexplained += not sample.differs(browser)
            reason = sample.browsers if sample.differs(browser) else "NOT EXPLAINED"
            say(f"{browser}: {sample.name}: {seconds} s, played {found and found.seconds:.2f} s: {reason}")
        say(f"{browser}: {len(samples)} files: {counts}")
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ["chromium", "firefox"]))
