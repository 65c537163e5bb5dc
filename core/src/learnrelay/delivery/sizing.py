"""How many statements a request may have: what "too large" (413) teaches about a destination."""

from __future__ import annotations

_SOUND_AFTER = 8
_GROW_AFTER = 32


class BatchSize:
    """Begins with the configured ``most``, is halved by each 413, and doubles after `_GROW_AFTER` full requests.

    A lone statement that is too large says nothing about the others: then it is again what it was before. It lives as
    long as its drain; after a restart the first batch teaches it again.
    """

    def __init__(self, most: int) -> None:
        self.size = most
        self._most = most
        self._sound = most
        self._stored = 0

    def too_large(self, number: int) -> None:
        """A request of so many statements was."""
        self.size = self._sound if number == 1 else number // 2
        self._stored = 0

    def stored(self, number: int) -> None:
        """A request of so many statements was taken."""
        if number < self.size or self.size == self._sound == self._most:
            return
        self._stored += 1
        if self._stored == _SOUND_AFTER:
            self._sound = self.size
        if self._stored == _GROW_AFTER:
            self.size = min(self._most, self.size * 2)
            self._stored = 0
