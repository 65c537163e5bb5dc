"""Write the pages of the documentation that are derived from the code: never edit them by hand.

python docs/generate.py            write them
python docs/generate.py --check    exit with 1 and say which is stale
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from learnrelay.families import Transformer
from learnrelay.fields import declared_paths
from learnrelay.plugins.discovery import installed, load, select
from learnrelay.plugins.registry import Registry, collect
from learnrelay_caliper import departures

HERE = Path(__file__).parent
OURS = ("xapi", "caliper")


def registry() -> Registry:
    """Everything that this repository's own packages contribute."""
    infos = [info for info in select(installed(), ["*"]) if info.distribution.startswith("learnrelay")]
    return collect([(info, load(info)) for info in infos])


def mapping_page(found: Registry) -> str:
    """Every mapped event: what is said of it, by which mapping, from which source fields."""
    lines = [
        "# Mappings",
        "",
        "Generated from the declarations by `make docs`. Fields in **bold** are required: an event without them fails",
        "with their name. Every standard also reads its common fields, listed first.",
    ]
    for standard in OURS:
        common = "; ".join(dict.fromkeys(paths(found.standards[standard].common)))
        lines += ["", f"## {standard}", "", f"Common fields: {common}"]
        families = sorted({one.family for one in found.transformers if one.standard == standard})
        for family in families:
            lines += ["", f"### {family}", "", "| event | says | what it means | reads |", "|---|---|---|---|"]
            lines += [row(one) for one in found.transformers if one.family == family]
    return "\n".join(lines) + "\n"


def row(transformer: Transformer) -> str:
    """One mapping as a row."""
    events = "<br>".join(f"`{event}`" for event in transformer.events)
    says = "<br>".join(f"{name}: {in_words(value)}" for name, value in transformer.constants.items())
    reads = "<br>".join(paths(transformer.reads))
    return f"| {events} | {says} | {transformer.about} | {reads} |"


def paths(fields: Any) -> Iterator[str]:
    """Source paths of a declaration, one text for each field; fallbacks after ``else``."""
    seen: dict[str, list[str]] = {}
    needed = set()
    for name, path, field in declared_paths(fields):
        seen.setdefault(f"{path.rpartition('*')[0]}{name}", []).append(path)
        if field.needed:
            needed.add(f"{path.rpartition('*')[0]}{name}")
    for key, found in seen.items():
        text = " else ".join(found)
        yield f"**{text}**" if key in needed else text


def in_words(constant: Any) -> str:
    """A constant of a declaration: vocabulary by its word, several with a bar between them."""
    if isinstance(constant, tuple) and hasattr(constant, "word"):
        return str(constant.word)
    if isinstance(constant, tuple):
        return " or ".join(in_words(one) for one in constant)
    return str(constant)


PAGES: dict[str, Callable[[Registry], str]] = {
    "mapping.md": mapping_page,
    "caliper-departures.md": lambda _found: departures.page(),
}


def main() -> int:
    """Write or check all pages."""
    found = registry()
    stale = []
    for name, page in PAGES.items():
        text = page(found)
        path = HERE / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            if "--check" not in sys.argv:
                path.write_text(text, encoding="utf-8")
    if stale:
        verb = "stale, run python docs/generate.py" if "--check" in sys.argv else "written"
        print(f"{', '.join(stale)}: {verb}")
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
