"""Watching a plugin's code step by step: which of it never runs, and where it asks for the time or for chance.

The audit events of `Guard` tell of neither. It is slow, so it is done in a process of its own.
"""

from __future__ import annotations

import dis
import os
import random
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

CLOCK, CHANCE, PLACE = "reads the clock", "uses chance", "asks for what differs from process to process"

_ALWAYS: dict[Any, str] = {
    **{
        getattr(time, name): CLOCK
        for name in (
            "time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "process_time",
            "process_time_ns", "thread_time", "thread_time_ns", "clock_gettime", "clock_gettime_ns",
        )
        if hasattr(time, name)
    },
    os.times: CLOCK,
    os.urandom: CHANCE,
    id: PLACE,
    hash: PLACE,
}  # fmt: skip
for _module, _name in ((os, "getrandom"), (uuid, "_generate_time_safe"), (uuid, "_UuidCreate")):
    if getattr(_module, _name, None) is not None:
        _ALWAYS[getattr(_module, _name)] = CHANCE

_WITHOUT_MOMENT = {time.localtime: 0, time.gmtime: 0, time.ctime: 0, time.asctime: 0, time.strftime: 1}
"""Functions of the clock when they get no more arguments than this: they then mean now."""

_SHARED = getattr(random, "_inst", None)
_QUIET = ("logging", "threading", "queue", "concurrent")
"""Parts of the standard library that look at the clock for themselves and say nothing of it."""

Key = tuple[str, str, int]
"""File, qualified name and first line of a function."""


class Observer:
    """Counts steps of code below ``roots``, and hears calls of the clock while it watches."""

    def __init__(self, roots: Sequence[str]) -> None:
        self.roots = tuple(roots)
        self.stdlib = str(Path(os.__file__).parent) + os.sep
        self.importing = False
        self.steps: dict[Key, set[tuple[int, int]]] = {}
        self.heard: dict[tuple[str, str], None] = {}

    @contextmanager
    def watching(self, importing: bool = False) -> Iterator[None]:
        """Watch what runs meanwhile."""
        self.importing = importing
        sys.settrace(self._called)
        sys.setprofile(self._profile)
        try:
            yield
        finally:
            sys.setprofile(None)
            sys.settrace(None)

    # --- which code runs ----------------------------------------------------------------------------------

    def _called(self, frame: FrameType, event: str, _: Any) -> Callable[..., Any] | None:
        code = frame.f_code
        if event != "call" or not code.co_filename.startswith(self.roots):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        steps = self.steps.setdefault(_key(code), set())
        last = -1

        def step(frame: FrameType, event: str, _: Any) -> Callable[..., Any]:
            nonlocal last
            if event == "opcode":
                steps.add((last, frame.f_lasti))
                last = frame.f_lasti
            return step

        return step

    def unreached(self, files: Sequence[str]) -> list[dict[str, Any]]:
        """Functions and lines that never ran, conditions that always decided alike: ``what``, place in the source."""
        found: list[dict[str, Any]] = []
        for file in files:
            module = compile(Path(file).read_bytes(), file, "exec", dont_inherit=True)
            for code in _functions(module):
                steps = self.steps.get(_key(code))
                if steps is not None:
                    found += ({"file": file, **one} for one in _gaps(code, steps))
                elif not _inside(code, found, file):
                    end = max((line for _, _, line in code.co_lines() if line), default=code.co_firstlineno)
                    found.append({"file": file, "what": "function", "name": code.co_qualname,
                                  "line": code.co_firstlineno, "end": end})  # fmt: skip
        return found

    # --- clock and chance ---------------------------------------------------------------------------------

    def _profile(self, frame: FrameType, event: str, called: Any) -> None:
        if event != "c_call":
            return
        what = _meaning(called, frame)
        if what is None:
            return
        place = self._culprit(frame, what)
        if place is not None:
            name = getattr(called, "__qualname__", getattr(called, "__name__", "?"))
            self.heard.setdefault((f"{what} ({name})", place))

    def _culprit(self, frame: FrameType | None, what: str) -> str | None:
        """``file:line`` of the plugin's code that is behind a call; None where it is somebody else's."""
        while frame is not None:
            file = frame.f_code.co_filename
            if file.startswith(self.roots):
                written = frame.f_code.co_name != "__hash__" and not (what == PLACE and self.importing)
                return f"{file}:{frame.f_lineno}" if written else None
            module = file.removeprefix(self.stdlib).partition(os.sep)[0].removesuffix(".py")
            if what == PLACE or not file.startswith(self.stdlib) or module in _QUIET or module == "site-packages":
                return None
            frame = frame.f_back
        return None


def _key(code: CodeType) -> Key:
    return code.co_filename, code.co_qualname, code.co_firstlineno


def _meaning(called: Any, frame: FrameType) -> str | None:
    """What a call of a built-in function asks for, besides computing."""
    owner, name = getattr(called, "__self__", None), getattr(called, "__name__", "")
    if isinstance(owner, type):
        return CLOCK if issubclass(owner, date) and name in ("now", "utcnow", "today") else None
    if isinstance(owner, random.Random):
        return CHANCE if owner is _SHARED or isinstance(owner, random.SystemRandom) else None
    try:
        if called in _WITHOUT_MOMENT:
            return CLOCK if _given(frame) <= _WITHOUT_MOMENT[called] else None
        return _ALWAYS.get(called)
    except TypeError:  # a method of what has no hash
        return None


def _given(frame: FrameType) -> int:
    """Number of arguments of the call that a frame is at; many where it cannot be seen."""
    instruction = frame.f_code.co_code[frame.f_lasti : frame.f_lasti + 2]
    return instruction[1] if dis.opname[instruction[0]] in ("CALL", "PRECALL", "CALL_KW") else 99


def _functions(code: CodeType) -> Iterator[CodeType]:
    """Code of all functions below a module's; bodies of modules and classes run at import."""
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            if inner.co_flags & _OPTIMIZED:
                yield inner
            yield from _functions(inner)


_OPTIMIZED = 0x1
"""Flag of code that has local variables of its own: functions, not classes."""


def _inside(code: CodeType, found: Sequence[dict[str, Any]], file: str) -> bool:
    """Whether it lies in a function or on a line that is told already."""
    return any(
        one["file"] == file and one["what"] != "condition" and one["line"] <= code.co_firstlineno <= one["end"]
        for one in found
    )


_NO_STEP = frozenset({
    "CACHE", "EXTENDED_ARG", "RESUME", "NOP", "COPY_FREE_VARS", "MAKE_CELL", "RETURN_GENERATOR", "PUSH_EXC_INFO",
    "RERAISE", "COPY", "POP_EXCEPT", "SWAP", "POP_TOP", "CHECK_EXC_MATCH", "CALL_INTRINSIC_1", "END_FOR", "POP_ITER",
})  # fmt: skip
"""Instructions that the compiler adds: a line that has no others is no line of its author."""
_NO_CHOICE = ("CHECK_EXC_MATCH", "WITH_EXCEPT_START", "SEND")


def _gaps(code: CodeType, steps: set[tuple[int, int]]) -> Iterator[dict[str, Any]]:
    """Lines of a function that never ran, and conditions of which one way was never taken."""
    listed = list(dis.get_instructions(code))
    real: dict[int, int] = {}
    for one, following in zip(listed, [*listed[1:], None], strict=True):
        if one.opname == "EXTENDED_ARG" and following is not None:
            real[one.offset] = following.offset
    for one in reversed(listed):
        if one.offset in real:
            real[one.offset] = real.get(real[one.offset], real[one.offset])
    arcs = {(real.get(a, a), real.get(b, b)) for a, b in steps}
    ran = {offset for _, offset in arcs}
    lines: dict[int, bool] = {}
    for one in listed:
        line = one.positions.lineno if one.positions else None
        if line is not None and one.opname not in _NO_STEP:
            lines[line] = lines.get(line, False) or one.offset in ran
    missed = {line for line, reached in lines.items() if not reached}
    for line in sorted(missed):
        yield {"what": "line", "line": line, "end": line}
    kept = [one for one in listed if one.opname not in ("CACHE", "EXTENDED_ARG")]
    for number, one in enumerate(kept[:-1]):
        if one.offset not in ran or not one.opname.startswith(("POP_JUMP", "JUMP_IF")):
            continue
        if number and kept[number - 1].opname in _NO_CHOICE:
            continue
        ways = (kept[number + 1], next((k for k in kept if k.offset == real.get(one.argval, one.argval)), None))
        for way in ways:
            if way is None or (one.offset, way.offset) in arcs or way.opname == "LOAD_ASSERTION_ERROR":
                continue
            at = one.positions
            if at is None or at.lineno is None or (way.positions and way.positions.lineno in missed):
                continue
            yield {"what": "condition", "line": at.lineno, "end": at.end_lineno, "from": at.col_offset,
                   "to": at.end_col_offset}  # fmt: skip
