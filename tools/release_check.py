"""Checks what a release would publish (`make release-check`): run it on the commit that is to be tagged.

1. build: wheels and source distributions of all packages, twice, from exports of HEAD in different places; equal bytes.
2. contents: files, metadata, licence and types of each of them.
3. install: into clean environments: each Python ≥ 3.11 of this machine × the lowest and the newest dependencies × the
   core alone, each plugin, all; `release_smoke` runs in each.
4. types: ``mypy --strict`` of a program that uses the installed packages.
5. sbom: what "all" consists of, as CycloneDX (`release_sbom`).
6. upgrade: what waits under the previous release is delivered by this one (`release_upgrade`).

python -m tools.release_check [PART ...] [--python PATH] [--previous REF] [--output FOLDER]

Exit codes: 0 all is as it should be; 1 something is not, and is printed.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
PACKAGES = (
    "core", "plugins/xapi", "plugins/caliper", "plugins/openedx", "plugins/moodle", "plugins/enterprise_filter",
    "plugins/serve", "plugins/clickhouse", "contract_tests", "plugins/tutor",
)  # fmt: skip
BESIDE_TUTOR = "tutor-contrib-learnrelay"
"""Runs where Tutor does, and never beside the others."""
OLDEST = (3, 11)
TYPED_PROGRAM = """
from learnrelay import Family, Fields, Platform, Relay, optional
class F(Fields):
    choice = optional("data.choice")
def use(relay: Relay, platform: Platform) -> str:
    return platform.iri("poll", "1") + str(len(relay.emit({})))
use("no relay", "no platform")
"""


class ReleaseError(Exception):
    """Names what is wrong with a release."""


@dataclass
class Release:
    """Holds what the parts share. ``wheels``: distribution → file."""

    output: Path
    pythons: Mapping[str, Path]
    scratch: Path
    previous: str | None = None
    wheels: dict[str, Path] = field(default_factory=dict)


def run(*command: str | Path, environment: Mapping[str, str] | None = None, cwd: Path = ROOT) -> str:
    """Runs a command, and returns its output. Raises ReleaseError with the last lines of what it said."""
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, check=False, env={**os.environ, **(environment or {})}
    )
    if done.returncode:
        last_lines = "\n".join(f"{done.stdout}\n{done.stderr}".strip().splitlines()[-15:])
        raise ReleaseError(f"{' '.join(map(str, command))}: exit code {done.returncode}\n{last_lines}")
    return done.stdout


def find_pythons(paths: Sequence[Path] = ()) -> dict[str, Path]:
    """Maps each version from 3.11 on to an interpreter: the given ones, or those in PATH and of pyenv."""
    folders = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep)]
    folders += sorted((Path.home() / ".pyenv/versions").glob("*/bin"), reverse=True)
    candidates = paths or [path for folder in folders for path in sorted(folder.glob("python3.*"))]
    pythons: dict[str, Path] = {}
    for path in candidates:
        if not paths and not re.fullmatch(r"python3\.\d+", path.name):
            continue
        code = "import sys; print(*sys.version_info[:2])"
        done = subprocess.run([path, "-c", code], capture_output=True, text=True, check=False)
        version = tuple(map(int, done.stdout.split()))
        if not done.returncode and version >= OLDEST:
            pythons.setdefault(".".join(map(str, version)), path)
    return dict(sorted(pythons.items(), key=lambda item: tuple(map(int, item[0].split(".")))))


# --- build ------------------------------------------------------------------------------------------------


def export(commit: str, folder: Path) -> Path:
    """Writes the files of a commit into a folder, and returns it."""
    archive = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")
    return folder


def build(source: Path, target: Path, packages: Sequence[str] = PACKAGES, commit: str = "HEAD") -> dict[str, Path]:
    """Builds packages of an export: a source distribution, and the wheel of that. Returns the wheels."""
    epoch = run("git", "log", "-1", "--format=%ct", commit).strip()
    wheels = {}
    for package in packages:
        before = set(target.glob("*.whl"))
        run(
            BIN / "python", "-m", "build", "--no-isolation", "--outdir", target, source / package,
            environment={"SOURCE_DATE_EPOCH": epoch},
        )  # fmt: skip
        (wheel,) = set(target.glob("*.whl")) - before
        wheels[read_metadata(wheel)["Name"]] = wheel
    return wheels


def differences(first: Path, second: Path) -> list[str]:
    """Lists the files of two folders that are not the same in both, byte for byte."""
    digests = [
        {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
        for folder in (first, second)
    ]
    return sorted({name for name, _ in digests[0].items() ^ digests[1].items()})


def build_twice(release: Release) -> Iterator[str]:
    """Builds all packages, and says which are not reproducible."""
    shutil.rmtree(release.output, ignore_errors=True)
    release.output.mkdir(parents=True)
    again = release.scratch / "again"
    release.wheels = build(export("HEAD", release.scratch / "export"), release.output)
    build(export("HEAD", release.scratch / "a folder elsewhere"), again)
    for name in differences(release.output, again):
        yield f"{name}: the second build differs from the first"


# --- contents ---------------------------------------------------------------------------------------------


def read_metadata(wheel: Path) -> Message:
    """Reads METADATA of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return HeaderParser().parsestr(archive.read(name).decode())


def check_contents(release: Release) -> Iterator[str]:
    """Says what is wrong in wheels and source distributions."""
    for package, wheel in zip(PACKAGES, release.wheels.values(), strict=True):
        folder = release.scratch / "export" / package
        sdist = release.output / f"{'-'.join(wheel.name.split('-')[:2])}.tar.gz"
        for fault in (*check_wheel(wheel, folder), *check_sdist(sdist, folder)):
            yield f"{wheel.name.partition('-')[0]}: {fault}"


def check_wheel(wheel: Path, folder: Path) -> Iterator[str]:
    """Compares a wheel with the folder of its package."""
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        licences = [name for name in archive.namelist() if ".dist-info/licenses/" in name]
    source = folder / "src"
    files = {path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file()}
    yield from (f"{name} is not in the wheel" for name in sorted(files - names))
    yield from (f"{name} is in the wheel, and not in src/" for name in sorted(names - files))
    if not any(name.endswith("/py.typed") and name.count("/") == 1 for name in names):
        yield "no py.typed"
    if not licences:
        yield "no licence in the wheel"
    yield from check_metadata(read_metadata(wheel), (folder / "README.md").read_text("utf-8"))


def check_metadata(metadata: Message, readme: str) -> Iterator[str]:
    """Says what is wrong in METADATA."""
    expected = {
        "License-Expression": "Apache-2.0",
        "Requires-Python": ">=3.11",
        "Description-Content-Type": "text/markdown",
    }
    for key, value in expected.items():
        if metadata[key] != value:
            yield f"{key} is {metadata[key]}, not {value}"
    if "Typing :: Typed" not in (metadata.get_all("Classifier") or ()):
        yield "no classifier Typing :: Typed"
    for name in ("Homepage", "Repository", "Documentation", "Changelog", "Issues"):
        if not any(url.startswith(f"{name}, https://") for url in metadata.get_all("Project-URL") or ()):
            yield f"no address {name}"
    if str(metadata.get_payload()).strip() != readme.strip():
        yield "the description is not README.md"
    yield from (
        f"the link {link} of README.md leads nowhere from an index of packages"
        for link in re.findall(r"\]\((?!https?:|#|mailto:)([^)]+)\)", readme)
    )
    for text in metadata.get_all("Requires-Dist") or ():
        operators = {specifier.operator for specifier in Requirement(text).specifier}
        if operators != {">=", "<"}:
            yield f"{text} is no range"


def check_sdist(sdist: Path, folder: Path) -> Iterator[str]:
    """Compares a source distribution with the folder of its package."""
    with tarfile.open(sdist) as archive:
        names = {member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()}
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    yield from (f"{name} is not in the source distribution" for name in sorted(files - names))
    yield from (
        f"{name} is in the source distribution, and not in the repository"
        for name in sorted(names - files - {"PKG-INFO", ".gitignore"})
    )


# --- install ----------------------------------------------------------------------------------------------


def list_sets(wheels: Mapping[str, Path]) -> dict[str, list[str]]:
    """Maps the name of each set to what is installed: the core alone, each other package with its extras, and all."""
    wanted = {name: _with_extras(name, wheel) for name, wheel in wheels.items()}
    core = f"learnrelay @ {wheels['learnrelay'].as_uri()}"
    sets = {name: [core if name == "learnrelay" else text] for name, text in wanted.items()}
    return {**sets, "all": [text for name, text in wanted.items() if name != BESIDE_TUTOR]}


def _with_extras(name: str, wheel: Path) -> str:
    extras = ",".join(read_metadata(wheel).get_all("Provides-Extra") or ())
    return f"{name}{f'[{extras}]' if extras else ''} @ {wheel.as_uri()}"


def make_environment(folder: Path, python: Path, requirements: Sequence[str], resolution: str, wheels: Path) -> Path:
    """Installs requirements into a new environment, and returns its interpreter. Raises ReleaseError."""
    uv, interpreter = BIN / "uv", folder / "bin/python"
    run(uv, "venv", "--quiet", "--clear", "--no-config", "--python", python, folder)
    run(
        uv, "pip", "install", "--quiet", "--no-config", "--python", interpreter, "--resolution", resolution,
        "--find-links", wheels, *requirements,
    )  # fmt: skip
    run(uv, "pip", "check", "--quiet", "--no-config", "--python", interpreter)
    return interpreter


def install(release: Release) -> Iterator[str]:
    """Installs each set with each Python and both ends of the ranges, and says where that or the smoke test fails."""
    for version, python in release.pythons.items():
        for resolution in ("lowest-direct", "highest"):
            for name, requirements in list_sets(release.wheels).items():
                begun, folder = time.monotonic(), release.scratch / "environment"
                try:
                    interpreter = make_environment(folder, python, requirements, resolution, release.output)
                    run(interpreter, "-I", ROOT / "tools/release_smoke.py", ROOT / "examples", cwd=release.scratch)
                except ReleaseError as error:
                    yield f"Python {version}, {resolution}, {name}: {error}"
                else:
                    print(f"  Python {version}, {resolution}, {name}: {time.monotonic() - begun:.1f} s", flush=True)


def make_newest(release: Release, name: str = "all") -> Path:
    """Returns the interpreter of an environment with the newest versions, of the first Python."""
    python = next(iter(release.pythons.values()))
    folder = release.scratch / f"newest-{name}"
    return make_environment(folder, python, list_sets(release.wheels)[name], "highest", release.output)


def check_types(release: Release) -> Iterator[str]:
    """Says whether a type checker knows the types of what is installed, by a program with two mistakes."""
    (program := release.scratch / "program.py").write_text(TYPED_PROGRAM)
    strict = ("--strict", "--no-incremental", "--config-file=", "--python-executable")
    done = subprocess.run(
        [BIN / "mypy", *strict, make_newest(release), program],
        capture_output=True,
        text=True,
        check=False,
        cwd=release.scratch,
    )
    if done.stdout.count("[arg-type]") != 2 or done.stdout.count("error:") != 2:
        yield f"mypy sees other types than it should:\n{done.stdout}{done.stderr}"


def write_sbom(release: Release) -> Iterator[str]:
    """Writes the SBOM beside the wheels."""
    from tools.release_sbom import describe_environment, make_bom

    epoch = int(run("git", "log", "-1", "--format=%ct"))
    text = make_bom(describe_environment(make_newest(release)), epoch)
    (release.output / "learnrelay.cdx.json").write_text(text, "utf-8")
    yield from ()


def upgrade(release: Release) -> Iterator[str]:
    """Says what of the previous release's waiting statements this one does not deliver."""
    from tools.release_upgrade import check_upgrade

    yield from check_upgrade(release)


PARTS: dict[str, Callable[[Release], Iterator[str]]] = {
    "build": build_twice, "contents": check_contents, "install": install, "types": check_types, "sbom": write_sbom,
    "upgrade": upgrade,
}  # fmt: skip


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.release_check", description=__doc__.partition("\n")[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all")
    parser.add_argument("--python", type=Path, action="append", default=[], help="interpreter to try; repeatable")
    parser.add_argument("--previous", metavar="REF", help="commit of the previous release (default: the newest tag)")
    parser.add_argument("--output", type=Path, default=ROOT / "dist", help="folder of what is built; it is emptied")
    arguments = parser.parse_args(argv)
    if unknown := [part for part in arguments.parts if part not in PARTS]:
        parser.error(f"there is no part {', '.join(unknown)}")
    return arguments


def _list_faults(part: Callable[[Release], Iterator[str]], release: Release) -> Iterator[str]:
    """Yields the faults that a part finds, and the one that ends it."""
    try:
        yield from part(release)
    except ReleaseError as error:
        yield str(error)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the parts. ``build`` always runs, since the others need it."""
    arguments = _arguments(argv)
    pythons = find_pythons(arguments.python)
    print(f"Python: {', '.join(f'{version} ({path})' for version, path in pythons.items())}")
    if run("git", "status", "--porcelain"):
        print("note: what is not committed is left out")
    faults = 0
    with tempfile.TemporaryDirectory(prefix="release-check-") as scratch:
        release = Release(arguments.output.absolute(), pythons, Path(scratch), arguments.previous)
        for name, part in PARTS.items():
            if name != "build" and arguments.parts and name not in arguments.parts:
                continue
            print(f"{name} ...", flush=True)
            for fault in _list_faults(part, release):
                faults += 1
                print(f"  FAULT {fault}", flush=True)
    print(f"{faults} faults; {release.output} has {len(list(release.output.iterdir()))} files")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
