"""Google documents and calendars."""
