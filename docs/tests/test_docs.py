"""What the documentation shows is so: generated pages are fresh, its examples work."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from learnrelay.assembly.assemble import assemble
from learnrelay.cli import COMMANDS
from learnrelay.config.models import Delivery
from learnrelay.config.secrets import Secret
from learnrelay.delivery.metrics import OutboxCollector
from learnrelay.outbox import Outbox
from learnrelay_contract_tests.lint import lint_text

ROOT = Path(__file__).parents[2]
REPOSITORY = "https://github.com/learnrelay/learnrelay"
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


@pytest.mark.parametrize("page", ["plugins", "inputs"])
def test_what_authors_copy_has_no_flaw(page: str) -> None:
    texts = blocks((ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8"), "python")
    plugins = [text for text in texts if "learnrelay_contract_tests" not in text]  # tests may do what they like
    assert [str(flaw) for text in plugins for flaw in lint_text(text, page)] == []


def test_generated_pages_are_fresh() -> None:
    script = ROOT / "docs" / "generate.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_configuration_of_the_readme_is_sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEARNRELAY_IDENTITY_SECRET", "Kd7wq2Lmz9Xv4bTn")
    monkeypatch.setenv("LRS_PASSWORD", "p" * 16)
    (config := tmp_path / "relay.toml").write_text(blocks(README, "toml")[0], encoding="utf-8")
    assembly = assemble(config)
    assert list(assembly.config.destinations) == ["main"]
    assert not assembly.config.warnings


def test_the_plugin_of_the_readme_is_the_example_and_works(tmp_path: Path) -> None:
    example = (ROOT / "examples/acme_poll/src/acme_poll/__init__.py").read_text(encoding="utf-8")
    (shown,) = (block for block in blocks(README, "python") if "Family" in block)
    assert shown in example
    platform = tmp_path / "site"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation",
         "--disable-pip-version-check", "--target", platform, ROOT / "examples" / "acme_poll"],
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
        env={**os.environ, "PYTHONPATH": str(platform), "LEARNRELAY_IDENTITY_SECRET": "Kd7wq2Lmz9Xv4bTn"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    statement = json.loads(done.stdout)
    assert statement["object"]["id"] == "https://platform.example.org/poll/p%201"
    assert statement["result"] == {"response": "tea"}
    assert statement["verb"]["id"] == "http://adlnet.gov/expapi/verbs/answered"
    for personal in ("471100", "192.0.2.77", "not declared"):
        assert personal not in done.stdout


def test_the_lines_of_the_readme_print_the_statements_of_the_example_log(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("learnrelay.db*"))
    (shown,) = (block for block in blocks(README, "python") if "tracking.log" in block)
    done = subprocess.run(
        [sys.executable, "-c", shown], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    statements = [json.loads(line) for line in done.stdout.splitlines()]
    assert {"verb" in statement for statement in statements} == {True, False}, "both standards"
    assert len(statements) > 4_000
    assert len(shown.splitlines()) <= 8


def test_links_inside_the_documentation_lead_somewhere() -> None:
    for page in [
        ROOT / "README.md",
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("*/README.md"),
        *ROOT.glob("plugins/*/README.md"),
    ]:
        text = page.read_text(encoding="utf-8")
        for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
            assert (page.parent / link).exists(), f"{page.relative_to(ROOT)}: {link}"
        for link in re.findall(rf"{REPOSITORY}/blob/main/([^)#\s]+)", text):
            assert (ROOT / link).exists(), f"{page.relative_to(ROOT)}: {link}"


def test_the_table_of_the_readme_has_every_command() -> None:
    rows = set(re.findall(r"^\| `([a-z-]+)", README, flags=re.MULTILINE))
    assert set(COMMANDS) <= rows, "README.md, Use it: add a row for the command"


def test_the_page_about_monitoring_has_every_metric(tmp_path: Path) -> None:
    outbox = Outbox.open(Delivery(database=Secret(f"sqlite:///{tmp_path}/outbox.db")))
    page = (ROOT / "docs" / "monitoring.md").read_text("utf-8")
    for metric in OutboxCollector(outbox, ["main"]).collect():
        name = metric.name.removeprefix("learnrelay")
        ending = "_total" if metric.type == "counter" else ""
        assert f"{name}{ending}`" in page, f"docs/monitoring.md: add {metric.name}{ending}"
    outbox.close()


def test_what_is_not_mapped_is_not() -> None:
    left_out = {
        name
        for line in (ROOT / "docs" / "not-mapped.md").read_text("utf-8").splitlines()
        if line.startswith("| `")
        for name in re.findall(r"`([^`]+)`", line.split(" | ")[0])
    }
    mapped = set(re.findall(r"`([^`]+)`", (ROOT / "docs" / "who-maps-what.md").read_text("utf-8")))
    assert len(left_out) > 150
    assert not left_out & mapped
