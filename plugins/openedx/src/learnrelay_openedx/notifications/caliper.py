"""Notifications: read, all of an app read, the tray opened."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_caliper.parts import EventKind, EventParts

from .fields import AppFields, NotificationFields, TrayFields

family = Family("caliper.notifications")

VIEWED: EventKind = {"type": "ViewEvent", "action": "Viewed", "profile": "ReadingProfile"}


@family.maps("edx.notifications.read", reads=NotificationFields, **VIEWED)
def notification_read(notification: NotificationFields, platform: Platform) -> EventParts:
    """The learner reads a notification."""
    return {
        "object": {
            "id": platform.iri("notifications", notification.app, notification.kind),
            "type": "DigitalResource",
        },
        "extensions": {"firstRead": notification.is_first},
    }


@family.maps("edx.notifications.app_all_read", reads=AppFields, **VIEWED)
def notifications_read(app: AppFields, platform: Platform) -> EventParts:
    """The learner marks all notifications of an app as read."""
    return {"object": {"id": platform.iri("notifications", app.app), "type": "DigitalResourceCollection"}}


@family.maps("edx.notifications.tray_opened", reads=TrayFields, **VIEWED)
def tray_opened(tray: TrayFields, platform: Platform) -> EventParts:
    """The learner opens the tray of notifications."""
    return {
        "object": {"id": platform.iri("notifications"), "type": "DigitalResourceCollection"},
        "extensions": {"unseen": tray.count},
    }
