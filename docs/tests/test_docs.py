"""What the documentation shows is so: generated pages are fresh, its examples work."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from learnrelay.assembly import assemble

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def test_generated_pages_are_fresh() -> None:
    script = ROOT / "docs" / "generate.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_configuration_of_the_readme_is_sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEARNRELAY_IDENTITY_SECRET", "s" * 32)
    monkeypatch.setenv("LRS_PASSWORD", "p" * 16)
    (config := tmp_path / "relay.toml").write_text(blocks(README, "toml")[0], encoding="utf-8")
    assembly = assemble(config)
    assert list(assembly.config.destinations) == ["main"]
    assert not assembly.config.warnings


def test_the_plugin_of_the_readme_is_the_example_and_works(tmp_path: Path) -> None:
    example = (ROOT / "examples/acme_poll/src/acme_poll/__init__.py").read_text(encoding="utf-8")
    (shown,) = (block for block in blocks(README, "python") if "Family" in block)
    assert shown in example
    site = tmp_path / "site"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation",
         "--disable-pip-version-check", "--target", site, ROOT / "examples" / "acme_poll"],
        check=True, timeout=300,
    )  # fmt: skip
    event = {
        "name": "acme.poll.answered",
        "time": "2026-03-02T09:00:00Z",
        "event": json.dumps({"poll_id": "p 1", "choice": "tea", "remark": "not declared"}),
        "context": {"user_id": 471100, "course_id": "course-v1:Harbour+SAIL+2026"},
        "ip": "192.0.2.77",
    }
    done = subprocess.run(
        [Path(sys.executable).parent / "learnrelay", "transform", "--standard", "xapi", "--validate"],
        input=json.dumps(event), capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "PYTHONPATH": str(site), "LEARNRELAY_IDENTITY_SECRET": "s" * 32},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    statement = json.loads(done.stdout)
    assert statement["object"]["id"] == "http://localhost:18000/poll/p%201"
    assert statement["result"] == {"response": "tea"}
    assert statement["verb"]["id"] == "http://adlnet.gov/expapi/verbs/answered"
    for personal in ("471100", "192.0.2.77", "not declared"):
        assert personal not in done.stdout


def test_links_inside_the_documentation_lead_somewhere() -> None:
    for page in [
        ROOT / "README.md",
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("*/README.md"),
        *ROOT.glob("plugins/*/README.md"),
    ]:
        for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.relative_to(ROOT)}: {link}"
