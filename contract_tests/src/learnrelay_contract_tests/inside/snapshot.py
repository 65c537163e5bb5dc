"""Records the state of the host before the plugin is imported, and everything that is logged."""

from __future__ import annotations

import dataclasses
import logging
import sys
import threading
from collections.abc import Collection
from types import ModuleType
from typing import Any


class HostSnapshot:
    """Records the parts of the host, to find what a plugin has changed."""

    def __init__(self, modules: Collection[str] = ()) -> None:
        """Takes ``modules``: names of further modules that belong to the host."""
        self.modules = frozenset(modules)
        self.known: list[tuple[str, Any, str, Any]] = []
        self.attributes: list[tuple[str, type, set[str]]] = []
        for name, module in list(sys.modules.items()):
            ours = name.partition(".")[0] == "learnrelay" or name in modules
            if ours or name in (
                "builtins",
                "orjson",
                "json",
                "logging",
                "hashlib",
                "hmac",
                "uuid",
                "datetime",
                "pluggy",
            ):
                self._take(name, module)
                for key, value in list(vars(module).items()):
                    if isinstance(value, type) and value.__module__ == name:
                        self._take(f"{name}.{key}", value)
        self.audit = (sys.gettrace(), sys.getprofile(), threading.active_count())

    def _take(self, name: str, holder: Any) -> None:
        if isinstance(holder, type):
            self.attributes.append((name, holder, set(vars(holder))))
        for key, value in list(vars(holder).items()):
            if key in ("__builtins__", "_abc_impl", "__warningregistry__", "_", "__annotations__", "_cache", "_hooks"):
                continue
            self.known.append((name, holder, key, value))
            code = getattr(value, "__code__", None)
            if code is not None:
                self.known.append((f"{name}.{key}", value, "__code__", code))
            elif (name.startswith("learnrelay.") or name in self.modules) and isinstance(value, (dict, list, set)):
                self.known.append((name, holder, f"{key}()", (value, _content(value))))

    def watch_settings(self, name: str, holder: Any) -> None:
        """Adds the field values of a frozen dataclass."""
        for field in dataclasses.fields(holder):
            value = getattr(holder, field.name)
            self.known.append((name, holder, field.name, value))
            if isinstance(value, (dict, list, set)):
                self.known.append((name, holder, f"{field.name}()", (value, _content(value))))

    def watch_object(self, name: str, holder: Any) -> None:
        """Adds the attributes of an object."""
        self.known.append((name, holder, "__dict__()", (vars(holder), _content(vars(holder)))))

    def find_changes(self) -> list[str]:
        """Returns the names of the parts that have changed."""
        names = []
        for name, holder, key, value in self.known:
            if key.endswith("()"):
                same = _content(value[0]) == value[1]
            elif isinstance(holder, (type, ModuleType)):
                same = vars(holder).get(key, _GONE) is value
            else:
                same = getattr(holder, key, _GONE) is value
            if not same:
                names.append(f"{name}.{key.removesuffix('()')}")
        for name, holder, before in self.attributes:
            names += [f"{name}.{key}" for key in vars(holder).keys() - before if key not in _MADE_BY_PYTHON]
        if (sys.gettrace(), sys.getprofile()) != self.audit[:2]:
            names.append("sys (trace or profile function)")
        if threading.active_count() > self.audit[2]:
            names.append("threading (a thread is running)")
        return sorted(set(names))


_GONE = object()


def _content(value: Any) -> Any:
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    return {key if isinstance(value, dict) else id(item): id(item) for key, item in pairs}


_MADE_BY_PYTHON = frozenset(
    {"__slotnames__", "__abstractmethods__", "__annotations__", "__annotations_cache__", "__annotate_func__"}
)

_USUAL = frozenset(vars(logging.makeLogRecord({})))


class LogCapture:
    """Captures every log record that is made, whatever its logger."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.made: list[logging.LogRecord] = []
        make = logging.getLogRecordFactory()

        def factory(*args: Any, **kwargs: Any) -> logging.LogRecord:
            record = make(*args, **kwargs)
            if len(self.seen) < 10_000:
                try:
                    text = record.getMessage()
                except Exception:
                    text = f"{record.msg!r} {record.args!r}"
                if record.exc_info and record.exc_info[1] is not None:
                    text += f" {record.exc_info[1]!r}"
                self.seen.append(f"{record.name}: {text}")
                self.made.append(record)
            return record

        logging.setLogRecordFactory(factory)
        logging.getLogger().addHandler(logging.NullHandler())
        logging.getLogger().setLevel(logging.DEBUG)
        logging.getLogger("learnrelay").setLevel(logging.WARNING)

    def clear(self) -> None:
        """Clears the captured records."""
        self.seen.clear()
        self.made.clear()

    def texts(self) -> list[str]:
        """Returns the texts of all records, and their ``extra`` values, which formatters may print."""
        extras = [
            f"{key}={value!r}" for record in self.made for key, value in vars(record).items() if key not in _USUAL
        ]
        return [*self.seen[:500], *extras[:500]]
