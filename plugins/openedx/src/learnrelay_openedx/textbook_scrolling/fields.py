"""Textbooks that are scrolled through: pages that come into view."""

from __future__ import annotations

from ..textbook.fields import PageFields


class ScrolledPageFields(PageFields):
    """Declares a page that comes into view."""
