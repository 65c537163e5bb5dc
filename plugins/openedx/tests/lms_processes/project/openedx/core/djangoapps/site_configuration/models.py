"""The platform's site configurations, as far as they are read."""

from django.db import models


class SiteConfiguration(models.Model):
    enabled = models.BooleanField(default=False)
    site_values = models.JSONField(default=dict)
