"""Implements the inputs that come with the core: files that grow, and standard input."""

from __future__ import annotations

from ..inputs import Input
from .files_input import FilesInput
from .standard_input import StandardInput

CORE_INPUTS: dict[str, type[Input]] = {kind.name: kind for kind in (FilesInput, StandardInput)}
