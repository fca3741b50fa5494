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


class Epoch:
    """`number` differs after every change that is heard; None while changes are not being heard at all."""

    def __init__(self) -> None:
        self._count = 0
        self.number: int | None = None

    def begin(self) -> None:
        """Something changed, or changes are being heard from now on."""
        self._count += 1
        self.number = self._count

    def change(self) -> None:
        """We changed something ourselves; while changes are not being heard, there is nothing to end."""
        if self.number is not None:
            self.begin()

    def end(self) -> None:
        """Changes are no longer heard: nothing can be relied on."""
        self.number = None
