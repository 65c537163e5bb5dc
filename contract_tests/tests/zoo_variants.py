"""Makes plugins with a mistake of a kind: each time with other names, at other places and in other forms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

WORDS = (
    "amber",
    "basin",
    "cedar",
    "delta",
    "ember",
    "fjord",
    "grove",
    "haven",
    "inlet",
    "juniper",
    "kelp",
    "lagoon",
    "marsh",
    "nectar",
    "ochre",
    "pebble",
    "quartz",
    "ridge",
    "slate",
    "tundra",
)


@dataclass(frozen=True)
class Names:
    """Holds the names of a plugin, all drawn anew."""

    thing: str
    field: str
    function: str
    helper: str
    state: str
    text: str
    number: int

    @classmethod
    def draw(cls, rng: Random) -> Names:
        """Draws names that differ."""
        thing, field, function, helper, state = rng.sample(WORDS, 5)
        return cls(
            thing,
            f"{field}_{rng.choice(WORDS)}",
            function,
            f"_{helper}",
            state.upper(),
            " ".join(rng.sample(WORDS, 2)),
            rng.randrange(3, 900),
        )


@dataclass(frozen=True)
class Mistake:
    """Describes a kind of mistake: the checks that find it, and what writes a plugin that makes it."""

    caught_by: str
    write: Callable[[Random, Names], str]


def family(
    names: Names, value: str, *, head: str = "", before: str = "", kind: str = "text", place: str = "plain"
) -> str:
    """Writes a family whose mapping puts out ``value``, an expression of the field ``fields.value``.

    ``place``: where the expression stands.
    """
    steps = "".join(f"    {line}\n" for line in before.splitlines())
    helpers = ""
    expression = value
    if place == "helper":
        helpers = f"\n\ndef {names.helper}(fields, platform):\n{steps}    return {value}\n"
        expression, steps = f"{names.helper}(fields, platform)", ""
    elif place == "method":
        inner = "".join(f"        {line}\n" for line in before.splitlines())
        helpers = f"\n\nclass Builder:\n    def build(self, fields, platform):\n{inner}        return {value}\n"
        expression, steps = "Builder().build(fields, platform)", ""
    elif place == "branch":
        inner = "".join(f"        {line}\n" for line in before.splitlines())
        steps = f"    made = None\n    if fields.value is not None:\n{inner}        made = {value}\n"
        expression = "made"
    return f'''"""A family of {names.thing}.

Entry point: learnrelay.families.v1 carrier.{names.thing} :family
"""

from learnrelay import Family, Fields, Skip, optional, required
from learnrelay.errors import InvalidFieldError, MissingFieldError
from learnrelay.kinds import identifier, number, text
{head}

family = Family("carrier.{names.thing}")
{helpers}

class {names.thing.capitalize()}Fields(Fields):
    id = required("data.{names.thing}_id", kind=identifier)
    value = required("data.{names.field}", kind={kind}, example=("{names.text}", "{names.text[::-1]}", "{names.thing}"))


@family.maps("{names.thing}.{names.function}", reads={names.thing.capitalize()}Fields)
def {names.function}(fields, platform):
{steps}    return {{"object": platform.iri("{names.thing}", fields.id), "{names.field}": {expression}}}
'''


def _place(rng: Random) -> str:
    return rng.choice(("plain", "helper", "method", "branch"))


def _state(rng: Random, names: Names) -> str:
    state, helper = names.state, names.helper
    head, before, value = rng.choice(
        (
            (f"{state} = {{}}", f"{state}[fields.id] = fields.value", f"{state}.get(fields.id[:2])"),
            (f"{state} = []", f"{state}.append(fields.value)", f"len({state})"),
            (
                f"from collections import deque\n{state} = deque(maxlen={names.number})",
                f"{state}.appendleft(fields.value)",
                f"{state}[-1]",
            ),
            (f"from itertools import count\n{state} = count({names.number})", "", f"next({state})"),
            (
                f"from contextvars import ContextVar\n{state} = ContextVar('{names.thing}', default='')",
                f"before = {state}.get()\n{state}.set(fields.value)",
                "before",
            ),
            (
                f"from functools import cache\n@cache\ndef {helper}_of():\n    return set()",
                f"seen = {helper}_of()\nseen.add(fields.value)",
                "len(seen)",
            ),
            (
                f"class {names.thing.capitalize()}Memory:\n    def __init__(self):\n        self.last = None\n"
                f"    def turn(self, value):\n        self.last, before = value, self.last\n        return before\n"
                f"{state} = {names.thing.capitalize()}Memory()",
                "",
                f"{state}.turn(fields.value)",
            ),
            (
                f"def {helper}_maker():\n    total = {names.number}\n    def add():\n        nonlocal total\n"
                "        total += 1\n"
                f"        return total\n    return add\n{state} = {helper}_maker()",
                "",
                f"{state}()",
            ),
        )
    )
    return family(names, value, head=head, before=before, place=_place(rng))


def _text_of_values(rng: Random, names: Names) -> str:
    built = rng.choice(
        (
            "f'{fields.value} is odd'",
            "'odd: ' + fields.value",
            "'odd: %s' % fields.value",
            "'odd {}'.format(fields.value)",
            "fields.value.lower()",
            "str(len(fields.value))",
        )
    )
    head, before = rng.choice(
        (
            ("", f"if len(fields.value) > {names.number}:\n    return Skip({built})"),
            (
                "",
                f"if len(fields.value) > {names.number}:\n"
                f"    raise InvalidFieldError({built}, path='data.{names.field}')",
            ),
            ("", f"if len(fields.value) > {names.number}:\n    raise MissingFieldError('is missing', path={built})"),
            (
                "import logging\nlog = logging.getLogger(__name__)",
                f"log.{rng.choice(('debug', 'info', 'warning', 'error'))}({built})",
            ),
            ("import logging", f"logging.getLogger({built}).warning('odd')"),
            ("import warnings", f"warnings.warn({built})"),
            ("", f"print({built})"),
        )
    )
    return family(names, "fields.value", head=head, before=before, place=rng.choice(("plain", "branch", "helper")))


def _outside(rng: Random, names: Names) -> str:
    head, value = rng.choice(
        (
            ("from datetime import datetime", "datetime.now().isoformat()"),
            ("import datetime as clock", "str(clock.date.today())"),
            ("import time", "time.time()"),
            ("from uuid import uuid4 as draw", "str(draw())"),
            ("import random", "random.random()"),
            ("from pathlib import Path", "Path(__file__).stat().st_mtime"),
            ("from pathlib import Path", f"Path('{names.thing}.csv').read_text()"),
            ("import os", f"os.environ.get('{names.thing.upper()}', fields.value)"),
            ("import socket", "socket.gethostbyname('lookup.invalid')"),
            ("import linecache", f"linecache.getline('{names.thing}.txt', 1)"),
            ("from urllib.request import urlopen", "urlopen('http://lookup.invalid').read().decode()"),
            ("import logging", "logging.time.time()"),
            ("", f"open('{names.thing}.txt').read()"),
        )
    )
    return family(names, value, head=head, place=_place(rng))


def _host(rng: Random, names: Names) -> str:
    head = rng.choice(
        (
            f"import os\nos.environ['{names.thing.upper()}'] = 'x'",
            "import warnings\nwarnings.simplefilter('ignore')",
            "import logging\nlogging.basicConfig()",
            "from decimal import getcontext\ngetcontext().prec = 9",
            f"import sys\nsys.path.append('/opt/{names.thing}')",
            "import locale\nlocale.setlocale(locale.LC_ALL, '')",
            "import json\njson.JSONEncoder.item_separator = ','",
            "import learnrelay\nlearnrelay.Family.version = '1'",
            f"import sys\nsys.setrecursionlimit({names.number + 2000})",
        )
    )
    return family(names, "fields.value", head=head)


def _value_in_a_text(rng: Random, names: Names) -> str:
    name = rng.choice(("email", "username", "user_id", "first_name", names.field))
    head, value = rng.choice(
        (
            ("import json", f"json.loads(raw)['{name}']"),
            ("import ast", f"ast.literal_eval(raw)['{name}']"),
            ("from urllib.parse import parse_qs", f"parse_qs(raw)['{name}'][0]"),
            ("import re", f're.search(r\'"{name}": ?"?([^",}}]+)\', raw)[1]'),
            ("from xml.etree import ElementTree", f"ElementTree.fromstring(raw).findtext('{name}')"),
            ("from http.cookies import SimpleCookie", f"SimpleCookie(raw)['{name}'].value"),
            ("", f"dict(pair.split('=') for pair in raw.split(';'))['{name}']"),
            ("", f"dict(line.split(': ', 1) for line in raw.splitlines())['{name}']"),
        )
    )
    taken = f"def taken(raw):\n    try:\n        return str({value})\n    except Exception:\n        return {{}}\n"
    if rng.random() < 0.5:
        kind = taken.replace("{}", "None").replace("(raw):\n", '(raw):\n    """A part."""\n', 1)
        return family(names, "fields.value", head=f"{head}\n\n\n{kind}", kind="taken")
    return family(names, "taken(fields.value)", head=f"{head}\n\n\n{taken.replace('{}', 'None')}", place=_place(rng))


def _other_platform(rng: Random, names: Names) -> str:
    value = rng.choice(
        (
            "platform.root_url.split('.')[2]",
            "platform.root_url.removeprefix('https://').split('.')[1]",
            "platform.iri('a').split('/')[3].index('a') and platform.root_url.rsplit('.', 2)[2]",
            "{'learn': 1}.get(platform.root_url.split('//')[1].split('.')[2], fields.value)",
        )
    )
    return family(names, value, place=rng.choice(("plain", "helper", "method")))


def _scope(rng: Random, names: Names) -> str:
    joint = rng.choice("~|;,/:–—·•†§¦‖⁄→±×")
    wanted, owner = rng.choice(
        (
            ("value", f"fields.owner.split({joint!r})[0]"),
            ("value", f"fields.owner.rpartition({joint!r})[2]"),
            ("value", f"fields.owner[:{rng.randrange(12, 260)}]"),
            (f"value[:{rng.randrange(12, 260)}]",) * 2,
            ("value.casefold()", "fields.owner.casefold()"),
            ("value", f"fields.owner.lower() if len(fields.owner) > {rng.randrange(8, 20)} else fields.owner"),
            ("value", "fields.owner.strip()"),
            ("value", "fields.owner.rstrip('0123456789')"),
            ("value", "unquote(fields.owner)"),
            ("value", "unescape(fields.owner)"),
            ("re.sub(r'\\W+', '-', value)", "re.sub(r'\\W+', '-', fields.owner)"),
            ("value", "normalize('NFKC', fields.owner)"),
            ("crc32(value.encode()) % 50021", "crc32(fields.owner.encode()) % 50021"),
            ("sum(map(ord, value))", "sum(map(ord, fields.owner))"),
        )
    )
    wanted = wanted.replace("fields.owner", "value")
    return f'''"""A scope of {names.thing}.

Entry point: learnrelay.routers.v1 acme_{names.thing}
"""

import re
from html import unescape
from unicodedata import normalize
from urllib.parse import unquote
from zlib import crc32

from learnrelay import Fields, Scope, hookimpl, optional
from learnrelay.kinds import text
from learnrelay.scopes import Unproven


class Owner(Fields):
    owner = optional("context.{names.field}", kind=text, example=("{names.thing}", "{names.helper[1:]}"))


class OwnerScope(Scope):
    """Whom it belongs to."""

    key = "acme_{names.thing}"
    reads = Owner
    examples = ("{names.thing}", "{names.helper[1:]}")

    def wanted(self, value):
        return {wanted}

    def owners(self, fields):
        return ({owner},) if fields.owner is not None else Unproven.ABSENT


@hookimpl
def register_scopes(register):
    register(OwnerScope)
'''


MISTAKES = {
    "state between events": Mistake("source.privacy", _state),
    "values in reasons, logs, warnings": Mistake("source.privacy", _text_of_values),
    "clock, chance, files, network": Mistake("source.purity", _outside),
    "changes to the host": Mistake("source.privacy source.purity", _host),
    "values taken out of texts": Mistake("privacy.non-interference", _value_in_a_text),
    "addresses of other forms": Mistake("behaviour.valid", _other_platform),
    "scopes that take one for another": Mistake("stage.scope", _scope),
}
"""Kinds of mistakes that authors make; what means harm is the audit's."""
