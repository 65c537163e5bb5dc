"""A sink of a third party, really installed: found by its name, checked, used, probed, asked to forget."""

from __future__ import annotations

import json
from typing import Any

import pytest

from installation import Installation
from plain import event
from relay_files import relay_toml

PASSWORD = "Kd7wq2Lmz9Xv4bTn"
SHEET = """
import json
from pathlib import Path
from learnrelay import hookimpl
from learnrelay.config.fields import Flag, SecretText, Section, Text
from learnrelay.sinks import ProbeResult, Repeats, Sink, SinkAnswer, SinkError, Verdict

class SheetSection(Section):
    path = Text(required=True)
    password = SecretText(required=True)
    risky = Flag(load_default=False)

class SheetSink(Sink):
    name = "sheet"
    settings_schema = SheetSection
    repeats = Repeats.BY_STATEMENT

    @classmethod
    def describe(cls, settings):
        return f"sheet {Path(settings['path']).name}"

    @classmethod
    def warnings(cls, settings):
        if settings["risky"]:
            yield "risky", "everybody may read the sheet"

    def open(self):
        self._path = Path(self.settings["path"])
        if not self._path.exists():
            raise SinkError("there is no such sheet")

    def rows(self):
        return json.loads(self._path.read_text() or "{}")

    def send(self, batch):
        rows = self.rows()
        rows |= {statement.id: statement.parsed for statement in batch.statements}
        self._path.write_text(json.dumps(rows))
        return SinkAnswer(Verdict.STORED)

    def probe(self):
        return ProbeResult(bool(self.rows() is not None), "the sheet is there")

    def erase(self, names):
        rows = self.rows()
        kept = {id: row for id, row in rows.items() if not any(name in json.dumps(row) for name in names)}
        self._path.write_text(json.dumps(kept))
        return len(rows) - len(kept)

class Plugin:
    @hookimpl
    def register_sinks(self, register):
        register(SheetSink)

plugin = Plugin()
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Returns an installation with the sink ``sheet``, without the plain standard."""
    made = Installation(tmp_path_factory.mktemp("sheet"))
    points = dict.fromkeys(("sheet", "sheat"), "acme_sheet:plugin")
    made.install("acme-sheet", {"learnrelay.sinks.v1": points}, SHEET)
    made.install("acme-torn", {"learnrelay.sinks.v1": {"torn": "acme_torn:plugin"}}, "import no_such_module")
    return made


@pytest.fixture
def sheet(installed: Installation) -> Installation:
    """Returns the installation, with an empty sheet."""
    (installed.directory / "sheet.json").write_text("{}")
    return installed


def run(sheet: Installation, plain: Installation, *arguments: str, stdin: bytes = b"", **keys: Any) -> tuple[int, str]:
    """Runs a command with a destination ``main``, and returns its code and its outputs."""
    keys = {"sink": "sheet", "path": str(sheet.directory / "sheet.json"), "password": "env:SHEET_PASSWORD"} | keys
    destination = {key: value for key, value in keys.items() if value is not None}
    database = f"sqlite:///{sheet.directory}/outbox.db"
    config = sheet.directory / "relay.toml"
    config.write_text(relay_toml(destinations={"main": destination}, delivery={"database": database}))
    done = sheet.run(
        *arguments, "--config", config, stdin=stdin,
        SECRET="Qp4xs8Ytr2Nw6vJk", SHEET_PASSWORD=PASSWORD, PYTHONPATH=f"{sheet.site}:{plain.site}",
    )  # fmt: skip
    output = (done.stdout + done.stderr).decode()
    assert PASSWORD not in output
    return done.returncode, output


def test_a_sink_is_enabled_by_its_destination_and_says_where_it_sends(
    sheet: Installation, plain_installation: Installation
) -> None:
    code, output = run(sheet, plain_installation, "check", "--connect", risky=True)
    assert code == 0, output
    assert "main: plain to sheet sheet.json" in output
    assert "destinations.main.risky: everybody may read the sheet" in output
    assert "the sheet is there" in output
    code, output = run(sheet, plain_installation, "plugins", "--json")
    states = {plugin["name"]: plugin for plugin in json.loads(output) if plugin["kind"] == "sinks"}
    assert [states[name]["state"] for name in ("sheet", "sheat", "torn")] == ["active", "disabled", "disabled"]
    assert states["torn"]["reason"] == "sink = … of a destination enables it"
    assert run(sheet, plain_installation, "migrate")[0] == 0
    _, output = run(sheet, plain_installation, "status")
    assert "sheet sheet.json" in output


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"sink": "shet"}, "destinations.main.sink: no such sink is installed; known: http, log, files, "),
        ({"sink": "shet"}, 'sheat, sheet, torn; did you mean "sheet"?'),
        ({"sink": "sheat"}, 'destinations.main.sink: acme-sheet 1.0 contributes no sink with the name "sheat"'),
        ({"sink": "torn"}, "destinations.main.sink: plugin torn (acme_torn:plugin) of acme-torn 1.0: cannot be"),
        ({"url": "https://x.example"}, "destinations.main.url: unknown key"),
        ({"pasword": "env:SHEET_PASSWORD"}, 'destinations.main.pasword: unknown key; did you mean "password"?'),
        ({"batsh": 3}, 'destinations.main.batsh: unknown key; did you mean "batch"?'),
        ({"path": None}, "destinations.main.path: is missing"),
        ({"sink": "http"}, "destinations.main.url: is missing"),
        ({"sink": 7}, "destinations.main.sink: expected text"),
        ({"password": PASSWORD}, "destinations.main.password: a secret stands here in clear text"),
    ],
)  # fmt: skip
def test_mistakes_in_a_destination(
    sheet: Installation, plain_installation: Installation, keys: dict[str, Any], problem: str
) -> None:
    code, output = run(sheet, plain_installation, "check", **keys)
    assert problem in output
    assert code == (0 if "clear text" in problem else 2)


def test_statements_arrive_and_a_learner_is_erased(sheet: Installation, plain_installation: Installation) -> None:
    path = sheet.directory / "sheet.json"
    log = sheet.directory / "log"
    log.write_bytes(json.dumps(event()).encode() + b"\n")
    code, output = run(sheet, plain_installation, "replay", str(log))
    assert code == 0, output
    rows = json.loads(path.read_text())
    assert len(rows) == 1
    code, output = run(sheet, plain_installation, "forget", "--user-id", str(event()["context"]["user_id"]), "--yes")
    assert "main: 1 statements erased at the consumer" in output
    assert json.loads(path.read_text()) == {}
    path.unlink()
    code, output = run(sheet, plain_installation, "forget", "--user-id", str(event()["context"]["user_id"]), "--yes")
    assert code == 1
    assert "main: the learner's statements were not erased there (there is no such sheet): run it again" in output
    code, output = run(sheet, plain_installation, "check", "--connect")
    assert (code, "there is no such sheet" in output) == (1, True)
