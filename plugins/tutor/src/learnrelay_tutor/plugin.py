"""Registers settings, patches, templates and init tasks with Tutor (hooks API v1).

Each file in ``patches/`` is the body of the patch of its name. ``templates/`` holds the operator's file of learnrelay,
which lands in ``apps/openedx/config``: Tutor mounts that into every container of LMS and CMS, on Kubernetes too.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from tutor import hooks
from tutor.exceptions import TutorError

from . import __version__
from .toml_values import to_key, to_toml

_ROOT = Path(__file__).parent

DEFAULTS: dict[str, Any] = {
    "VERSION": __version__,
    # whether LMS and CMS emit; what is stored already is delivered in any case
    "ENABLED": True,
    # what is installed into the image of Open edX
    "PIP_REQUIREMENTS": [
        "learnrelay[deferred,metrics,mysql,oauth2,regex]>=0.1,<0.2",
        "learnrelay-openedx[xapi,caliper,tables]>=0.1,<0.2",
        "learnrelay-enterprise-filter>=0.1,<0.2",
        "learnrelay-clickhouse>=0.1,<0.2",
    ],
    # the operator's file: [plugins] enabled, [destinations.NAME], and what is added to [delivery]
    "PLUGINS": ["xapi.*"],
    # [identity]; empty: keyed pseudonyms, or with Aspects the names by which it looks for learners
    "IDENTITY": {},
    "DESTINATIONS": {},
    "DELIVERY": {},
    # in the place of event-routing-backends and Ralph: "clickhouse", "log" or "none"
    "ASPECTS": "none",
    "REPLICAS": 1,
    "MYSQL_DATABASE": "learnrelay",
    "MYSQL_USERNAME": "learnrelay",
    "CLICKHOUSE_USERNAME": "learnrelay",
}
"""Settings with their defaults, each named LEARNRELAY_…"""

UNIQUE = {
    "IDENTITY_SECRET": "{{ 43|random_string }}",
    "DEFERRED_KEY": "{{ 43|random_string }}=",  # 32 bytes in base64
    "MYSQL_PASSWORD": "{{ 24|random_string }}",
    "CLICKHOUSE_PASSWORD": "{{ 24|random_string }}",
}
"""Secrets, made once and stored in ``config.yml``."""

AFTER_ASPECTS = 98  # its init tasks have the priorities 92 to 97


def refuse(message: str) -> NoReturn:
    """Ends the rendering with a message for the operator."""
    raise TutorError(f"learnrelay: {message}")


def write_setting(value: Any, name: str) -> str:
    """Writes the value of a setting as TOML. Raises TutorError with the ``name`` of the setting."""
    try:
        return to_toml(value)
    except ValueError as error:
        refuse(f"{name}: {error}")


def write_table(value: Any, name: str) -> str:
    """Writes a setting that is a table, a line for each key. Raises TutorError with the ``name`` of the setting."""
    if not isinstance(value, Mapping):
        refuse(f"{name}: expected a table of keys and values")
    return "\n".join(f"{to_key(key)} = {write_setting(item, f'{name}.{key}')}" for key, item in value.items())


hooks.Filters.CONFIG_DEFAULTS.add_items([(f"LEARNRELAY_{name}", value) for name, value in DEFAULTS.items()])
hooks.Filters.CONFIG_UNIQUE.add_items([(f"LEARNRELAY_{name}", value) for name, value in UNIQUE.items()])
hooks.Filters.ENV_TEMPLATE_ROOTS.add_item(str(_ROOT / "templates"))
hooks.Filters.ENV_TEMPLATE_FILTERS.add_items(
    [
        ("learnrelay_toml", write_setting),
        ("learnrelay_toml_key", to_key),
        ("learnrelay_toml_table", write_table),
        ("learnrelay_refuse", refuse),
    ]
)
for patch in sorted((_ROOT / "patches").iterdir()):
    # late, because what Aspects sets of event-routing-backends is turned off
    hooks.Filters.ENV_PATCHES.add_item((patch.name, patch.read_text(encoding="utf-8")), priority=hooks.priorities.LOW)
for service, script, priority in (
    ("mysql", "create-database.sh", hooks.priorities.DEFAULT),
    ("learnrelay", "migrate.sh", hooks.priorities.LOW),
    ("learnrelay", "prepare-clickhouse.sh", AFTER_ASPECTS),
):
    hooks.Filters.CLI_DO_INIT_TASKS.add_item(
        (service, (_ROOT / "jobs" / script).read_text(encoding="utf-8")), priority=priority
    )
