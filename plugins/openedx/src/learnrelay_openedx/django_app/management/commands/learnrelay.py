"""Implements ``manage.py lms learnrelay …``: the command line, with the platform's settings."""

from __future__ import annotations

import os
import sys
from argparse import REMAINDER
from collections.abc import Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from learnrelay.cli import main

from ...open_retirements import list_warnings
from ...retirement import config_path, forget_all_retired
from ...site_check import list_findings
from ...site_configurations import print_site_roots


class Command(BaseCommand):  # type: ignore[misc]  # Django has no types
    """Passes everything on to the command line, also options that Django has itself, such as ``--help``."""

    help = "The command line of learnrelay, with LEARNRELAY_CONFIG of the settings as --config; forget-retired, sites."
    requires_system_checks: list[str] = []  # noqa: RUF012  # Django's form

    def run_from_argv(self, argv: list[str]) -> None:
        """Runs ``manage.py learnrelay ARGUMENTS``. Django's own parser would refuse what begins with a hyphen."""
        try:
            code = run(argv[2:])
        finally:
            connections.close_all()
        sys.exit(code)

    def add_arguments(self, parser: CommandParser) -> None:
        """Takes everything, for ``call_command``."""
        parser.add_argument("arguments", nargs=REMAINDER)

    def handle(self, *_args: Any, **options: Any) -> None:
        """Runs ``call_command("learnrelay", …)``. Raises CommandError with the code, unless it is 0."""
        if code := run(options["arguments"]):
            raise CommandError(f"learnrelay ended with {code}", returncode=code)


def run(arguments: Sequence[str]) -> int:
    """Runs the command line. Returns its exit code.

    ``check`` looks at the settings of the platform too, ``check`` and ``status`` at retirements that are open;
    ``forget-retired`` and ``sites`` are commands of the platform's alone.
    """
    if list(arguments) == ["sites"]:
        return print_site_roots()
    if (path := config_path()) is not None:
        os.environ.setdefault("LEARNRELAY_CONFIG", path)
        if list(arguments) == ["forget-retired"]:
            return forget_all_retired(path)
    try:
        main(arguments)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    name = next((argument for argument in arguments if not argument.startswith("-")), "")
    if name in ("check", "status"):
        for warning in list_warnings():
            print(f"warning: {warning}", file=sys.stderr)
    if name == "check":
        for level, reason in list_findings():
            print(f"{level}: {reason}", file=sys.stderr)
            code = 2 if level == "error" else code
    return code
