"""Declares the app, which the LMS and Studio find by the entry points ``lms.djangoapp`` and ``cms.djangoapp``."""

from __future__ import annotations

import logging
import os
from typing import Any, ClassVar

from django.apps import AppConfig

log = logging.getLogger(__name__)


class LearnrelayConfig(AppConfig):  # type: ignore[misc]  # Django has no types
    """Adds the backend to the platform's settings, and has retirements forget the learner here too."""

    name = "learnrelay_openedx.django_app"
    label = "learnrelay"
    verbose_name = "learnrelay"
    plugin_app: ClassVar[dict[str, Any]] = {
        "settings_config": {
            project: {phase: {"relative_path": "settings"} for phase in ("common", "production", "devstack", "test")}
            for project in ("lms.djangoapp", "cms.djangoapp")
        }
    }
    """Read by edx-django-utils, which calls `settings.plugin_settings` in each phase."""

    def ready(self) -> None:
        """Prepares the process: whatever fails here, the platform starts.

        ``LMS_ROOT_URL`` goes into the environment, where the operator's file reads it. The libraries of a relay are
        imported, so that a server that forks does it once, and no learner's request has to.
        """
        from django.conf import settings

        from . import retirement

        if root_url := getattr(settings, "LMS_ROOT_URL", None):
            os.environ.setdefault("LMS_ROOT_URL", str(root_url))
        retirement.connect()
        if retirement.config_path() is not None:
            try:
                import learnrelay.relay  # noqa: F401
            except Exception as error:  # an installation that is broken; the first event tries again
                log.error("learnrelay cannot be imported: %s", error)
