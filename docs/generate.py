"""Writes the pages of the documentation that are derived from the code: never edit them by hand.

python docs/generate.py            write them
python docs/generate.py --check    exit with 1 and say which is stale
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from learnrelay.fields import declared_paths
from learnrelay.mapping import Transformer
from learnrelay.plugins.discovery import installed, load, optional_families, select
from learnrelay.plugins.registry import Registry, collect
from learnrelay_openedx import caliper_departures

HERE = Path(__file__).parent
STANDARDS = ("xapi", "caliper")


def registry() -> Registry:
    """Collects everything that this repository's own packages contribute."""
    plugins = installed()
    sources = [info.name for info in plugins if info.kind == "sources"]
    chosen = select(plugins, ["*", *optional_families(plugins), *sources])
    infos = [info for info in chosen if info.distribution.startswith("learnrelay")]
    return collect([(info, load(info)) for info in infos])


def mapping_page(contributed: Registry) -> str:
    """Lists every mapped event: the constants of its statement, its mapping, the source fields that it reads."""
    lines = [
        "# Mappings",
        "",
        "Generated from the declarations by `make docs`. Fields in **bold** are required: an event without them fails",
        "with their name.",
    ]
    for source in contributed.sources.values():
        facts = "; ".join(dict.fromkeys(paths(source.facts)))
        lines += ["", f"Facts, read once for all standards (source `{source.name}`): {facts}"]
    optional = optional_families(installed())
    for standard in STANDARDS:
        lines += ["", f"## {standard}"]
        families = sorted({mapping.family for mapping in contributed.transformers if mapping.standard == standard})
        for family in families:
            lines += ["", f"### {family}", ""]
            if family in optional:
                lines += ["Off by default: its exact name in `[plugins] enabled` enables it.", ""]
            lines += ["| event | constants | what it means | reads |", "|---|---|---|---|"]
            lines += [row(mapping) for mapping in contributed.transformers if mapping.family == family]
    return "\n".join(lines) + "\n"


def row(transformer: Transformer) -> str:
    """Writes one mapping as a row."""
    events = "<br>".join(f"`{event}`" for event in transformer.events)
    constants = "<br>".join(f"{name}: {in_words(value)}" for name, value in transformer.constants.items())
    reads = "<br>".join(paths(transformer.reads))
    return f"| {events} | {constants} | {transformer.about} | {reads} |"


def paths(fields: Any) -> Iterator[str]:
    """Yields the source paths of a declaration, one text for each field; fallbacks after ``else``."""
    paths_of: dict[str, list[str]] = {}
    needed = set()
    for name, path, field in declared_paths(fields):
        paths_of.setdefault(f"{path.rpartition('*')[0]}{name}", []).append(path)
        if field.needed:
            needed.add(f"{path.rpartition('*')[0]}{name}")
    for key, fallbacks in paths_of.items():
        text = " else ".join(fallbacks)
        yield f"**{text}**" if key in needed else text


def in_words(constant: Any) -> str:
    """Writes a constant of a declaration: vocabulary by its word, of several all."""
    if isinstance(constant, tuple) and hasattr(constant, "word"):
        return str(constant.word)
    if isinstance(constant, tuple):
        return " or ".join(in_words(value) for value in constant)
    return str(constant)


PAGES: dict[str, Callable[[Registry], str]] = {
    "mapping.md": mapping_page,
    "caliper-departures.md": lambda _contributed: caliper_departures.page(),
}


def main() -> int:
    """Writes or checks all pages."""
    contributed = registry()
    stale = []
    for name, page in PAGES.items():
        text = page(contributed)
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
