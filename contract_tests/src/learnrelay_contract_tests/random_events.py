"""Makes events of random values at declared paths, and shrinks those that show a fault, with hypothesis.

A module of its own, because to import hypothesis takes longer than most checks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import HypothesisException

from learnrelay.privacy.samples import put

from .samples import Event, build, message_of, value_for
from .subject import Case, Subject

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abcid_1", max_size=4), inner, max_size=3),
    max_leaves=4,
)  # fmt: skip


class _FaultFoundError(Exception):
    pass


def explore_combinations(
    subject: Subject, case: Case, paths: list[str], find_fault: Callable[[list[dict[str, Any]]], str | None]
) -> str | None:
    """Explores combinations of values. Returns the minimal event that shows a fault, or None.

    find_fault: outcomes of an event → what is wrong with them.
    """
    minimal: list[tuple[Event, str]] = []
    if not paths:
        return None
    kept = {field.name: (field.paths[0], value_for(field)) for field in case.fields if not field.is_key}

    @seed(subject.seed)
    @settings(
        max_examples=8 if subject.quick else 15, database=None, deadline=None, derandomize=False,
        phases=[Phase.generate, Phase.shrink], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.lists(st.dictionaries(st.sampled_from(paths), _JSON, min_size=1, max_size=3), min_size=1, max_size=8))
    def explore(several: list[dict[str, Any]]) -> None:
        events = []
        for changes in several:
            event = build(case.event, case.fields, kept)
            for path, value in changes.items():
                put(event, path, value)
            events.append(event)
        texts = subject.run([message_of(event, "object") for event in events]).outcomes
        for event, text in zip(events, texts, strict=True):
            if fault := find_fault(subject.parse(text)):
                minimal.append((event, fault))
                raise _FaultFoundError

    try:
        explore()
    except _FaultFoundError:
        event, fault = minimal[-1]
        return f"{fault}; a minimal event: {orjson.dumps(event).decode()}"
    except HypothesisException as error:
        return f"{type(error).__name__}: the same event gives different outcomes"
    return None
