"""Writes the pages of the documentation that are derived from the code: never edit them by hand.

``other_mappers.json`` holds what others map: names of events, with source and date. The profiles take the shapes of
statements from the contract locks.

python docs/generate.py            write them
python docs/generate.py --check    exit with 1 and say which is stale
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from types import ModuleType
from typing import Any

import learnrelay_moodle
import learnrelay_openedx
import reference_pages
from learnrelay.assembly.file_reference import list_sections
from learnrelay.config.keys import Key
from learnrelay.fields import declared_paths
from learnrelay.mapping import Transformer
from learnrelay.plugins.discovery import installed, load, optional_families
from learnrelay.plugins.registry import Registry, collect
from learnrelay_moodle import xapi_vocabulary as moodle_vocabulary
from learnrelay_openedx import caliper_departures
from learnrelay_openedx import xapi_vocabulary as openedx_vocabulary
from learnrelay_xapi.profile import Edition, Shape, make_profile, object_type
from learnrelay_xapi.publishers import (
    PUBLISHERS,
    profile_of,
    publisher_of,
    verbs_of,
)
from learnrelay_xapi.vocabulary import Concept, Verb

HERE = Path(__file__).parent
STANDARDS = ("xapi", "caliper")
ALL_PUBLISHERS = (*PUBLISHERS, openedx_vocabulary.PUBLISHER, moodle_vocabulary.PUBLISHER)
OWN_CONCEPTS = {concept.id for concept in (*openedx_vocabulary.CONCEPTS, *moodle_vocabulary.CONCEPTS)}
REPOSITORY = "https://github.com/learnrelay/learnrelay"


def registry() -> Registry:
    """Collects everything that this repository's own packages contribute."""
    own = [info for info in installed() if info.distribution.startswith("learnrelay")]
    infos = sorted(own, key=lambda info: info.optional)
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
    usual = list(paths(transformer.reads))
    more = [
        f"{path} (with `{setting}`)"
        for setting, declaration in transformer.reads_if.items()
        for path in paths(declaration)
        if path not in usual
    ]
    reads = "<br>".join([*usual, *more])
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


# --- the operator's file --------------------------------------------------------------------------------

FILE_HEAD = """# The operator's file

Generated from the schemas by `make docs`. `learnrelay keys` shows the same in the terminal, with the keys of all
plugins that are installed, and `learnrelay init` asks a few questions and writes a file to begin with.

- The file is TOML. Paths in it are relative to its directory.
- `learnrelay check --config relay.toml` reports all that is wrong in it at once, each with key and cure. A key that
  nobody knows is an error.
- A *time span* is a number with its unit: `"250ms"`, `"2s"`, `"15m"`, `"1h"`, `"7d"`.
- A *secret* stands outside the file: `"env:NAME"` is the value of an environment variable, `"file:PATH"` the content
  of a file. A secret in clear text works, with a warning.
- Names in capitals (`NAME`) are the operator's choice.
- An editor that knows JSON Schema can check the file and complete its keys: write the schema with
  `learnrelay keys --json-schema > relay.schema.json`, and begin the file with `#:schema ./relay.schema.json` (Taplo).

A small file:

```toml
[platform]
root_url = "https://lms.example.org"

[plugins]
enabled = ["xapi.*"]

[identity]
provider = "keyed"
secret = "env:LEARNRELAY_IDENTITY_SECRET"

[destinations.main]
standard = "xapi"
url = "https://lrs.example.org/xAPI/statements"
scope = "all"
auth = { scheme = "basic", username = "relay", password = "env:LRS_PASSWORD" }
```
"""


def configuration_page(contributed: Registry) -> str:
    """Lists each key of the operator's file."""
    lines = [FILE_HEAD]
    for section in list_sections(contributed):
        lines += [f"## `{section.heading}`", "", section.about, ""]
        if keys := list(section.list_keys()):
            lines += ["| key | type | default | what it is | example |", "|---|---|---|---|---|"]
            lines += [key_row(key, section.path) for key in keys]
        else:
            lines.append("No keys of its own.")
        lines.append("")
    return "\n".join(lines)


def key_row(key: Key, section: str) -> str:
    """Writes a key as a row, with its path in the section."""
    unit = f" ({key.unit})" if key.unit else ""
    default = "**required**" if key.is_required else key.default
    cells = [f"`{key.path.removeprefix(f'{section}.')}`", f"{key.form}{unit}", default, key.meaning, f"`{key.example}`"]
    return f"| {' | '.join(cells)} |"


# --- who maps what --------------------------------------------------------------------------------------


def who_maps_page(contributed: Registry) -> str:
    """Lists for each event of Open edX who maps it."""
    others = json.loads((HERE / "other_mappers.json").read_text("utf-8"))
    theirs: dict[str, set[str]] = defaultdict(set)
    for mapper in others["mappers"]:
        theirs[column_name(mapper)].update(mapper["events"])
    optional = optional_families(installed())
    ours: dict[str, dict[str, str]] = defaultdict(dict)
    families: dict[str, list[str]] = defaultdict(list)
    aspects: dict[str, str] = {}
    for transformer in of_package(contributed, "learnrelay-openedx"):
        family = transformer.family.partition(".")[2]
        for event in transformer.events:
            if event not in ours:
                families[family].append(event)
            ours[event][transformer.standard] = "off by default" if transformer.family in optional else "yes"
            if transformer.standard == "xapi":
                aspects[event] = ", ".join(models_of(transformer, others["aspects"]["models"]))
    columns = list(theirs)
    lines = [
        "# Who maps what",
        "",
        "Generated by `make docs` from the declarations and from [other_mappers.json](other_mappers.json). Each row is",
        "a name of an event of Open edX. *Off by default*: its family is enabled by its exact name.",
        "",
        "*Aspects* maps nothing itself: it stores what ERB or learnrelay says, and its models pick statements by",
        "verb and type. The column names the models that pick ours. Where ERB does not map such an event, Aspects gets",
        "statements that it did not count before.",
        "",
        "| who | source | read | names |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {column_name(mapper)} | {mapper['source']} | {mapper['read']} | {len(mapper['events'])} |"
        for mapper in others["mappers"]
    ]
    lines.append(f"| Aspects | {others['aspects']['source']} | {others['aspects']['read']} | |")
    lines += [
        f"| learnrelay, {standard} | [mapping.md](mapping.md) | | {sum(standard in by for by in ours.values())} |"
        for standard in STANDARDS
    ]
    heading = f"| event | {' | '.join(columns)} | Aspects | learnrelay, xapi | learnrelay, caliper |"
    rule = "|---" * (len(columns) + 4) + "|"
    for family in sorted(families):
        lines += ["", f"## {family}", "", heading, rule]
        for event in families[family]:
            cells = ["yes" if event in theirs[column] else "" for column in columns]
            cells += [aspects.get(event, ""), *(ours[event].get(standard, "") for standard in STANDARDS)]
            lines.append(f"| `{event}` | {' | '.join(cells)} |")
    alone = sorted(set().union(*theirs.values()) - set(ours))
    if alone:
        lines += ["", "## Mapped by others alone", "", f"| event | {' | '.join(columns)} |", rule[: -len("|---") * 3]]
        for event in alone:
            cells = ["yes" if event in theirs[column] else "" for column in columns]
            lines.append(f"| `{event}` | {' | '.join(cells)} |")
    return "\n".join(lines).replace("  |", " |") + "\n"


def column_name(mapper: Mapping[str, Any]) -> str:
    """Names the column of a mapper and a standard."""
    return f"{mapper['name']}, {mapper['standard']}"


def models_of(transformer: Transformer, models: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yields the models of Aspects that pick the statements of a mapping, by verb and type."""
    verbs = {verb.id for verb in verbs_of(transformer)}
    names = [
        model["name"] for model in models
        if verbs.intersection(model["verbs"]) and model.get("activity") in (None, transformer.constants["activity"])
    ]  # fmt: skip
    yield from dict.fromkeys(names)


# --- whose verbs and types ------------------------------------------------------------------------------


def vocabularies_page(contributed: Registry) -> str:
    """Says for each event who publishes its verb, type and extensions, and which profile's template it follows."""
    mappings = [transformer for transformer in contributed.transformers if transformer.standard == "xapi"]
    shapes = locked_shapes()
    terms = {term for source in contributed.sources.values() for term in source.terms.values()}
    lines = [
        "# Whose verbs and types",
        "",
        "Generated from the declarations by `make docs`. Verbs, activity types and extensions of xAPI statements come",
        "from published vocabularies and profiles; their addresses say from which. *Follows* names the profile that",
        "has a statement template for the verb and the type; without one, the publishers of both.",
        "",
        "What our statements say as a whole stands in an xAPI Profile for each platform,",
        "[Open edX](profiles/openedx.jsonld) and [Moodle](profiles/moodle.jsonld): a template for each event, and a",
        "definition of each extension that nobody publishes (*learnrelay* below). Statements do not name these",
        "profiles in their `category`.",
        "",
        "| publisher | addresses begin with |",
        "|---|---|",
    ]
    lines += [
        f"| [{publisher.name}]({publisher.url}) | {', '.join(f'`{prefix}`' for prefix in publisher.prefixes)} |"
        for publisher in ALL_PUBLISHERS
    ]
    lines += [
        "",
        "## Verbs that ask for a reason",
        "",
        "A verb that says little of what happened, or one that the profile of the type does not have.",
        "",
        "| platform | verb | type | why |",
        "|---|---|---|---|",
    ]
    for platform, choices in (
        ("Open edX", openedx_vocabulary.VERB_CHOICES),
        ("Moodle", moodle_vocabulary.VERB_CHOICES),
    ):
        lines += [
            f"| {platform} | {ending(verb)} | {ending(type_)} | {why} |" for (verb, type_), why in choices.items()
        ]
    for family in sorted({mapping.family for mapping in mappings}):
        lines += ["", f"## {family}", "", "| event | follows | verb | type | extensions |", "|---|---|---|---|---|"]
        lines += [vocabulary_row(mapping, shapes, terms) for mapping in mappings if mapping.family == family]
    return "\n".join(lines).replace("  |", " |") + "\n"


def vocabulary_row(mapping: Transformer, shapes: Mapping[str, Shape], terms: Collection[str]) -> str:
    """Writes a mapping as a row about its vocabulary; without ``terms``, the extensions that every statement has."""
    verbs, activity = verbs_of(mapping), mapping.constants["activity"]
    is_of_one_type = all(object_type(mapping, shapes.get(event, {})) for event in mapping.events)
    extensions = {
        path.split('extensions["')[1].removesuffix('"]')
        for event in mapping.events for path in shapes.get(event, {}) if 'extensions["' in path
    }.difference(terms)  # fmt: skip
    cells = [
        "<br>".join(f"`{event}`" for event in mapping.events),
        "<br>".join(dict.fromkeys(follows(verb, activity) for verb in verbs)),
        "<br>".join(f"{verb.word} ({owner(verb.id)})" for verb in verbs),
        f"{ending(activity)} ({owner(activity)})" if is_of_one_type else "that of the object's kind",
        "<br>".join(f"{ending(iri)} ({owner(iri)})" for iri in sorted(extensions)),
    ]
    return f"| {' | '.join(cells)} |"


def follows(verb: Verb, activity: str) -> str:
    """Names the profile whose template has verb and type, else the publishers of both."""
    if profile := profile_of(verb, activity, ALL_PUBLISHERS):
        return profile.name
    return ", ".join(dict.fromkeys((owner(verb.id), owner(activity))))


def owner(iri: str) -> str:
    """Names the publisher of an IRI; exits where there is none."""
    publisher = publisher_of(iri, ALL_PUBLISHERS)
    if publisher is None:
        sys.exit(f"{iri} has no publisher: add it to learnrelay_xapi.publishers, or use a published IRI")
    return "learnrelay" if iri in OWN_CONCEPTS else publisher.name


def ending(iri: str) -> str:
    """Returns the last part of an IRI."""
    return iri.rstrip("/").rpartition("/")[2]


# --- profiles -------------------------------------------------------------------------------------------

VERSIONS: dict[str, dict[str, str]] = {
    "learnrelay-openedx": {"0.1.1": "2026-11-30T00:00:00Z"},
    "learnrelay-moodle": {"0.1.0": "2026-11-30T00:00:00Z"},
}
"""Package → version → when its profile was made, the newest first: a new version of a package is a new one of it."""


def profile_document(package: ModuleType, platform: str, concepts: Sequence[Concept]) -> Callable[[Registry], str]:
    """Makes the function that writes the xAPI Profile of a platform's package."""
    distribution = package.__name__.replace("_", "-")
    file = f"docs/profiles/{platform.lower().replace(' ', '')}.jsonld"

    def document(contributed: Registry) -> str:
        versions = VERSIONS[distribution]
        if next(iter(versions)) != package.__version__:
            sys.exit(f"docs/generate.py: add {package.__version__} to VERSIONS, with the time of the release")
        edition = Edition(
            address=f"{REPOSITORY}/blob/main/{file}",
            versions={
                f"{REPOSITORY}/blob/{distribution}-v{version}/{file}": time for version, time in versions.items()
            },
            name=f"{platform} by learnrelay",
            definition=f"What learnrelay says in xAPI about the events of {platform}.",
            page=f"{REPOSITORY}/blob/main/docs/vocabularies.md",
            author="The learnrelay authors",
        )
        mappings = [each for each in of_package(contributed, distribution) if each.standard == "xapi"]
        profile = make_profile(edition, mappings, locked_shapes(), concepts)
        return json.dumps(profile, indent=1, ensure_ascii=False) + "\n"

    return document


def of_package(contributed: Registry, distribution: str) -> Iterator[Transformer]:
    """Yields the mappings of a package."""
    return (each for each in contributed.transformers if each.origin.partition("@")[0] == distribution)


def locked_shapes() -> dict[str, Shape]:
    """Reads the shapes of xAPI statements from the contract locks, by event."""
    shapes: dict[str, Shape] = {}
    for package in (learnrelay_openedx, learnrelay_moodle):
        lock = json.loads((resources.files(package) / "contract.lock.json").read_text("utf-8"))
        for plugin in lock["plugins"].values():
            shapes |= {
                key.removeprefix("xapi: "): shape for key, shape in plugin["says"].items() if key.startswith("xapi: ")
            }
    return shapes


PAGES: dict[str, Callable[[Registry], str]] = {
    "configuration.md": configuration_page,
    "commands.md": lambda _contributed: reference_pages.commands_page(),
    "hooks.md": lambda _contributed: reference_pages.hooks_page(),
    "python-api.md": lambda _contributed: reference_pages.api_page(),
    "mapping.md": mapping_page,
    "caliper-departures.md": lambda _contributed: caliper_departures.page(),
    "who-maps-what.md": who_maps_page,
    "vocabularies.md": vocabularies_page,
    "profiles/openedx.jsonld": profile_document(learnrelay_openedx, "Open edX", openedx_vocabulary.CONCEPTS),
    "profiles/moodle.jsonld": profile_document(learnrelay_moodle, "Moodle", moodle_vocabulary.CONCEPTS),
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
