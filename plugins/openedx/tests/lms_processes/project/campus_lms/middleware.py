"""Emits an event for each request, named after its path, as the platform does."""

import json

from eventtracking import tracker


def emit_request(get_response):
    def respond(request):
        context = {"user_id": 7, "username": "mira", "path": request.path, "event_source": "server"}
        with tracker.get_tracker().context("request", context):
            tracker.emit(request.path, json.dumps({"GET": {}, "POST": {}}))
            return get_response(request)

    return respond
