"""The platform's Celery."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "campus_lms.settings")
app = Celery("campus_lms")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
