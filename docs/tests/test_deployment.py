"""The files of `deploy/` and the pages about them: what they call exists, and what reads them takes them."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from learnrelay.assembly.assemble import assemble
from learnrelay.cli import cli
from learnrelay.config.models import Delivery
from learnrelay.config.secrets import Secret
from learnrelay.delivery.metrics import render_metrics
from learnrelay.outbox import Outbox

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
PAGES = ["deployment", "tutor", "aspects", "running", "runbooks"]
RULES = DEPLOY / "prometheus/learnrelay.rules.yml"
BOARD = json.loads((DEPLOY / "grafana/learnrelay.json").read_text("utf-8"))

pytest.importorskip("yaml")
import yaml  # noqa: E402


def documents(file: str) -> list[Any]:
    return list(yaml.safe_load_all((DEPLOY / file).read_text("utf-8")))


def check_call(words: list[str], place: str) -> None:
    """Fails where `learnrelay WORDS` has a command or an option that does not exist."""
    command = cli.get_command(click.Context(cli), words[0])
    assert command is not None, f"{place}: learnrelay {words[0]}: there is no such command"
    while isinstance(command, click.Group) and len(words) > 1:
        words = words[1:]
        command = command.get_command(click.Context(command), words[0])
        assert command is not None, f"{place}: learnrelay … {words[0]}: there is no such command"
    options = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    for word in words[1:]:
        if word.startswith("-"):
            assert word in options, f"{place}: learnrelay {words[0]} has no option {word}"


def find_calls(text: str) -> Iterator[list[str]]:
    """Yields the words behind `learnrelay` in code: in backticks, in indented and fenced blocks, in units."""
    code = [*re.findall(r"`([^`\n]+)`", text), *re.findall(r"^(?:    |ExecStart=|#   )(.*)$", text, re.MULTILINE)]
    for line in code:
        for call in re.findall(r"(?:^|[\s/])learnrelay ((?:[a-z]|%i).*)", line):
            words = shlex.split(re.split(r"\s#|[|;>)]|&&", call)[0])
            if words[0] == "learnrelay":  # the name of a container or a user stands before the command
                del words[0]
            if words:
                yield words


@pytest.mark.parametrize("page", PAGES)
def test_commands_of_the_pages_exist(page: str) -> None:
    calls = list(find_calls((ROOT / f"docs/{page}.md").read_text("utf-8")))
    assert calls
    for words in calls:
        check_call(words, f"docs/{page}.md")


def test_commands_of_units_and_containers_exist() -> None:
    calls = {
        file.name: list(find_calls(file.read_text("utf-8")))
        for file in (DEPLOY / "systemd").iterdir()
    }  # fmt: skip
    assert ["status", "--alert"] in calls["learnrelay-alert.service"]
    assert ["%i"] in calls["learnrelay@.service"], "its instances are commands"
    calls["learnrelay@.service"] = [["worker"], ["serve"]]
    dockerfile = (DEPLOY / "docker/Dockerfile").read_text("utf-8")
    calls["Dockerfile"] = [json.loads(re.findall(r"^CMD (.*)", dockerfile, re.MULTILINE)[-1])]
    (health,) = re.findall(r"^HEALTHCHECK .* CMD (.*)", dockerfile, re.MULTILINE)
    assert json.loads(health) == ["learnrelay", "status"]
    (compose,) = documents("docker/compose.yaml")
    calls["compose.yaml"] = [compose["services"]["worker"]["command"]]
    deployment, *_ = documents("kubernetes/worker.yaml")
    calls["worker.yaml"] = [deployment["spec"]["template"]["spec"]["containers"][0]["args"]]
    for file, listed in calls.items():
        for words in listed:
            check_call(words, file)


def test_the_image_has_every_package_and_nothing_that_is_not_there() -> None:
    dockerfile = (DEPLOY / "docker/Dockerfile").read_text("utf-8")
    (packages,) = re.findall(r"^PACKAGES := (.*)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    installed = set(re.findall(r"\./([\w/]+)", dockerfile))
    assert installed == set(packages.split()) - {"contract_tests", "plugins/tutor"}
    (extras,) = re.findall(r"\./core\[([\w,]+)\]", dockerfile)
    declared = tomllib.loads((ROOT / "core/pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    assert set(extras.split(",")) == set(declared)


@pytest.mark.parametrize("file", ["docker/relay.toml", "kubernetes/relay.toml"])
def test_operators_files_are_sound(file: str, tmp_path: Path) -> None:
    text = (DEPLOY / file).read_text("utf-8")
    for path in set(re.findall(r'"file:([^"]+)"', text)):
        secret = "postgresql://relay@db/learnrelay" if path.endswith("database") else "Kd7wq2Lmz9Xv4bTnR8sP"
        (here := tmp_path / Path(path).name).write_text(secret)
        text = text.replace(path, str(here))
    (config := tmp_path / "relay.toml").write_text(text)
    assembly = assemble(config)
    assert list(assembly.config.destinations) == ["main"]
    assert [w for w in assembly.config.warnings if "TLS" not in w and "loopback" not in w] == []


def test_secrets_and_places_of_the_operators_files_are_mounted() -> None:
    """What the operator's file of Compose and of Kubernetes names is there in the container."""
    (compose,) = documents("docker/compose.yaml")
    worker = compose["services"]["worker"]
    text = (DEPLOY / "docker/relay.toml").read_text("utf-8")
    named = set(re.findall(r"file:/run/secrets/(\w+)", text))
    assert named == set(worker["secrets"]) == set(compose["secrets"])
    targets = {volume.split(":")[-2 if volume.endswith(":ro") else -1] for volume in worker["volumes"]}
    assert {"/etc/learnrelay/relay.toml", "/var/log/tracking", "/var/lib/learnrelay"} == targets

    kustomization = (DEPLOY / "kubernetes/kustomization.yaml").read_text("utf-8")
    named = set(
        re.findall(r"file:/run/secrets/learnrelay/(\w+)", (DEPLOY / "kubernetes/relay.toml").read_text("utf-8"))
    )
    assert named == set(re.findall(r"--from-literal=(\w+)=", kustomization))
    deployment, *_ = documents("kubernetes/worker.yaml")
    mounts = {
        m["mountPath"]: m["name"] for m in deployment["spec"]["template"]["spec"]["containers"][0]["volumeMounts"]
    }
    assert mounts["/run/secrets/learnrelay"] == "secrets"


# --- metrics --------------------------------------------------------------------------------------------


def list_expressions() -> list[tuple[str, str]]:
    """Lists (place, PromQL) of the rules and of the board."""
    (rules,) = documents("prometheus/learnrelay.rules.yml")
    listed = [(rule["alert"], rule["expr"]) for group in rules["groups"] for rule in group["rules"]]
    for panel in BOARD["panels"]:
        listed += [(panel["title"], target["expr"]) for target in panel.get("targets", ())]
    return [*listed, *((v["name"], v["definition"]) for v in BOARD["templating"]["list"] if "definition" in v)]


def test_every_metric_is_one_that_a_worker_shows(tmp_path: Path) -> None:
    outbox = Outbox.open(Delivery(database=Secret(f"sqlite:///{tmp_path}/outbox.db")))
    page = render_metrics(outbox, ["main"]).decode()
    outbox.close()
    shown = set()
    for name, kind in re.findall(r"^# TYPE (\S+) (\w+)$", page, re.MULTILINE):
        shown |= {f"{name}_bucket", f"{name}_count", f"{name}_sum"} if kind == "histogram" else {name}
    used = {name for _, expression in list_expressions() for name in re.findall(r"\blearnrelay_\w+", expression)}
    assert used <= shown, f"no worker shows {sorted(used - shown)}"
    gauges = {name.removeprefix("learnrelay_") for name in shown}
    assert {"waiting", "oldest_age_seconds", "dead", "unattended_seconds", "spool_bytes"} <= gauges


def test_every_expression_is_promql() -> None:
    promql = pytest.importorskip("promql_parser", reason="promql-parser comes with the group `site`")
    for place, expression in list_expressions():
        if not expression.startswith("label_values("):  # a function of Grafana's
            text = expression.replace("$__rate_interval", "5m").replace("$destination", ".*")
            assert promql.parse(text), place


def test_the_page_has_every_alert() -> None:
    (rules,) = documents("prometheus/learnrelay.rules.yml")
    alerts = [rule["alert"] for group in rules["groups"] for rule in group["rules"]]
    page = (ROOT / "docs/deployment.md").read_text("utf-8")
    assert re.findall(r"^\| `(Learnrelay\w+)`", page, re.MULTILINE) == alerts


def test_the_board_is_one_that_grafana_imports() -> None:
    panels = BOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(set(cells)) == len(cells), "panels overlap"
    assert max(x for x, _ in cells) < 24
    for panel in panels:
        if panel["type"] != "row":
            assert panel["description"] and panel["targets"]
            sources = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
            assert all(source == {"type": "prometheus", "uid": "${datasource}"} for source in sources)
    assert [variable["name"] for variable in BOARD["templating"]["list"]] == ["datasource", "destination"]


# --- what reads the files -------------------------------------------------------------------------------


def run(*command: str | Path, **options: Any) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def needs(program: str) -> str:
    """Returns the path of a program, which may lie beside Python. Skips the test where there is none."""
    path = shutil.which(program, path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    return path or pytest.skip(f"{program} is not installed")


def test_prometheus_takes_the_rules_and_they_fire() -> None:
    promtool = needs("promtool")
    run(promtool, "check", "rules", RULES)
    run(promtool, "test", "rules", "learnrelay.tests.yml", cwd=RULES.parent)
    run(promtool, "check", "config", "prometheus.yml", cwd=RULES.parent)


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    systemd = needs("systemd-analyze")
    for file in (DEPLOY / "systemd").iterdir():
        text = file.read_text("utf-8").replace("/opt/learnrelay/bin/learnrelay", sys.executable)
        for name in (file.name, file.name.replace("@", "@worker"), file.name.replace("@", "@serve")):
            (tmp_path / name).write_text(text)
    units = [tmp_path / name for name in ("learnrelay@worker.service", "learnrelay@serve.service")]
    run(systemd, "verify", "--recursive-errors=no", *units, tmp_path / "learnrelay-alert.timer",
        tmp_path / "learnrelay-alert.service")  # fmt: skip
    for unit in units:
        run(systemd, "security", "--offline=yes", "--threshold=20", unit)


@pytest.mark.slow
def test_compose_and_kubernetes_take_the_files(tmp_path: Path) -> None:
    checks = needs("check-jsonschema"), needs("kubernetes-validate")
    run(checks[0], "--builtin-schema", "vendor.compose-spec", DEPLOY / "docker/compose.yaml")
    manifests = [DEPLOY / "kubernetes/worker.yaml", DEPLOY / "kubernetes/network-policy.yaml"]
    if kubectl := shutil.which("kubectl"):
        (rendered := tmp_path / "rendered.yaml").write_text(run(kubectl, "kustomize", DEPLOY / "kubernetes"))
        manifests = [rendered]
        names = {resource["metadata"]["name"] for resource in yaml.safe_load_all(rendered.read_text("utf-8"))}
        assert any(re.fullmatch(r"learnrelay-\w{10}", name) for name in names), "the file is in a ConfigMap"
    for manifest in manifests:
        run(checks[1], "--strict", manifest)
