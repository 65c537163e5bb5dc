"""The page about a site: its configuration is sound, its patches move the one backend that the app adds."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from learnrelay.assembly.assemble import assemble
from learnrelay_openedx.django_app.settings import ENGINE, plugin_settings

PAGE = (Path(__file__).parents[1] / "openedx.md").read_text(encoding="utf-8")


def test_its_configuration_is_sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = {
        "LMS_ROOT_URL": "https://lms.example.org/",
        "LEARNRELAY_IDENTITY_SECRET": "Kd7wq2Lmz9Xv4bTn",
        "LEARNRELAY_OUTBOX": "mysql+pymysql://relay:Zt8vPq3Ln6Wy1RkB5mXc@mysql/learnrelay",
        "LRS_PASSWORD": "Zt8vPq3Ln6Wy1RkB5mXc",
    }
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    (config,) = re.findall(r"```toml\n(.*?)```", PAGE, flags=re.DOTALL)
    (tmp_path / "relay.toml").write_text(config, encoding="utf-8")
    assembled = assemble(tmp_path / "relay.toml").config
    assert (assembled.root_url, assembled.delivery.spools, assembled.warnings) == ("https://lms.example.org", True, ())


@pytest.mark.parametrize("number", [0, 1])
def test_its_patches_move_the_backend(number: int) -> None:
    settings = SimpleNamespace(EVENT_TRACKING_BACKENDS={}, EVENT_BUS_PRODUCER_CONFIG={})
    plugin_settings(settings)
    names: dict[str, Any] = vars(settings)
    exec(re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)[number], names)
    ((name, backend),) = names["EVENT_TRACKING_BACKENDS"].items()
    assert backend["OPTIONS"]["backends"] == {"learnrelay": {"ENGINE": ENGINE}}
    assert backend["OPTIONS"].get("backend_name", name) == name
