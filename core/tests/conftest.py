"""Installations of packages for tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from installation import Installation


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """An empty one."""
    return Installation(tmp_path)


@pytest.fixture(scope="session")
def plain_installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """One with the standard of `plain` installed, for all tests that only look."""
    made = Installation(tmp_path_factory.mktemp("plain"))
    source = Path(__file__).with_name("plain.py").read_text(encoding="utf-8")
    made.install(
        "acme-plain",
        {
            "learnrelay.standards.v1": {"plain": "acme_plain:plugin"},
            "learnrelay.families.v1": {"plain.watching": "acme_plain:family"},
        },
        source + "\nplugin = PlainPlugin()\n",
    )
    return made
