"""The page about access control: its configuration is sound, its plugin works."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from learnrelay.assembly import assemble
from learnrelay.fields import compile_extractor
from learnrelay.routing import ScopeRule

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
    blocks = re.findall(r"```toml\n(.*?)```", PAGE, flags=re.DOTALL)
    (tmp_path / "secret").write_text("0123456789abcdef", encoding="utf-8")
    (tmp_path / "relay.toml").write_text(HEAD + "".join(blocks), encoding="utf-8")
    config = assemble(tmp_path / "relay.toml").config
    assert list(config.destinations) == ["everything", "acme", "harbour", "tutors", "without_forum", "checks"]
    assert not config.warnings


def test_its_scope_decides() -> None:
    (source,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    names: dict[str, Any] = {"__name__": "page"}
    exec(source, names)
    scope = names["SiteScope"]()
    assert compile_extractor(scope.reads)({"context": {"host": "A.example"}}).host == "A.example"
    rule = ScopeRule(scope, "a.example")
    assert rule.denial({"context": {"host": "A.example"}}, {}) is None
    assert rule.denial({"context": {"host": "b.example"}}, {}) is not None
    assert rule.denial({"context": {}}, {}) is not None
