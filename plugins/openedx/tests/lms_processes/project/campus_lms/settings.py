"""Settings in the phases of the platform: its own, those of plugins, and last of all those of a patch of Tutor's."""

import os
from pathlib import Path

from edx_django_utils.plugins import add_plugins, get_plugin_apps

DIRECTORY = Path(os.environ["CAMPUS_DIRECTORY"])
SECRET_KEY = "of the tests"
ROOT_URLCONF = "campus_lms.urls"
ALLOWED_HOSTS = ["*"]
MIDDLEWARE = ["campus_lms.middleware.emit_request"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": DIRECTORY / "platform.db"}}
USE_TZ = True
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "eventtracking.django.apps.EventTrackingConfig",
    "openedx_events",
    "openedx.core.djangoapps.site_configuration",
    "openedx.core.djangoapps.user_api",
    *get_plugin_apps("lms.djangoapp"),
]
CELERY_BROKER_URL = os.environ.get("CAMPUS_BROKER", "memory://")
LMS_ROOT_URL = "https://campus.example.org"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "INFO"},
}
EVENT_TRACKING_ENABLED = True
EVENT_TRACKING_BACKENDS = {
    "tracking_logs": {
        "ENGINE": "eventtracking.backends.routing.RoutingBackend",
        "OPTIONS": {
            "backends": {
                "logger": {"ENGINE": "eventtracking.backends.logger.LoggerBackend", "OPTIONS": {"name": "log"}}
            },
            "processors": [{"ENGINE": "campus_lms.legacy.LegacyShape"}],
        },
    },
}

add_plugins(__name__, "lms.djangoapp", "common")
add_plugins(__name__, "lms.djangoapp", "production")
exec((DIRECTORY / "patch.py").read_text("utf-8"))
