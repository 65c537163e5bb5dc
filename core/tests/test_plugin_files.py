"""Plugins in single files: used where they are named, with a version of their content; errors say file and line."""

from __future__ import annotations

import json
import re
from hashlib import sha256
from pathlib import Path

import pytest

from installation import Installation
from learnrelay import Relay
from learnrelay.plugins.discovery import KINDS
from learnrelay.plugins.registry import CONTRIBUTIONS, STAGES
from learnrelay.plugins.single_files import KINDS_BY_HOOK
from relay_files import relay_toml
from single_files import POLLS, ROWS, assemble_files, problems_of, raw_event, statements_of

SHORTEST = """\
from learnrelay import Family, Fields, required

family = Family("plain.polls")


class Answer(Fields):
    question = required("data.question")


@family.maps("poll.answered", reads=Answer)
def answered(answer, platform):
    return {"question": answer.question}
"""


def test_the_shortest_plugin_is_one_file(plain_installation: Installation, tmp_path: Path) -> None:
    assert len(SHORTEST.splitlines()) <= 12
    (tmp_path / "polls.py").write_text(SHORTEST)
    event = json.dumps(raw_event()).encode()
    done = plain_installation.run("transform", "--plugin", tmp_path / "polls.py", stdin=event)
    assert (done.returncode, json.loads(done.stdout)["question"]) == (0, "q1"), done.stderr
    done = plain_installation.run("explain", "--plugin", tmp_path / "polls.py", "--json", stdin=event)
    (explained,) = json.loads(done.stdout)["standards"]
    assert (explained["transformer"], explained["state"]) == ("plain.polls:answered", "transformed")
    config = tmp_path / "relay.toml"
    config.write_text(relay_toml(["plain.watching"]))
    arguments = ("--config", config, "--plugin", tmp_path / "polls.py")
    done = plain_installation.run("transform", *arguments, stdin=event, SECRET="Kd7wq2Lmz9Xv4bTn")
    assert json.loads(done.stdout)["question"] == "q1", done.stderr
    assert [path.name for path in tmp_path.iterdir() if path.name == "__pycache__"] == []


def test_the_file_and_a_digest_of_it_are_the_origin(tmp_path: Path) -> None:
    assembly = assemble_files(tmp_path, {"rows.py": ROWS, "polls.py": POLLS})
    digest = sha256((tmp_path / "polls.py").read_bytes()).hexdigest()[:12]
    (polls,) = [info for info in assembly.plugins if info.name == "rows.polls"]
    assert polls.origin == f"{tmp_path}/polls.py {digest}"
    transformer = assembly.table["rows", "poll.answered"]
    assert transformer.origin == f"polls.py@{digest}", "statements name no folder"
    (tmp_path / "polls.py").write_text("")
    again = assemble_files(tmp_path, {"rows.py": ROWS, "polls.py": POLLS.replace("answer.question", '"changed"')})
    assert statements_of(again, raw_event())[0]["question"] == "changed"


def test_what_a_file_imports_is_no_plugin_of_it(tmp_path: Path) -> None:
    source = POLLS + "from learnrelay_openedx.video.xapi import family as another\n"
    assembly = assemble_files(tmp_path, {"rows.py": ROWS, "polls.py": source})
    active = [info.name for info in assembly.plugins if info.state.value == "active"]
    assert sorted(active) == ["openedx", "rows", "rows.polls"]


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        (POLLS + "Verb('x'\n", r"cannot be imported: SyntaxError: '\(' was never closed at {folder}/polls.py:21"),
        (POLLS + "\nVerb('x')\n", r"NameError: name 'Verb' is not defined at {folder}/polls.py:22"),
        (POLLS + "import no_such_module\n", r"No module named 'no_such_module' at {folder}/polls.py:21"),
        (POLLS + "int('hush')\n", r"cannot be imported: ValueError at {folder}/polls.py:21"),
        ("answers = 42\n", r"holds no plugin: no Family, and no function marked with @hookimpl"),
        (
            POLLS.replace("platform, settings)", "platform, setings)"),
            r"rows.polls:answered takes setings \({folder}/polls.py:17\)",
        ),
        (POLLS.replace("poll.answered", "poll.*"), r"maps 'poll.\*', which is no name of an event; name each event"),
    ],
    ids=["syntax", "name", "import", "value", "nothing", "parameter", "glob"],
)
def test_a_file_that_cannot_be_used_is_named_with_the_line(tmp_path: Path, source: str, cause: str) -> None:
    problems = problems_of(tmp_path, {"rows.py": ROWS, "polls.py": source}, rows={"polls": {"scale": 2}})
    reason = problems.pop("plugins.files")
    assert re.search(cause.format(folder=tmp_path.name), reason), reason
    assert f"{tmp_path}/polls.py" in reason
    assert "hush" not in reason
    assert problems == {}, "its section is no second mistake"


def test_files_are_relative_to_the_operators_file_and_have_names(tmp_path: Path) -> None:
    problems = problems_of(tmp_path, {}, plugins={"files": ["absent.py"]})
    assert problems["plugins.files"] == f"there is no file {tmp_path}/absent.py"
    problems = problems_of(tmp_path, {"2 polls.py": POLLS})
    assert "its name is no name of a plugin" in problems["plugins.files"]
    assert problems_of(tmp_path, {}, plugins={})["plugins.enabled"] == "is missing"


def test_a_name_that_is_taken_is_named_with_both_places(tmp_path: Path) -> None:
    files = {"rows.py": ROWS, "polls.py": POLLS, "again.py": POLLS}
    reason = problems_of(tmp_path, files)["plugins.files"]
    assert re.fullmatch(rf'"rows.polls" of {tmp_path}/again.py \w+ comes from {tmp_path}/polls.py \w+ too', reason)


def test_a_family_of_a_file_may_be_enabled_by_its_name_too(tmp_path: Path) -> None:
    files = {"rows.py": ROWS, "polls.py": POLLS}
    plugins = {"files": list(files), "enabled": ["rows.polls"]}
    assert ("rows", "poll.answered") in assemble_files(tmp_path, files, plugins=plugins).table
    plugins["enabled"] = ["rows.pols"]
    assert "no installed plugin has this name" in problems_of(tmp_path, files, plugins=plugins)["plugins.enabled"]


def test_plugins_lists_files_with_their_state(plain_installation: Installation, tmp_path: Path) -> None:
    (tmp_path / "polls.py").write_text(SHORTEST)
    (tmp_path / "broken.py").write_text("1 +\n")
    config = tmp_path / "relay.toml"
    config.write_text(relay_toml([]).replace("enabled = []", 'files = ["polls.py", "broken.py"]'))
    done = plain_installation.run("plugins", "--config", config, "--json")
    states = {row["name"]: (row["state"], row.get("file")) for row in json.loads(done.stdout)}
    assert states["plain.polls"] == ("active", str(tmp_path / "polls.py"))
    assert states["plain"][0] == "active", "a family brings its standard"
    assert states["broken"] == ("failed", str(tmp_path / "broken.py"))
    assert done.returncode == 1
    events = plain_installation.run("plugins", "--config", config, "--events")
    assert "poll.answered" in events.stdout.decode()


def test_the_processes_of_a_replay_load_it(plain_installation: Installation, tmp_path: Path) -> None:
    (tmp_path / "polls.py").write_text(SHORTEST)
    config = tmp_path / "relay.toml"
    config.write_text(relay_toml([]).replace("enabled = []", 'files = ["polls.py"]'))
    (tmp_path / "events.jsonl").write_text(json.dumps(raw_event()) + "\n")
    arguments = ("--output", tmp_path / "out", "--compress", "none", "--processes", "2")
    done = plain_installation.run(
        "replay", tmp_path / "events.jsonl", "--config", config, *arguments, SECRET="Kd7wq2Lmz9Xv4bTn"
    )
    assert done.returncode == 0, done.stderr
    (written,) = (tmp_path / "out" / "plain").glob("*.jsonl")
    assert json.loads(written.read_text())["question"] == "q1"


def test_a_relay_loads_it(tmp_path: Path) -> None:
    (tmp_path / "rows.py").write_text(ROWS)
    (tmp_path / "polls.py").write_text(POLLS)
    config = tmp_path / "relay.toml"
    text = relay_toml(
        [],
        {"main": {"standard": "rows", "url": "https://rows.example.org"}},
        delivery={"database": "sqlite:///outbox.db", "engine": "none"},
        identity={"secret": "Kd7wq2Lmz9Xv4bTn"},
    )
    config.write_text(text.replace("enabled = []", 'files = ["rows.py", "polls.py"]'))
    with Relay.from_file(config) as relay:
        (outcome,) = relay.emit(raw_event())
    assert outcome.destinations == ("main",)


SINK = """
from learnrelay import hookimpl
from learnrelay.config.fields import Section, Text
from learnrelay.sinks import ProbeResult, Repeats, Sink, SinkAnswer, Verdict


class NoteSettings(Section):
    path = Text(required=True)


class Notes(Sink):
    name = "notes"
    settings_schema = NoteSettings
    repeats = Repeats.BY_STATEMENT

    @classmethod
    def describe(cls, settings):
        return settings["path"]

    def open(self):
        pass

    def send(self, batch):
        return SinkAnswer(Verdict.STORED)

    def probe(self):
        return ProbeResult(True)

    def close(self):
        pass


@hookimpl
def register_sinks(register):
    register(Notes)
"""


def test_a_sink_of_a_file_is_found_by_its_name(tmp_path: Path) -> None:
    destination = {"standard": "rows", "scope": "all", "sink": "notes", "path": "notes.txt"}
    files = {"rows.py": ROWS, "acme_sinks.py": SINK}
    assembly = assemble_files(tmp_path, files, destinations={"main": destination})
    assert assembly.config.destinations["main"].settings["path"] == "notes.txt"
    (info,) = [info for info in assembly.plugins if info.name == "acme_sinks"]
    assert info.kind == "sinks"


def test_each_hook_has_a_kind() -> None:
    assert KINDS_BY_HOOK.keys() == {*STAGES, *CONTRIBUTIONS}
    assert {*KINDS_BY_HOOK.values()} == {*KINDS}
