"""Whether something that was looked up may have changed since."""

from typing import Final


class Validity:
    """Whether one look-up's result still holds. It holds until that very result may have changed, then never again."""

    __slots__ = ("holds",)

    def __init__(self, *, holds: bool = True) -> None:
        self.holds = holds

    def end(self) -> None:
        """The result may have changed: whatever was derived from it has to be looked up again."""
        self.holds = False


# Of a result that no cache watches: it may have changed already.
NOT_REMEMBERED: Final = Validity(holds=False)
