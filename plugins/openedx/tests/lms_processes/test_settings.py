"""What the app adds to the platform's settings, phase by phase; and what a process imports."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from learnrelay_openedx.django_app.settings import plugin_settings

BACKEND = {"ENGINE": "learnrelay_openedx.backend.RelayBackend"}
BUS = "eventtracking.backends.event_bus.EventBusRoutingBackend"


def routing(**backends: Any) -> dict[str, Any]:
    return {"ENGINE": BUS, "OPTIONS": {"backends": backends, "processors": []}}


def test_the_backend_is_added_at_top_level_once_and_what_is_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEARNRELAY_CONFIG", "/etc/relay.toml")
    settings = SimpleNamespace(EVENT_TRACKING_BACKENDS={"tracking_logs": routing()}, LEARNRELAY_ENABLED=False)
    for _phase in range(2):
        plugin_settings(settings)
        backends = settings.EVENT_TRACKING_BACKENDS
        assert backends == {"tracking_logs": routing(), "learnrelay": BACKEND}
        assert (settings.LEARNRELAY_CONFIG, settings.LEARNRELAY_ENABLED) == ("/etc/relay.toml", False)


def test_a_backend_that_the_site_has_nested_is_the_only_one() -> None:
    settings = SimpleNamespace(EVENT_TRACKING_BACKENDS={"tracking_logs": routing()})
    plugin_settings(settings)
    settings.EVENT_TRACKING_BACKENDS["bus"] = routing(own=BACKEND)  # by the platform's YAML, between two phases
    plugin_settings(settings)
    backends = settings.EVENT_TRACKING_BACKENDS
    assert backends == {"tracking_logs": routing(), "bus": routing(own=BACKEND)}


def test_a_platform_that_builds_its_image_needs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LEARNRELAY_CONFIG", raising=False)
    settings = SimpleNamespace()
    plugin_settings(settings)
    assert vars(settings) == {
        "LEARNRELAY_CONFIG": None, "LEARNRELAY_ENABLED": True, "EVENT_TRACKING_BACKENDS": {"learnrelay": BACKEND},
    }  # fmt: skip


def test_the_backend_imports_neither_the_platform_nor_the_database() -> None:
    code = "import sys, learnrelay_openedx.backend, learnrelay_openedx.django_app.settings; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"django", "eventtracking", "celery", "sqlalchemy", "requests"} & set(modules)
