"""The platform that is measured: the invented one of the examples, everything of ours enabled."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from learnrelay_openedx.source import OpenedxSource

ROOT = Path(__file__).parents[1]
SECRET = {"LEARNRELAY_IDENTITY_SECRET": "a secret of thirty-two characters", "LEARNRELAY_CONFIG": ""}
event_from_line = OpenedxSource().event_from_line
LEARNRELAY = str(Path(sys.executable).with_name("learnrelay"))

CONFIG = """
[platform]
source = "openedx"
root_url = "https://learn.example.org"
[plugins]
enabled = ["xapi.*", "caliper.*", "enterprise_filter"]
[identity]
provider = "keyed"
secret = "env:LEARNRELAY_IDENTITY_SECRET"
[courses]
provider = "table"
path = "courses.csv"
[caliper]
sensor = "https://learn.example.org/sensor"
[delivery]
database = "sqlite:///outbox.db"
"""
DESTINATION = """
[destinations.{name}]
standard = "{standard}"
scope = "all"
url = "http://127.0.0.1:{port}/"
"""


def write_site(directory: Path, learners: int = 2000) -> None:
    """Tables of courses and people."""
    make_log(directory / "little.log", 10, learners, "--tables", str(directory))


def make_log(path: Path, lines: int, learners: int = 2000, *more: str) -> Path:
    """Writes a log of so many lines."""
    if not path.exists():
        script = str(ROOT / "examples" / "make_log.py")
        arguments = ["--lines", str(lines), "--learners", str(learners), "--output", f"{path}.part", *more]
        subprocess.run([sys.executable, script, *arguments], check=True)
        Path(f"{path}.part").rename(path)
    return path


def configure(directory: Path, destinations: Sequence[tuple[str, int]]) -> Path:
    """Writes the operator's file: destinations as (standard, port)."""
    tables = [
        DESTINATION.format(name=f"{standard}_{number}", standard=standard, port=port)
        for number, (standard, port) in enumerate(destinations)
    ]
    path = directory / "relay.toml"
    path.write_text(CONFIG + "".join(tables), encoding="utf-8")
    return path


@contextmanager
def receivers(number: int) -> Iterator[list[int]]:
    """Ports of so many consumers, each a process of its own."""
    command = [sys.executable, str(ROOT / "benchmarks" / "receiver.py")]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(number)]
    try:
        yield [int(process.stdout.readline()) for process in processes if process.stdout]
    finally:
        for process in processes:
            process.terminate()
            process.communicate()


def environment() -> dict[str, str]:
    """Returns the environment of the command line."""
    return {**os.environ, **SECRET}
