"""What a mapping compares with is found in its source, in all that it calls, and in the tables that it looks up."""

from __future__ import annotations

from pathlib import Path

from learnrelay.privacy.literals import literals_of_files, literals_of_function, texts_of_files

TABLE = {"video": "play", "exam": "submit"}


def kind_of(name: str) -> str:
    return TABLE.get(name, "other") if name.startswith("edx.") else ""


def mapping(name: str, level: int) -> str | None:
    if name == "browser" or name in {"mobile", "server"} or level > 7:
        return kind_of(name)
    match name:
        case "special":
            return "never compared"
    return None


def test_comparisons_calls_and_tables_of_a_function() -> None:
    literals = literals_of_function(mapping)
    assert {"browser", "mobile", "server", 7, "special", "video", "exam"} <= set(literals)
    assert not {"never compared", "play", "submit", "edx."} & set(literals)


def test_a_function_without_a_source_has_none() -> None:
    made: dict[str, object] = {"__name__": __name__}
    exec("def without(name):\n    return name == 'nowhere'", made)
    assert literals_of_function(made["without"]) == []  # type: ignore[arg-type]


def test_comparisons_and_tables_of_files(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def (")
    (tmp_path / "sound.py").write_text('TABLE = {"a": 1}\ndef f(x): return x["b"] if x == "c" else "d"\n')
    files = sorted(tmp_path.iterdir())
    assert literals_of_files(files) == ["a", "c", "b"]
    assert set(texts_of_files(files)) == {"a", "b", "c", "d"}
