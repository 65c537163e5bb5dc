"""Tries an upgrade: what waits under the previous release, in each kind of store, is delivered by this one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from learnrelay_contract_tests.endpoints import ReferenceLrs

if TYPE_CHECKING:
    from tools.release_check import Release

ROOT = Path(__file__).parent.parent
BEFORE = ("core", "plugins/xapi", "plugins/openedx")
EVENTS = 50
_EMIT = """
import json, sys
from learnrelay import Relay
with Relay.from_file(sys.argv[1]) as relay:
    for number in range(int(sys.argv[2])):
        relay.emit({"name": "edx.video.played", "timestamp": f"2026-03-02T09:42:{number:02}+00:00",
            "data": {"id": "0a1b", "code": "html5", "currentTime": 42, "duration": 1001},
            "context": {"user_id": number, "course_id": "course-v1:Harbour+SAIL+2026"}})
"""


def list_stores(folder: Path) -> dict[str, tuple[AbstractContextManager[str], dict[str, str]]]:
    """Maps each kind of store to its address and its keys of [delivery]; servers where their addresses are set."""
    sys.path.insert(0, str(ROOT / "core/tests"))
    from services import MYSQL, POSTGRES, mysql_database, postgres_schema

    stores: dict[str, tuple[AbstractContextManager[str], dict[str, str]]] = {
        "SQLite": (nullcontext(f"sqlite:///{folder}/outbox.db"), {}),
        "spool": (nullcontext(f"sqlite:///{folder}/behind-spool.db"), {"intake": "spool", "full": "spool"}),
    }
    if os.environ.get(POSTGRES):
        stores["PostgreSQL"] = (postgres_schema(), {})
    if os.environ.get(MYSQL):
        stores["MariaDB"] = (mysql_database(), {})
    return stores


def check_upgrade(release: Release) -> Iterator[str]:
    """Stores with the previous release, migrates and delivers with this one; yields what is missing."""
    from tools.release_check import build, export, make_environment, make_newest

    previous = release.previous or newest_tag()
    if previous is None:
        print("  there is no previous release: nothing to upgrade from (--previous REF names a commit)")
        return
    (old_wheels := release.scratch / "previous-wheels").mkdir()
    wheels = build(export(previous, release.scratch / "previous"), old_wheels, BEFORE, previous)
    extras = {"learnrelay": "[mysql,postgres]"}
    requirements = [f"{name}{extras.get(name, '')} @ {wheel.as_uri()}" for name, wheel in wheels.items()]
    python = next(iter(release.pythons.values()))
    old = make_environment(release.scratch / "old", python, requirements, "highest", old_wheels)
    new = make_newest(release)
    (folder := release.scratch / "upgrade").mkdir()
    for kind, (opened, keys) in list_stores(folder).items():
        with opened as address, ReferenceLrs() as lrs:
            (file := folder / f"{kind}.toml").write_text(_write_file(address, lrs.url, keys))
            for fault in _upgrade_store(old, new, file, lrs):
                yield f"from {previous}, {kind}: {fault}"
        print(f"  from {previous}, {kind}", flush=True)


def newest_tag() -> str | None:
    """Returns the newest tag of the core before HEAD, or None."""
    command = ["git", "describe", "--tags", "--abbrev=0", "--match", "learnrelay-v*", "HEAD~1"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip() or None


def _upgrade_store(old: Path, new: Path, file: Path, lrs: ReferenceLrs) -> Iterator[str]:
    _run(old, "-c", _EMIT, file, str(EVENTS))
    if kept := len(lrs.statements):
        yield f"{kept} statements were delivered before the upgrade"
    for command in (["migrate"], ["worker", "--until-empty"]):
        _run(new, "-m", "learnrelay", *command, "--config", file)
    status = json.loads(_run(new, "-m", "learnrelay", "status", "--json", "--config", file))["main"]
    if status["waiting"] or status["dead"] or len(lrs.statements) != EVENTS:
        counts = f"{status['waiting']} wait, {status['dead']} are dead"
        yield f"{len(lrs.statements)} of {EVENTS} statements arrived; {counts}"


def _run(python: Path, *arguments: str | Path) -> str:
    done = subprocess.run(
        [python, "-I", *arguments], capture_output=True, text=True, check=False, timeout=300,
        env={**os.environ, "SECRET": "Kd7wq2Lmz9Xv4bTnR8sP"},
    )  # fmt: skip
    if done.returncode:
        from tools.release_check import ReleaseError

        raise ReleaseError(f"{' '.join(map(str, arguments[:3]))}: {done.stdout}{done.stderr}")
    return done.stdout


def _write_file(address: str, url: str, keys: dict[str, str]) -> str:
    delivery = "".join(f'{key} = "{value}"\n' for key, value in {"database": address, "engine": "none", **keys}.items())
    return f"""[platform]
source = "openedx"
root_url = "https://learn.example.org"
[plugins]
enabled = ["xapi.video"]
[identity]
provider = "keyed"
secret = "env:SECRET"
[delivery]
{delivery}[destinations.main]
standard = "xapi"
url = "{url}"
scope = "all"
"""
