"""Whether anything that was looked up may have changed since.

Knows: that something changed. Refuses to know: what, and how it was heard.
"""


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
