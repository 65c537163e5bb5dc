"""Creates files and folders that only their owner may open: they hold what learners did."""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path
from typing import IO, Any

log = logging.getLogger(__name__)

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def open_private(path: str | Path, mode: str = "wb") -> IO[Any]:
    """Opens a file for writing; creates it with mode 600, whatever the umask. Raises OSError.

    A file that exists keeps its mode; a warning says so when others may open it.
    """
    file = open(path, mode, opener=lambda name, flags: os.open(name, flags, 0o600))  # noqa: SIM115
    status = os.fstat(file.fileno())
    if stat.S_ISREG(status.st_mode):  # no pipe and no terminal
        _warn_when_open(path, status.st_mode, "600")
    return file


def create_private_folder(path: Path) -> None:
    """Creates a folder, and those above it that do not exist, with mode 700. Raises OSError."""
    if not path.is_dir():
        create_private_folder(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)


def warn_about_folder(path: Path) -> None:
    """Warns when others than its owner may open a folder. Raises OSError."""
    _warn_when_open(path, path.stat().st_mode, "700")


def _warn_when_open(path: str | Path, mode: int, wanted: str) -> None:
    if mode & _OTHERS:
        log.warning("%s: other users may open it, and it holds what learners did: chmod %s", path, wanted)
