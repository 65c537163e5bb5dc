"""The platform's record of retirements, as far as it is read."""

from django.conf import settings
from django.db import models


class RetirementState(models.Model):
    state_name = models.CharField(max_length=30, unique=True)


class UserRetirementStatus(models.Model):
    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    original_username = models.CharField(max_length=150)
    current_state = models.ForeignKey(RetirementState, on_delete=models.CASCADE)
