"""A small Django project that finds plugins and tracks events as the LMS does."""

from .celery import app as celery_app

__all__ = ["celery_app"]
