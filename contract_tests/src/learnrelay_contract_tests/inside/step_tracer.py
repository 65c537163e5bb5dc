"""Traces a plugin's code step by step: which code never runs, and where it calls clock or chance.

The audit events of `AuditHook` show neither. Tracing is slow, so it runs in a process of its own.
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

CLOCK, CHANCE, PLACE = "reads the clock", "uses chance", "reads what differs from process to process"

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
"""Functions of the clock that mean now if they get no more arguments than this."""

_SHARED = getattr(random, "_inst", None)
_QUIET = ("logging", "threading", "queue", "concurrent")
"""Parts of the standard library that read the clock for themselves and return nothing of it."""

Key = tuple[str, str, int]
"""File, qualified name and first line of a function."""


class StepTracer:
    """Records the steps of code below ``roots``, and calls of the clock while it traces."""

    def __init__(self, roots: Sequence[str]) -> None:
        self.roots = tuple(roots)
        self.stdlib = str(Path(os.__file__).parent) + os.sep
        self.importing = False
        self.steps: dict[Key, set[tuple[int, int]]] = {}
        self.impure_calls: dict[tuple[str, str], None] = {}
        self._outermost: FrameType | None = None
        """The frame of the plugin's code below which all is the plugin's doing."""

    @contextmanager
    def tracing(self, importing: bool = False) -> Iterator[None]:
        """Traces what runs inside the context; calls of built-in functions only where the plugin's code runs."""
        self.importing = importing
        sys.settrace(self._trace_call)
        try:
            yield
        finally:
            sys.setprofile(None)
            sys.settrace(None)

    # --- which code runs ----------------------------------------------------------------------------------

    def _trace_call(self, frame: FrameType, event: str, _: Any) -> Callable[..., Any] | None:
        code = frame.f_code
        if not code.co_filename.startswith(self.roots):
            return None
        if sys.getprofile() is None:
            self._outermost = frame
            sys.setprofile(self._profile_call)
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

    def find_unreached(self, files: Sequence[str]) -> list[dict[str, Any]]:
        """Lists functions and lines that never ran, and conditions that always decided alike, with their places."""
        gaps: list[dict[str, Any]] = []
        for file in files:
            module = compile(Path(file).read_bytes(), file, "exec", dont_inherit=True)
            for code in _functions(module):
                steps = self.steps.get(_key(code))
                if steps is not None:
                    gaps += ({"file": file, **gap} for gap in _find_gaps(code, steps))
                elif not _lies_in_gap(code, gaps, file):
                    end = max((line for _, _, line in code.co_lines() if line), default=code.co_firstlineno)
                    gaps.append({"file": file, "what": "function", "name": code.co_qualname,
                                  "line": code.co_firstlineno, "end": end})  # fmt: skip
        return gaps

    # --- clock and chance ---------------------------------------------------------------------------------

    def _profile_call(self, frame: FrameType, event: str, called: Any) -> None:
        if event != "c_call":
            if event == "return" and frame is self._outermost:
                self._outermost = None
                sys.setprofile(None)
            return
        what = _meaning(called, frame)
        if what is None:
            return
        place = self._calling_line(frame, what)
        if place is not None:
            name = getattr(called, "__qualname__", getattr(called, "__name__", "?"))
            self.impure_calls.setdefault((f"{what} ({name})", place))

    def _calling_line(self, frame: FrameType | None, what: str) -> str | None:
        """Returns ``file:line`` of the plugin's code behind a call; None if other code caused it."""
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
    """Returns what a built-in function reads besides its arguments; None for nothing."""
    owner, name = getattr(called, "__self__", None), getattr(called, "__name__", "")
    if isinstance(owner, type):
        return CLOCK if issubclass(owner, date) and name in ("now", "utcnow", "today") else None
    if isinstance(owner, random.Random):
        return CHANCE if owner is _SHARED or isinstance(owner, random.SystemRandom) else None
    try:
        if called in _WITHOUT_MOMENT:
            return CLOCK if _argument_count(frame) <= _WITHOUT_MOMENT[called] else None
        return _ALWAYS.get(called)
    except TypeError:  # a method of an unhashable object
        return None


def _argument_count(frame: FrameType) -> int:
    """Returns the number of arguments of the call that a frame executes; 99 if it is unknown."""
    instruction = frame.f_code.co_code[frame.f_lasti : frame.f_lasti + 2]
    return instruction[1] if dis.opname[instruction[0]] in ("CALL", "PRECALL", "CALL_KW") else 99


def _functions(code: CodeType) -> Iterator[CodeType]:
    """Yields the code of all functions below a module's; bodies of modules and classes run at import."""
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            if inner.co_flags & _OPTIMIZED:
                yield inner
            yield from _functions(inner)


_OPTIMIZED = 0x1
"""Flag of code that has local variables of its own: functions, not classes."""


def _lies_in_gap(code: CodeType, gaps: Sequence[dict[str, Any]], file: str) -> bool:
    """Tells whether the function lies in a reported function or on a reported line."""
    return any(
        gap["file"] == file and gap["what"] != "condition" and gap["line"] <= code.co_firstlineno <= gap["end"]
        for gap in gaps
    )


_NO_STEP = frozenset({
    "CACHE", "EXTENDED_ARG", "RESUME", "NOP", "COPY_FREE_VARS", "MAKE_CELL", "RETURN_GENERATOR", "PUSH_EXC_INFO",
    "RERAISE", "COPY", "POP_EXCEPT", "SWAP", "POP_TOP", "CHECK_EXC_MATCH", "CALL_INTRINSIC_1", "END_FOR", "POP_ITER",
})  # fmt: skip
"""Instructions that the compiler adds: a line with no others is not the author's."""
_NO_CHOICE = ("CHECK_EXC_MATCH", "WITH_EXCEPT_START", "SEND", "MATCH_SEQUENCE", "MATCH_MAPPING")
"""Instructions before a jump that the compiler adds: a pattern for a tuple asks whether the tuple is a sequence."""


def _find_gaps(code: CodeType, steps: set[tuple[int, int]]) -> Iterator[dict[str, Any]]:
    """Yields the lines of a function that never ran, and conditions of which one branch was never taken."""
    listed = list(dis.get_instructions(code))
    real: dict[int, int] = {}
    for instruction, following in zip(listed, [*listed[1:], None], strict=True):
        if instruction.opname == "EXTENDED_ARG" and following is not None:
            real[instruction.offset] = following.offset
    for instruction in reversed(listed):
        if instruction.offset in real:
            real[instruction.offset] = real.get(real[instruction.offset], real[instruction.offset])
    arcs = {(real.get(a, a), real.get(b, b)) for a, b in steps}
    ran = {offset for _, offset in arcs}
    lines: dict[int, bool] = {}
    for instruction in listed:
        line = instruction.positions.lineno if instruction.positions else None
        if line is not None and instruction.opname not in _NO_STEP:
            lines[line] = lines.get(line, False) or instruction.offset in ran
    missed = {line for line, reached in lines.items() if not reached}
    for line in sorted(missed):
        yield {"what": "line", "line": line, "end": line}
    kept = [instruction for instruction in listed if instruction.opname not in ("CACHE", "EXTENDED_ARG")]
    for number, instruction in enumerate(kept[:-1]):
        if instruction.offset not in ran or not instruction.opname.startswith(("POP_JUMP", "JUMP_IF")):
            continue
        if number and kept[number - 1].opname in _NO_CHOICE:
            continue
        if number > 2 and kept[number - 3].opname == "GET_LEN":  # and how long it is
            continue
        ways = (
            kept[number + 1],
            next((k for k in kept if k.offset == real.get(instruction.argval, instruction.argval)), None),
        )
        for way in ways:
            if way is None or (instruction.offset, way.offset) in arcs or way.opname == "LOAD_ASSERTION_ERROR":
                continue
            at = instruction.positions
            if at is None or at.lineno is None or (way.positions and way.positions.lineno in missed):
                continue
            yield {"what": "condition", "line": at.lineno, "end": at.end_lineno, "from": at.col_offset,
                   "to": at.end_col_offset}  # fmt: skip
