"""1EdTech's own schemas for the tests."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from services import reference_folder

sys.path.insert(0, str(Path(__file__).parent))

from official_schemas import official_schemas


@pytest.fixture(scope="session")
def officially_valid() -> Callable[[str, dict[str, Any]], bool]:
    """Tells whether 1EdTech's schema accepts an event or entity, in the version 1.2 or 1.1."""
    return official_schemas(reference_folder())
