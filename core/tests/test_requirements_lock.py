"""``requirements.lock`` can be installed anywhere, and holds a version of each package that we declare."""

from __future__ import annotations

import re
import tomllib
from itertools import chain
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LINES = (ROOT / "requirements.lock").read_text("utf-8").splitlines()
LOCKED = [Requirement(line) for line in LINES if not line.startswith("#")]


def declared() -> list[Requirement]:
    """Lists what the workspace's packages, their extras and the group ``dev`` require, save our own packages."""
    workspace = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    texts: list[str] = workspace["dependency-groups"]["dev"]
    outside = {ROOT / path for path in workspace["tool"]["uv"]["workspace"]["exclude"]}
    for path in [ROOT / "core", ROOT / "contract_tests", *{*(ROOT / "plugins").iterdir()} - outside]:
        project = tomllib.loads((path / "pyproject.toml").read_text("utf-8"))["project"]
        texts += [*project["dependencies"], *chain(*project.get("optional-dependencies", {}).values())]
    return [Requirement(text) for text in texts if not text.startswith("learnrelay")]


def test_each_line_is_a_version_from_any_index() -> None:
    for requirement in LOCKED:
        assert re.fullmatch(r"==[\w.]+", str(requirement.specifier)), str(requirement)
        assert requirement.url is None
        assert not requirement.name.startswith("learnrelay")
    assert not re.search(r"://|--|file:|@", "\n".join(LINES))


def test_every_declared_package_is_locked_within_its_range() -> None:
    versions = {canonicalize_name(locked.name): str(locked.specifier).removeprefix("==") for locked in LOCKED}
    for requirement in declared():
        name = canonicalize_name(requirement.name)
        assert name in versions, f"{name} is not in requirements.lock: run `make lock`"
        assert requirement.specifier.contains(versions[name]), (
            f"requirements.lock has {name} {versions[name]}, which is not {requirement.specifier}: run `make lock`"
        )


def test_pre_commit_runs_the_locked_ruff() -> None:
    hooks = (ROOT / ".pre-commit-config.yaml").read_text("utf-8")
    (rev,) = re.findall(r"/ruff-pre-commit\n    rev: v(\S+)", hooks)
    assert [str(locked.specifier) for locked in LOCKED if locked.name == "ruff"] == [f"=={rev}"]
