"""Knows event-routing-backends (ERB): its routers, settings and statements, for sites that move from it."""
