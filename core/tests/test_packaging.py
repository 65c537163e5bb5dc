"""Each package is a wheel of its own; a plugin needs the core's wheel beside it and nothing else of ours."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {
    "core": ("learnrelay", set()),
    "plugins/xapi": ("learnrelay_xapi", {"learnrelay"}),
    "plugins/caliper": ("learnrelay_caliper", {"learnrelay"}),
    "plugins/openedx": ("learnrelay_openedx", {"learnrelay"}),
    "plugins/moodle": ("learnrelay_moodle", {"learnrelay"}),
    "plugins/enterprise_filter": ("learnrelay_enterprise_filter", {"learnrelay"}),
    "plugins/serve": ("learnrelay_serve", {"learnrelay"}),
    "plugins/clickhouse": ("learnrelay_clickhouse", {"learnrelay"}),
    "plugins/tutor": ("learnrelay_tutor", set()),  # runs beside Tutor, not beside the core
    "contract_tests": ("learnrelay_contract_tests", {"learnrelay"}),
}


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    directory = tmp_path_factory.mktemp("wheels")
    return {
        folder: directory / subprocess.run(
            [sys.executable, "-c", "import sys, hatchling.build as b; print(b.build_wheel(sys.argv[1]))", directory],
            cwd=ROOT / folder, check=True, capture_output=True, text=True, timeout=300,
        ).stdout.split()[-1]
        for folder in PACKAGES
    }  # fmt: skip


@pytest.mark.parametrize("folder", PACKAGES)
def test_a_wheel_has_its_licence_types_and_only_the_core_as_need(folder: str, wheels: dict[str, Path]) -> None:
    module, needs = PACKAGES[folder]
    with zipfile.ZipFile(wheels[folder]) as wheel:
        names = wheel.namelist()
        (metadata,) = (wheel.read(name).decode() for name in names if name.endswith("METADATA"))
    assert f"{module}/py.typed" in names
    assert "License-Expression: Apache-2.0" in metadata
    requires = [line.removeprefix("Requires-Dist: ") for line in metadata.splitlines() if "Requires-Dist" in line]
    always = [requirement for requirement in requires if "extra ==" not in requirement]
    ours = {need.partition(">")[0].partition("<")[0] for need in always if need.startswith("learnrelay")}
    assert ours == needs
    assert all(">=" in need and "<" in need for need in requires), "every need has a range"


@pytest.mark.parametrize("folder", [folder for folder in PACKAGES if folder != "core"])
def test_a_plugin_installs_beside_the_core_alone(folder: str, wheels: dict[str, Path], tmp_path: Path) -> None:
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--target", tmp_path]
    subprocess.run([*install, wheels["core"], wheels[folder]], check=True, timeout=300)
    module = PACKAGES[folder][0]
    code = f"import {module}, learnrelay, sys; print({module}.__file__, learnrelay.__file__); "
    code += "print(sorted(m for m in sys.modules if m.startswith('learnrelay_')))"
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, env={"PYTHONPATH": str(tmp_path)}
    )
    where, modules = done.stdout.splitlines()
    assert all(path.startswith(str(tmp_path)) for path in where.split())
    assert {name.partition(".")[0] for name in eval(modules)} == {module}


# --- known vulnerabilities ------------------------------------------------------------------------------


class Advisories(BaseHTTPRequestHandler):
    """Answers as osv.dev does: one package of the environment has a vulnerability."""

    holes: ClassVar[list[dict[str, Any]]] = []

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name, version = asked["package"]["name"], asked["version"]
        holes = [hole for hole in self.holes if hole["affected"][0]["package"]["name"] == name]
        for hole in holes:
            hole["affected"][0]["versions"] = [version]
        body = json.dumps({"vulns": holes} if holes else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


def audit(port: int) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "audit.py", "--vulnerability-service", "osv",
         "--osv-url", f"http://127.0.0.1:{port}/v1/query"],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
def test_an_audit_names_vulnerable_packages_and_reports_an_unreachable_service() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Advisories) as server:
        threading.Thread(target=server.serve_forever).start()
        port = server.server_address[1]
        code, output = audit(port)
        assert (code, ", 0 known vulnerabilities" in output) == (0, True), output
        package = {"name": "orjson", "ecosystem": "PyPI"}
        ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99.0"}]}]
        Advisories.holes = [{"id": "PYSEC-2099-1", "affected": [{"package": package, "ranges": ranges}]}]
        code, output = audit(port)
        assert (code, "PYSEC-2099-1; take 99.0" in output) == (1, True), output
        server.shutdown()
    code, output = audit(port)
    assert (code, "NOTHING was audited" in output) == (0, True), output
