"""Adds learnrelay to the LMS and to Studio, as an app of Django: settings, retirements, the command line."""
