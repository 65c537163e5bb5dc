"""The page about access control: its configuration is sound, its plugin works."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from learnrelay import Unproven
from learnrelay.assembly.assemble import assemble
from learnrelay.cli.route_test_runner import run_route_tests
from learnrelay.fields import compile_extractor
from learnrelay.pipeline.routing import ScopeRule
from openedx_events import SOURCE

PAGE = (Path(__file__).parents[1] / "access-control.md").read_text(encoding="utf-8")
HEAD = """
[platform]
root_url = "https://learn.example.org"
[plugins]
enabled = ["xapi.*", "caliper.*", "enterprise_filter"]
[identity]
provider = "keyed"
secret = "file:secret"
"""


def test_its_destinations_are_sound(tmp_path: Path) -> None:
    blocks = re.findall(r"```toml\n(\[destinations.*?)```", PAGE, flags=re.DOTALL)
    (tmp_path / "secret").write_text("Kd7wq2Lmz9Xv4bTn", encoding="utf-8")
    (tmp_path / "relay.toml").write_text(HEAD + "".join(blocks), encoding="utf-8")
    config = assemble(tmp_path / "relay.toml").config
    assert list(config.destinations) == ["everything", "acme", "harbour", "tutors", "without_forum", "checks"]
    assert not config.warnings


def test_its_tests_of_routes_pass(tmp_path: Path) -> None:
    blocks = re.findall(r"```toml\n(\[destinations.*?)```", PAGE, flags=re.DOTALL)
    (tests,) = re.findall(r"```toml\n(\[\[tests.*?)```", PAGE, flags=re.DOTALL)
    (tmp_path / "secret").write_text("Kd7wq2Lmz9Xv4bTn", encoding="utf-8")
    path = tmp_path / "relay.toml"
    path.write_text(HEAD + "".join(blocks), encoding="utf-8")
    (tmp_path / "relay.tests.toml").write_text(tests, encoding="utf-8")
    results = run_route_tests(assemble(path), path)
    assert [(result.name, result.differences) for result in results] == [
        ("a video of the Harbour", []),
        ("events without a mapping go nowhere", []),
    ]


def test_its_scope_decides() -> None:
    (source,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    names: dict[str, Any] = {"__name__": "page"}
    exec(source, names)
    scope = names["SiteScope"](SOURCE)
    assert compile_extractor(scope.reads)({"context": {"host": "A.example"}}).host == "A.example"
    rule = ScopeRule(scope, "a.example")
    assert rule.denial({"context": {"host": "A.example"}}, {}) is None
    assert rule.denial({"context": {"host": "b.example"}}, {}) is not None
    assert rule.denial({"context": {}}, {}) is not None
    assert scope.owners(compile_extractor(scope.reads)({"context": {"host": ["a.example"]}})) is Unproven.UNREADABLE
