"""The shape of the tracking log, which the platform's processors make in place."""

import json


class LegacyShape:
    """Moves parts of an event to where the log has them; of the context to the root, the payload to ``event``."""

    def __call__(self, event):
        context = event["context"]
        for key in ("username", "session", "ip", "agent", "host", "referer", "accept_language", "event_source", "page"):
            event[key] = context.pop(key, "server" if key == "event_source" else "")
        payload = event.pop("data")
        event["event"] = json.dumps(payload) if event["event_source"] == "browser" else payload
        event["time"] = event.pop("timestamp")
        event["event_type"] = event["name"]
