"""A clock for code that takes one as an argument."""

from dataclasses import dataclass


@dataclass
class Clock:
    """It stands still until the test moves it."""

    seconds: float = 0.0

    def __call__(self) -> float:
        return self.seconds
