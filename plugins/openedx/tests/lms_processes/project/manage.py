"""Runs a command of the project, as the platform's own ``manage.py`` does after it has taken off ``lms``."""

import os
import sys

from django.core.management import execute_from_command_line

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "campus_lms.settings")
execute_from_command_line(sys.argv)
