"""Adapts the number of statements of a request to the "too large" answers (413) of a destination."""

from __future__ import annotations

_TRUSTED_AFTER = 8
_GROW_AFTER = 32


class BatchSize:
    """Halves the configured size after each 413, and doubles it after `_GROW_AFTER` full requests.

    A single statement that is too large says nothing about the others: after it the size is again the last trusted
    one. The size lives as long as its drain; after a restart it is learnt again.
    """

    def __init__(self, max_size: int) -> None:
        self.size = max_size
        self._max_size = max_size
        self._trusted = max_size
        self._stored = 0

    def record_too_large(self, number: int) -> None:
        """Records that a request of ``number`` statements was too large."""
        self.size = self._trusted if number == 1 else number // 2
        self._stored = 0

    def record_stored(self, number: int) -> None:
        """Records that a request of ``number`` statements was stored."""
        if number < self.size or self.size == self._trusted == self._max_size:
            return
        self._stored += 1
        if self._stored == _TRUSTED_AFTER:
            self._trusted = self.size
        if self._stored == _GROW_AFTER:
            self.size = min(self._max_size, self.size * 2)
            self._stored = 0
