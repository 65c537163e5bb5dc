"""What the lint lets the files beside a sink do, and that nothing which handles events can use them for it."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import distribution
from pathlib import Path

import pytest

from learnrelay_contract_tests.lint import lint_files
from learnrelay_contract_tests.package import find_package

CLIENT = '''
import logging
import ssl
import urllib3
from learnrelay.auth import OutgoingRequest
from learnrelay.config.secrets import Secret
from learnrelay.exchange_deadline import Deadline

logging.getLogger("urllib3").setLevel(logging.ERROR)


def post(password: Secret):
    return urllib3.request("POST", password.reveal(), ssl_context=ssl.create_default_context())
'''  # fmt: skip
FILES = {
    "__init__": "",
    "sink": """
from learnrelay import hookimpl
from learnrelay.sinks import Sink


class TableSink(Sink):
    def send(self, batch):
        from .client import post

        return post(self.settings["password"])


@hookimpl
def register_sinks(register):
    register(TableSink)
""",
    "client": CLIENT,
    "command": "from learnrelay.assembly.assemble import assemble\nfrom .client import post\n",
    "filtering": "from learnrelay import hookimpl\n@hookimpl\ndef filter_event(fields):\n    return None\n",
    "folder/__init__": "",
    "folder/words": "WORDS = ()\n",
}
Lint = Callable[..., dict[str, set[str]]]
POINTS = """
[learnrelay.sinks.v1]
acme_table = acme_mixed.sink
[learnrelay.commands]
acme = acme_mixed.command:run
[learnrelay.filters.v1]
acme_filter = acme_mixed.filtering
"""


@pytest.fixture
def lint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lint:
    """Installs a package of a sink, a command and a filter, with some files changed, and lints it: file → codes."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def install(points: str = POINTS, **changed: str) -> dict[str, set[str]]:
        texts = {**FILES, **changed}
        files = {f"acme_mixed/{name}.py": text for name, text in texts.items()}
        files["acme_mixed-1.0.dist-info/METADATA"] = "Metadata-Version: 2.1\nName: acme-mixed\nVersion: 1.0\n"
        files["acme_mixed-1.0.dist-info/entry_points.txt"] = points
        files["acme_mixed-1.0.dist-info/RECORD"] = "".join(f"{name},,\n" for name in files)
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf-8")
        package = find_package([next(iter(distribution("acme-mixed").entry_points))])
        codes: dict[str, set[str]] = {}
        for flaw in lint_files(package.sources, package.undeclared_plugins, package.roles):
            codes.setdefault(Path(flaw.file).stem, set()).add(flaw.code)
        return codes

    return install


STRICT = {"LR102", "LR104", "LR107", "LR111"}
"""Codes of the client where events can reach it."""


def test_a_sink_may_have_a_client_beside_it_and_a_command_may_read_the_file_of_the_operator(lint: Lint) -> None:
    assert lint() == {}


@pytest.mark.parametrize(
    "words",
    [
        "from .client import post",
        "from . import client",
        "import acme_mixed.client",
        "import acme_mixed.folder.words",  # binds acme_mixed, which has the client as an attribute
        "import acme_mixed",
        "from acme_mixed import client as c",
        "import acme_mixed.client as c",
        "from .between import post",
        "from .sink import TableSink",
        "def filter_event(fields):\n    from .client import post\n    return None",
        "from .folder import words, client",
    ],
)
def test_what_a_filter_can_reach_is_no_file_of_a_sink(lint: Lint, words: str) -> None:
    codes = lint(
        filtering=f"{FILES['filtering']}\n{words}",
        between="from .client import post",
        **{"folder/__init__": "from ..client import post" if "folder import" in words else ""},
    )
    assert codes["client"] == STRICT


def test_a_filter_that_imports_other_files_of_its_own(lint: Lint) -> None:
    assert lint(filtering=f"{FILES['filtering']}\nfrom .folder.words import WORDS\nfrom .folder import words") == {}


@pytest.mark.parametrize(
    ("points", "changed"),
    [
        (POINTS, {"sink": FILES["sink"] + "\ndef filter_event(fields):\n    return None"}),
        (POINTS, {"sink": FILES["sink"] + "\nfrom .work import do as route_event", "work": "do = None"}),
        (POINTS, {"client": CLIENT + "\nenrich_statement = post"}),
        (POINTS.replace("mixed.filtering", "mixed.client"), {}),
        (POINTS + "acme_other = acme_elsewhere\n", {}),
    ],
)
def test_what_is_a_plugin_of_events_itself_is_no_file_of_a_sink(
    lint: Lint, points: str, changed: dict[str, str]
) -> None:
    assert lint(points, **changed)["client"] == STRICT


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("import gc", "LR101"),
        ("import pytest", "LR102"),
        ("from learnrelay.pipeline.run import Pipeline", "LR102"),
        ("from learnrelay.assembly.assemble import assemble", "LR102"),
        ("import pickle", "LR103"),
        ("import orjson\norjson.dumps = None", "LR104"),
        ("import logging\nimport urllib3\nlogging.getLogger('urllib3').setLevel(logging.DEBUG)", "LR104"),
        ("import logging\nimport urllib3\nlogging.getLogger('learnrelay').setLevel(logging.ERROR)", "LR104"),
        ("import logging\nimport urllib3\nlogging.getLogger().setLevel(logging.ERROR)", "LR104"),
        ("import logging\nimport urllib3\nlogging.getLogger('urllib3').addHandler(None)", "LR104"),
        ("import socket\nx = socket.create_connection(('a', 1))", "LR106"),
        ("def f(x):\n    print(x)", "LR108"),
        ("def f():\n    global x\n    x = 1", "LR109"),
    ],
)
def test_what_a_file_of_a_sink_may_not_do_either(lint: Lint, text: str, code: str) -> None:
    assert lint(client=text) == {"client": {code}}


def test_what_a_command_may_not_do_either(lint: Lint) -> None:
    assert lint(command="from learnrelay.assembly.destination_loading import load_destinations") == {
        "command": {"LR102"}
    }


COMPARING = "from learnrelay.comparison.statement_changes import compare_values\n"


def test_what_only_a_command_imports_is_of_the_command(lint: Lint) -> None:
    assert lint(command="from .between import compare_values", between=COMPARING) == {}
    filtering = f"{FILES['filtering']}\nfrom .between import compare_values"
    assert lint(command="from .between import compare_values", between=COMPARING, filtering=filtering) == {
        "between": {"LR102"}
    }


def test_a_command_that_a_filter_imports_is_no_command(lint: Lint) -> None:
    assert "LR102" in lint(filtering=f"{FILES['filtering']}\nfrom .command import assemble")["command"]


APP = {
    "app/__init__": "",
    "app/apps": "from ..door import Door\n",
    "app/settings": "import os\nPATH = os.environ['PATH']\n",
    "door": """
import os
from learnrelay.logs import escape

class Door:
    def send(self, event):
        os._exit(1)
""",
}
HOSTED = POINTS + "[campus.app]\nacme = acme_mixed.app.apps:App\n"


def test_an_app_of_the_platform_handles_events_before_a_plugin_does(lint: Lint) -> None:
    assert lint(HOSTED, **APP) == {}


@pytest.mark.parametrize(
    ("points", "changed"),
    [
        (POINTS, {}),
        (HOSTED, {"filtering": f"{FILES['filtering']}\nfrom .door import Door"}),
        (HOSTED, {"sink": f"{FILES['sink']}\nfrom . import door"}),
        (HOSTED + "[learnrelay.sources.v1]\nother = acme_elsewhere\n", {}),
        (HOSTED, {"door": APP["door"] + "\nroute_event = Door().send\n"}),
    ],
)
def test_what_a_plugin_can_reach_is_no_file_of_an_app(lint: Lint, points: str, changed: dict[str, str]) -> None:
    assert "LR102" in lint(points, **{**APP, **changed})["door"]
