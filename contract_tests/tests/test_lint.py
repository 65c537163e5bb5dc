"""The linter: each code is reported for what it is meant for, and not for correct plugins."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from installed_plugins import ZOO

from learnrelay.plugins.discovery import installed
from learnrelay_contract_tests.lint import Flake8, lint_text
from learnrelay_contract_tests.lint.rules import CODES
from learnrelay_contract_tests.package import find_package

HEAD = """
from learnrelay import Family, Fields, InvalidFieldError, Platform, Skip, hookimpl, optional, required
from learnrelay.kinds import text

family = Family("acme.poll")


class Poll(Fields):
    id = required("data.id", kind=text)


class More(Poll):
    note = optional("data.note", kind=text)
"""
MAPPING = HEAD + '''

@family.maps("poll", reads=More)
def poll(poll: More, platform: Platform):
    {body}
    return {{"object": platform.iri("poll", poll.id)}}
'''  # fmt: skip

FLAWS: dict[str, list[str]] = {
    "LR101": [
        "import gc",
        "import inspect",
        "from sys import _getframe as peek",
        "import sys\nx = sys._current_frames",
        "import ctypes",
    ],
    "LR102": [
        "from learnrelay.pipeline.run import Pipeline",
        "import learnrelay.events",
        "from learnrelay.events import parse_line",
        "from learnrelay.relay import Relay",
        "from learnrelay.config import read_toml",
        "from learnrelay.plugins import plan",
        "import pytest",
        "import learnrelay_contract_tests",
        "import sys\nx = sys.modules",
        "from learnrelay import _private",
        "from learnrelay.outbox.outbox import Outbox",
        "import __main__",
    ],
    "LR103": [
        "import importlib",
        "x = __import__('os')",
        "eval('1')",
        "from importlib import import_module",
        "import pickle",
        "from os.path import *",
    ],
    "LR104": [
        "from learnrelay import kinds\nkinds.text = None",
        "import orjson\nsetattr(orjson, 'dumps', None)",
        "import builtins",
        "import logging\nlogging.getLogger().addFilter(print)",
        "from learnrelay import Fields\ndel Fields.__repr__",
    ],
    "LR105": [
        "from learnrelay import optional\ndef k(v):\n    return v.get('a')\nx = optional('data', kind=k)",
        "from learnrelay import optional\ndef k(v):\n    return isinstance(v, dict)\nx = optional('data', kind=k)",
        "from learnrelay.fields import value_at",
        "from learnrelay import Fields\nclass A(Fields, metaclass=type): pass",
    ],
    "LR106": [
        "x = open('f')",
        "from pathlib import Path\nX = Path('f').read_text()",
        "import os\nX = os.listdir('.')",
        "import os\nX = os.environ['A']",
    ],
    "LR107": [
        "import socket",
        "import requests",
        "def f(p):\n    return open(p)",
        "import os\ndef f():\n    return os.environ",
        "from urllib.request import urlopen",
    ],
    "LR108": ["def f(x):\n    print(x)", "import logging\nlog = logging.getLogger()\ndef f(x):\n    log.info('%s', x)"],
    "LR109": [
        "X = []\ndef f(y):\n    X.append(y)",
        "X = {}\ndef f(y):\n    X[y] = 1",
        "def f(y, seen={}):\n    seen[y] = 1",
        "def f():\n    global X\n    X = 1",
    ],
    "LR110": [
        "import random",
        "from uuid import uuid4",
        "import time\nX = time.time()",
        "from datetime import datetime\ndef f():\n    return datetime.now()",
        "def f(x):\n    return hash(x)",
    ],
    "LR112": [
        "def filter_event(fields):\n    try:\n        return fields.x\n    except Exception:\n        return None",
        "def filter_event(fields):\n    a = None\n    try:\n        a = fields.x\n    finally:\n        return a",
        "from contextlib import suppress\ndef route_event(f, d):\n    with suppress(KeyError):\n        return f.x",
    ],
}
IN_A_MAPPING = {
    "LR101": ["e = (i for i in ()).gi_frame", "x = poll.__init__.__globals__"],
    "LR103": ["x = getattr(type(poll), poll.note)"],
    "LR104": ["platform.root_url = 'x'", "object.__setattr__(platform, 'x', 1)", "poll.id = 'x'"],
    "LR105": ["x = poll.username", "x = poll.__dict__", "x = vars(poll)", "x = getattr(poll, '_secret', None)"],
    "LR108": [
        "raise InvalidFieldError(f'bad {poll.note}', path='data.note')",
        "return Skip('no ' + poll.note)",
        "return Skip(poll.note)",
    ],
    "LR111": ["x = platform.identity", "x = platform.courses.x", "x = poll.id.reveal()"],
}


def codes(text: str) -> set[str]:
    return {flaw.code for flaw in lint_text(text)}


@pytest.mark.parametrize(("code", "text"), [(code, text) for code, texts in FLAWS.items() for text in texts])
def test_flaws(code: str, text: str) -> None:
    assert code in codes(text)


@pytest.mark.parametrize(("code", "body"), [(code, body) for code, bodies in IN_A_MAPPING.items() for body in bodies])
def test_flaws_of_a_mapping(code: str, body: str) -> None:
    assert code in codes(MAPPING.format(body=body))


def test_every_code_is_set_off() -> None:
    assert FLAWS.keys() | IN_A_MAPPING.keys() == CODES.keys()


HONEST = [
    MAPPING.format(body="x = poll.note"),
    "import os.path\nX = os.path.join('a', 'b')",
    "import sys\nX = sys.version_info >= (3, 12)",
    "from importlib.metadata import version\n__version__ = version('acme')",
    "import re\nX = re.compile('a')\ndef f(t):\n    return X.match(t)",
    "TABLE = {}\ndef column(name):\n    def add(f):\n        TABLE[name] = f\n        return f\n    return add\n"
    "@column('a')\ndef f(x): return x",
    "def f(x):\n    found = []\n    found.append(x)\n    return found",
    "import logging\nlog = logging.getLogger(__name__)\ndef f():\n    log.debug('a constant')",
    "from functools import lru_cache\n@lru_cache(10)\ndef f(x): return x",
    "class A:\n    def __init__(self, x):\n        self.x = x",
    HEAD + "\n@family.maps('x', reads=Poll)\ndef f(poll, platform):\n    return Skip('a constant reason')",
    "from learnrelay import IdentityProvider\nclass P(IdentityProvider):\n    def learner(self, user, space):\n"
    "        return open('table').read()",
    "from datetime import datetime, UTC\ndef f(x):\n    return datetime.fromtimestamp(x, UTC)",
    "from learnrelay.events import Shape, SourceEvent\nfrom learnrelay.sample_values import SampleValues",
    "from learnrelay.frames import MakeFrame\nfrom learnrelay.personal_data import Grade\nimport learnrelay.times",
]


@pytest.mark.parametrize(
    "base", ["learnrelay.IdentityProvider", "learnrelay.sinks.Sink", "learnrelay.auth.AuthScheme", "learnrelay.Input"]
)
def test_what_may_do_io_imports_it_at_the_top_unless_the_file_handles_events_too(base: str) -> None:
    module, _, name = base.rpartition(".")
    head = f"from {module} import {name}\nclass P({name}):\n    def ask(self):\n"
    assert not lint_text(f"import requests, time\n{head}        time.sleep(1)\n        requests.get('x')")
    assert not lint_text(head + "        import requests, time\n        time.sleep(1)\n        requests.get('x')")
    mapping = f"\n{HEAD}\n@family.maps('x', reads=Poll)\ndef f(poll, platform):\n    return {{'at': requests.get('x')}}"
    top, use = lint_text(f"import requests\n{head}        pass\n{mapping}")
    assert top.message.endswith("import of requests; import it inside the method that uses it")
    assert use.code == "LR107"


@pytest.mark.parametrize("text", HONEST)
def test_no_flaw_in_honest_code(text: str) -> None:
    assert not lint_text(text)


def test_a_plugin_imports_the_plugins_that_it_requires() -> None:
    text = "from learnrelay_xapi.vocabulary import Verb"
    assert not lint_text(text)
    (flaw,) = lint_text(text, undeclared={"learnrelay_xapi"})
    assert flaw.code == "LR102"


def test_an_extra_is_a_requirement() -> None:
    points = {info.name: info.entry_point for info in installed()}
    family, scopes = points["xapi.video"], points["enterprise_filter"]
    assert family is not None
    assert scopes is not None
    assert {"learnrelay_xapi", "learnrelay_caliper"}.isdisjoint(find_package([family]).undeclared_plugins)
    assert {"learnrelay_xapi", "learnrelay_caliper"} <= find_package([scopes]).undeclared_plugins


def test_a_line_may_allow_what_is_no_privacy_matter() -> None:
    reason = "the harness of the house wants a random order"
    (flaw,) = lint_text(f"import random  # learnrelay: allow LR110 because {reason}")
    assert flaw.allowed == reason
    (flaw,) = lint_text(f"import gc  # learnrelay: allow LR101 because {reason}")
    assert not flaw.allowed, "privacy knows no exception"
    assert lint_text("import gc  # noqa")
    assert not next(iter(lint_text("import random  # learnrelay: allow LR110 because x"))).allowed


def test_flake8_and_the_command(tmp_path: Path) -> None:
    text = "import gc\nimport random  # learnrelay: allow LR110 because the order shall be random\n"
    flaws = [(line, text[:5]) for line, _, text, _ in Flake8(ast.parse(text), text.splitlines(keepends=True)).run()]
    assert flaws == [(1, "LR101")]
    (tmp_path / "plugin.py").write_text(text)
    command = [sys.executable, "-m", "learnrelay.cli", "lint"]
    command[1:3] = ["-c", "import sys; from learnrelay.cli import main; sys.argv[0] = 'learnrelay'; main()"]
    done = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"{tmp_path}/plugin.py:1:1: LR101" in done.stdout
    (tmp_path / "plugin.py").write_text((ZOO / "good" / "plainest.py").read_text())
    assert subprocess.run([*command, str(tmp_path)], capture_output=True, check=False).returncode == 0
