"""Makes plugins known to a test that are not installed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from types import ModuleType
from typing import Any

from learnrelay import Family
from learnrelay.plugins.registry import list_hooks
from learnrelay.plugins.single_files import KINDS_BY_HOOK

from .project_folders import found_distribution

_numbers = count(1)


@contextmanager
def registered(*families: Family, **plugins: Any) -> Iterator[None]:
    """Has this process find plugins as if they were installed: families, and modules or objects with hooks by name.

    ::

        with registered(family, acme_modes=acme_modes):
            assert statements(event)

    Raises ValueError for what has no hook. Other processes, such as those of ``contract-test``, do not see them.
    """
    number = next(_numbers)
    module = ModuleType(f"learnrelay_registered_{number}")
    points: dict[str, dict[str, str]] = {}
    for name, plugin in {**{family.name: family for family in families}, **plugins}.items():
        hooks = list_hooks(plugin)
        kind = next((kind for hook, kind in KINDS_BY_HOOK.items() if hook in hooks), None)
        if kind is None:
            raise ValueError(f"{name} has no hook: mark a function with @hookimpl, or give a Family")
        attribute = f"plugin_{len(vars(module))}"
        setattr(module, attribute, plugin)
        points.setdefault(f"learnrelay.{kind}.v1", {})[name] = f"{module.__name__}:{attribute}"
    sys.modules[module.__name__] = module
    try:
        with found_distribution(f"registered-{number}", "0", points, for_children=False):
            yield
    finally:
        del sys.modules[module.__name__]
