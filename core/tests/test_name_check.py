"""`tools/names.py` finds every way in which Python gives a value a name."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
spec = importlib.util.spec_from_file_location("name_check", ROOT / "tools" / "names.py")
assert spec is not None
assert spec.loader is not None
name_check = importlib.util.module_from_spec(spec)
spec.loader.exec_module(name_check)


@pytest.mark.parametrize(
    "code",
    [
        "one = 1",
        "one: int",
        "one += 1",
        "first, (*one,) = many",
        "self._one = 1",
        "for one in many: pass",
        "for key, one in many: pass",
        "[key for one in many]",
        "{key: key for key, one in many}",
        "with open(path) as one: pass",
        "if one := first(): pass",
        "def serve(one): pass",
        "def serve(one, /): pass",
        "def serve(*, one=1): pass",
        "def serve(*one): pass",
        "def serve(**one): pass",
        "lambda one: 1",
        "class Row:\n    one: int = 1",
        "try: pass\nexcept OSError as one: pass",
        "match value:\n    case [Point(x=one)]: pass",
        "match value:\n    case [*one]: pass",
        "match value:\n    case {'key': 1, **one}: pass",
        "import module as one",
    ],
)  # fmt: skip
def test_an_empty_name_is_found_wherever_it_is_given(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(name_check, "ROOT", tmp_path)
    (tmp_path / "module.py").write_text(code)
    (problem,) = name_check.empty_names(tmp_path / "module.py")
    assert problem.endswith(
        ": _one does not say what the value is" if "_one" in code else ": one does not say what the value is"
    )


@pytest.mark.parametrize("code", ["many[one]", "serve(one=1)", "value.one", "'one'", "someone = 1"])
def test_using_a_name_is_not_giving_it(code: str, tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text(code)
    assert not list(name_check.empty_names(tmp_path / "module.py"))
