"""Runs the command line as ``python -m learnrelay``."""

from __future__ import annotations

from .cli import main

main()
