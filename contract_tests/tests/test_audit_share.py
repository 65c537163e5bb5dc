"""The share of code that means harm that the source shows; docs/contract.md says it.

Each member looks for what no mapping is given, by a way that descriptions of attacks on Python name.
"""

from __future__ import annotations

from pathlib import Path

from learnrelay_contract_tests.lint import lint_text

PAGE = Path(__file__).parents[2] / "docs" / "contract.md"
PLUGIN = """
from learnrelay import Family, Fields, required
from learnrelay.kinds import identifier
{head}

family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=identifier)


@family.maps("zoo.answered", reads=Poll)
def answered(poll, platform):
{before}
    return {{"object": platform.iri("poll", poll.id), "choice": {value}}}
"""

HARM = {
    "findcaller": ("import logging\nlog = logging.getLogger(__name__)", "s = log.findCaller(True)[3]", "s"),
    "walk_stack": ("import traceback", "f = next(traceback.walk_stack(None))[0]", "str(f)"),
    "exception_with_traceback_object": (
        "",
        "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    t = getattr(e, '__trace' + 'back__')",
        "str(t)",
    ),
    "te": (
        "from traceback import TracebackException\nimport sys",
        "te = TracebackException(*sys.exc_info(), capture_locals=True)",
        "str(te.stack)",
    ),
    "logging_sys": ("import logging", "f = logging.sys._getframe(3)", "str(f.f_locals)"),
    "enum_sys": ("import enum", "f = enum.sys._getframe(3)", "1"),
    "type_hints": (
        "from typing import get_type_hints\n\n\nclass C:\n    x: \"__import__('sys')._getframe(4)\"\n",
        "",
        "get_type_hints(C)['x']",
    ),
    "forward_ref": (
        "from typing import ForwardRef",
        "",
        "str(ForwardRef('1+1')._evaluate({}, {}, recursive_guard=frozenset()))",
    ),
    "timeit": ("import timeit", "timeit.timeit('1', number=1)", "1"),
    "pydoc": ("import pydoc", "", "str(pydoc.locate('gc').get_objects())"),
    "entry_point_load": (
        "from importlib.metadata import EntryPoint",
        "",
        "str(EntryPoint('x', 'gc:get_objects', 'y').load()())",
    ),
    "logging_config": (
        "import logging.config",
        "logging.config.dictConfig({'version': 1, 'formatters': {'f': {'()': 'gc.get_objects'}}})",
        "1",
    ),
    "operator_call": (
        "from operator import attrgetter",
        "",
        "str(attrgetter('_'.join(['', '', 'class', '', '']))(poll))",
    ),
    "methodcaller": ("from operator import methodcaller", "", "str(methodcaller('__getattribute__', 'x')(poll))"),
    "reduce_getattr": ("from functools import reduce", "", "str(reduce(getattr, ['__class__', '__base__'], poll))"),
    "map_getattr": ("", "", "str(list(map(getattr, [poll], ['__class__'])))"),
    "builtins_dict": ("", "", "str(__builtins__['eval']('1'))"),
    "func_builtins": ("", "", "str(answered.__builtins__)"),
    "subclasses": ("", "", "str(object.__subclasses__())"),
    "gc": ("import gc", "", "str(len(gc.get_objects()))"),
    "weakref": ("import weakref", "", "str(weakref.getweakrefs(poll))"),
    "ctypes": ("import ctypes", "", "str(ctypes.pythonapi)"),
    "codeop": ("import codeop", "", "str(codeop.compile_command('1'))"),
    "sys_modules": ("import sys", "", "str(sys.modules['learnrelay.relay'])"),
    "core_import": ("from learnrelay.relay import Relay", "", "1"),
    "importlib": ("from importlib import import_module", "", "str(import_module('learnrelay' + '.relay'))"),
    "setattr_core": ("import learnrelay.kinds\nlearnrelay.kinds.text = str", "", "1"),
    "patch_by_dict": ("import learnrelay.kinds\nlearnrelay.kinds.__dict__['text'] = str", "", "1"),
    "metaclass": (
        "class Meta(type):\n    def __getattribute__(cls, name):\n        return super().__getattribute__(name)\n",
        "",
        "1",
    ),
    "generator_frame": ("", "def g():\n    yield from ()\nx = g()", "str(x.gi_frame.f_back)"),
    "coroutine_frame": ("", "async def g():\n    pass\nc = g()", "str(c.cr_frame)"),
    "match_attr": ("", "match poll:\n    case object(__class__=c):\n        pass", "str(c)"),
    "format_map": ("", "", "'{p.__class__.__init__.__globals__}'.format_map({'p': poll})"),
    "template_join": ("", "", "('{0.__cl' + 'ass__}').format(poll)"),
    "threading_frames": ("import threading", "", "str(threading._sys._current_frames())"),
    "audit_hook": ("import sys\nsys.addaudithook(print)", "", "1"),
    "atexit": ("import atexit\natexit.register(print)", "", "1"),
    "codecs_rot": ("import codecs", "", "codecs.decode('vzcbeg tp', 'rot13')"),
    "unpickle": ("import pickle", "", "str(pickle.loads(b'x'))"),
    "print_exc": (
        "import logging\nlog = logging.getLogger(__name__)",
        "try:\n    1 / 0\nexcept ZeroDivisionError:\n    log.exception('x')",
        "1",
    ),
    "unittest_mock": ("from unittest import mock", "", "1"),
    "contextlib_exit": (
        "from contextlib import ExitStack",
        "with ExitStack() as s:\n    s.push(lambda t, e, tb: tb)",
        "1",
    ),
    "with_exit_tb": (
        "class Look:\n    def __enter__(self):\n        return self\n"
        "    def __exit__(self, a, b, tb):\n        self.tb = tb\n        return True\n",
        "with Look() as l:\n    1 / 0",
        "str(l.tb.tb_frame.f_back)",
    ),
}
"""Name → what stands at the top of the module, before the return, and in the value that is put out."""

UNSEEN = {"codecs_rot", "contextlib_exit"}
"""What the source does not show."""


def write(head: str, before: str, value: str) -> str:
    """Writes the plugin of a member."""
    return PLUGIN.format(head=head, before="".join(f"    {line}\n" for line in before.splitlines()), value=value)


def test_the_share_of_harm_that_the_source_shows() -> None:
    unseen = {name for name, parts in HARM.items() if not lint_text(write(*parts))}
    assert unseen == UNSEEN
    assert f"{len(HARM) - len(unseen)} of {len(HARM)}" in PAGE.read_text("utf-8")
