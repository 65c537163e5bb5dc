"""Distributions for tests, written into a directory as pip installs them, and found in this process."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import invalidate_caches
from pathlib import Path


def write_distribution(directory: Path, name: str, points: Mapping[str, Mapping[str, str]], source: str) -> None:
    """Writes a distribution of one module (``acme-x`` → ``acme_x``) with these groups of entry points."""
    module = name.replace("-", "_")
    info = directory / f"{module}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
    lines = [f"[{group}]\n" + "".join(f"{key} = {at}\n" for key, at in of.items()) for group, of in points.items()]
    (info / "entry_points.txt").write_text("".join(lines), encoding="utf-8")
    (directory / f"{module}.py").write_text(source, encoding="utf-8")


@contextmanager
def installed_in(directory: Path) -> Iterator[None]:
    """Has this process find the distributions of a directory."""
    sys.path.insert(0, str(directory))
    invalidate_caches()
    known = set(sys.modules)
    try:
        yield
    finally:
        sys.path.remove(str(directory))
        for name in set(sys.modules) - known:
            file = getattr(sys.modules[name], "__file__", None)
            if file and Path(file).parent == directory:
                del sys.modules[name]
