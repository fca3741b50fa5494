"""Whether the result of a look-up is still current."""

from typing import Final


class Validity:
    """Whether one result still holds. It holds until that result may have changed, and never again after that."""

    __slots__ = ("holds",)

    def __init__(self, *, holds: bool = True) -> None:
        self.holds = holds

    def end(self) -> None:
        """The result may have changed: everything derived from it has to be looked up again."""
        self.holds = False


# The validity of a result that no cache follows: it may have changed already.
NOT_CACHED: Final = Validity(holds=False)
