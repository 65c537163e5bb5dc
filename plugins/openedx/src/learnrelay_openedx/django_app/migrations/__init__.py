"""Migrates the app's tables in the platform's database."""
