"""Makes the addresses of Moodle's pages, which have their keys in the query."""

from __future__ import annotations

from learnrelay import Platform


def activity_address(platform: Platform, module: str, cmid: str) -> str:
    """Returns the address of an activity; ``cmid`` is the id of its course module."""
    return f"{platform.root_url}/mod/{module}/view.php?id={cmid}"


def page_address(platform: Platform, page: str, **keys: str) -> str:
    """Returns the address of a page below the platform's root: ``mod/forum/discuss.php``, with keys such as ``d=260``.

    A key is a number, or a digest.
    """
    query = "&".join(f"{name}={key}" for name, key in keys.items())
    return f"{platform.root_url}/{page}?{query}"
