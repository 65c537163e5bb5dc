"""The lock: which change of an output asks for which version, end to end through the harness and by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from house import ZOO, install, judged, told
from hypothesis import given
from hypothesis import strategies as st

from learnrelay_contract_tests import lock
from learnrelay_contract_tests.runner import FAILED, PASSED, Report, Result, write_locks

SOURCE = (ZOO / "good" / "plainest.py").read_text(encoding="utf-8")
SAYS = 'return {"object": site.iri("poll", poll.id), "choice": poll.choice}'
ANOTHER = '''

@family.maps("zoo.closed", reads=Poll)
def closed(poll, site):
    """Closed."""
    return {"object": site.iri("poll", poll.id)}
'''


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a plugin of version 1.4.0 and its lock."""
    directory = tmp_path_factory.mktemp("locked")
    name = install(SOURCE + ANOTHER, directory, "1.4.0")
    verdict = judged(str(directory), name, lock=True)
    assert verdict.passed, told(verdict)
    (written,) = write_locks(Report([verdict]))
    assert written == directory / "acme_zoo" / "contract.lock.json"
    return directory


def against_the_lock(directory: Path, source: str, version: str) -> Result:
    name = install(source, directory, version)
    verdict = judged(str(directory), name, only=["versions.lock"])
    return next(result for result in verdict.results if result.check == "versions.lock")


CASES: dict[str, tuple[str, str, str]] = {
    # what changes: (source, the first version that may do it, one that may not)
    "nothing": (SOURCE + ANOTHER, "1.4.0", ""),
    "a field is added": (
        (SOURCE + ANOTHER).replace(SAYS, SAYS.replace("}", ', "more": "x"}')),
        "1.5.0",
        "1.4.1",
    ),
    "an event is added": (
        SOURCE + ANOTHER + ANOTHER.replace("closed", "opened"),
        "1.5.0",
        "1.4.9",
    ),
    "a field is removed": ((SOURCE + ANOTHER).replace(', "choice": poll.choice', ""), "2.0.0", "1.9.0"),
    "a field is renamed": ((SOURCE + ANOTHER).replace('"choice": poll', '"selected": poll'), "2.0.0", "1.5.0"),
    "a scalar becomes a list": (
        (SOURCE + ANOTHER).replace('"choice": poll.choice', '"choice": None if poll.choice is None else [poll.choice]'),
        "2.0.0",
        "1.5.0",
    ),
    "an event is removed": (SOURCE, "2.0.0", "1.5.0"),
    "a field is no longer in every statement": (
        (SOURCE + ANOTHER).replace(SAYS, f"said = {SAYS[7:]}\n    return said if poll.choice else {{}}"),
        "2.0.0",
        "1.5.0",
    ),
}


@pytest.mark.parametrize("change", CASES)
def test_a_change_asks_for_its_version(change: str, locked: Path) -> None:
    source, enough, too_little = CASES[change]
    result = against_the_lock(locked, source, enough)
    assert result.status == PASSED, result.findings
    if too_little:
        result = against_the_lock(locked, source, too_little)
        assert result.status == FAILED
        assert "new m" in result.findings[0].message, "the report says which version is due"


def shape(**more: Any) -> dict[str, lock.Shape]:
    entry = {"types": ["text"], "always": True}
    return {"e": {"a": dict(entry), "b": {**entry, **more}}}


def test_a_must_of_the_specification_can_never_go() -> None:
    before = shape(specification=True)
    (change,) = lock.compare(before, {"e": {"a": before["e"]["a"]}})
    assert change.bump == lock.NEVER
    (change,) = lock.compare(before, shape(always=False))
    assert change.bump == lock.NEVER


def test_a_constant_is_a_promise() -> None:
    (change,) = lock.compare(
        shape(constant="http://adlnet.gov/expapi/verbs/passed"), shape(constant="http://example.org/x")
    )
    assert change.bump == lock.MAJOR
    assert not lock.compare(shape(), shape(constant="x"))


def test_a_lock_that_is_none_is_said(locked: Path) -> None:
    file = locked / "acme_zoo" / "contract.lock.json"
    kept = file.read_bytes()
    try:
        file.write_text("{}")
        assert against_the_lock(locked, SOURCE + ANOTHER, "1.4.0").status == FAILED
    finally:
        file.write_bytes(kept)


@pytest.mark.parametrize(
    ("old", "new", "bump"),
    [
        ("1.4.0", "1.4.0", lock.PATCH), ("1.4.0", "1.3.0", lock.PATCH), ("1.4.0", "1.4.1", lock.PATCH),
        ("1.4.0", "1.5.0", lock.MINOR), ("1.4.2", "2.0.0", lock.MAJOR), ("1.4", "2.0", lock.MAJOR),
        ("0.3.1", "0.3.2", lock.MINOR), ("0.3.1", "0.4.0", lock.MAJOR), ("0.3.1", "1.0.0", lock.MAJOR),
        ("0.0.3", "0.0.4", lock.MAJOR), ("1.4.0", "1.5.0rc1", lock.MINOR), ("9.0.0", "10.0.0", lock.MAJOR),
    ],
)  # fmt: skip
def test_bumps(old: str, new: str, bump: int) -> None:
    assert lock.bump_between(old, new) == bump


_json = st.recursive(
    st.text(max_size=4) | st.integers(0, 9) | st.booleans(),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "b", "http://x.org/y"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(statement=st.dictionaries(st.sampled_from(["id", "a", "b"]), _json, min_size=1))
def test_a_shape_names_what_is_there(statement: dict[str, Any]) -> None:
    """Equal to itself; and each of its paths can be found again and taken out."""
    import orjson

    text = orjson.dumps(statement).decode()
    told_shape = lock.shape_of([text])
    assert not lock.compare({"e": told_shape}, {"e": lock.shape_of([text, text])})
    for path in told_shape:
        shorter = lock.without(text, path)
        if not path.endswith("[]"):
            assert shorter is not None
            assert shorter != text
