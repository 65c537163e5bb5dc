"""Makes statements and settings for the fixtures of pytest, in the process of the test."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from learnrelay.assembly.assemble import Assembly, assemble_from
from learnrelay.config.fields import Section
from learnrelay.config.problems import load_section
from learnrelay.errors import ConfigurationError
from learnrelay.pipeline.run import OutcomeState, Pipeline
from learnrelay.plugins.discovery import installed, load, optional_families, select
from learnrelay.plugins.registry import collect, settings_schema_of

from .plain_source import registered_source
from .pytest_plugin import KEY_OF_LEARNERS, ROOT_URL

_TITLE = Path("the fixture statements")


def make_statements(
    event: Mapping[str, Any] | bytes | str,
    *plugins: str,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[dict[str, Any]]:
    """Returns the statements of an event. Raises what a mapping raises, and LookupError for an event without one."""
    assembly = _assemble(plugins, settings or {})
    source = assembly.source
    if isinstance(event, Mapping):
        read = source.event_from_mapping(event)
    else:
        read = source.event_from_line(event if isinstance(event, bytes) else event.encode())
    pipeline = Pipeline(assembly.plan, caching=False)
    mappings = assembly.plan.mappings_of(read.name)
    if not mappings:
        raise LookupError(f"no enabled mapping has the event {read.name}")
    made = []
    for outcome in pipeline.process(read):
        if outcome.state is OutcomeState.FAILED:
            (mapping,) = [mapping for mapping in mappings if mapping.standard == outcome.standard]
            pipeline.statements(mapping, read)  # raises what the outcome only describes
            raise outcome.error or AssertionError(outcome.reason)
        made += [statement.parsed for statement in outcome.statements]
    return made


def _assemble(plugins: tuple[str, ...], settings: Mapping[str, Mapping[str, Any]]) -> Assembly:
    with registered_source():
        return _assemble_with_source(plugins, settings)


def _assemble_with_source(plugins: tuple[str, ...], settings: Mapping[str, Mapping[str, Any]]) -> Assembly:
    known = installed()
    families = sorted({f"{info.standard}.*" for info in known if info.kind == "families"})
    raw: dict[str, Any] = {
        "platform": {"root_url": ROOT_URL},
        "plugins": {"enabled": list(plugins) or [*families, *optional_families(known)]},
        "identity": {"provider": "keyed", "secret": KEY_OF_LEARNERS},
    }
    for name, keys in settings.items():
        table = raw
        for part in name.split("."):
            table = table.setdefault(part, {})
        table.update(keys)
    return assemble_from(raw, _TITLE, is_written=False)


def load_plugin_settings(plugin: str | type[Section], /, **keys: Any) -> Mapping[str, Any]:
    """Returns the settings of a plugin or a standard. Raises ConfigurationError, and LookupError without a section."""
    schema = _find_schema(plugin) if isinstance(plugin, str) else plugin
    values, problems = load_section(schema(), keys, "the fixture settings", "")
    if problems:
        raise ConfigurationError(problems)
    return values


def _find_schema(name: str) -> Any:
    known = installed()
    for info in select(known, [name]):
        if info.entry_point is None or info.name != name:
            continue
        plugin = load(info)
        standards = collect([(info, plugin)]).standards
        schema = standards[name].settings_schema if name in standards else settings_schema_of(plugin, info)
        if schema is not None:
            return schema
    raise LookupError(f"no installed plugin {name} has settings")
