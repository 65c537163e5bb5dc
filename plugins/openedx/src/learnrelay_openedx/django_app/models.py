"""Defines the app's table in the platform's database."""

from __future__ import annotations

from django.db import models

LONGEST_REASON = 500


class OpenRetirement(models.Model):  # type: ignore[misc]  # Django has no types
    """Notes that a user whom the platform retires is not forgotten here yet.

    It holds the id alone: the name is what the platform is about to remove. ``reason``: of the last attempt, empty
    before the first one has failed.
    """

    user_id = models.BigIntegerField(primary_key=True)
    since = models.DateTimeField()
    tried_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=LONGEST_REASON, default="")
