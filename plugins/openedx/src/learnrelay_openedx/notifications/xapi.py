"""Notifications: read, all of an app read, the tray opened."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import StatementParts

from .. import xapi_vocabulary as openedx
from .fields import AppFields, NotificationFields, TrayFields

family = Family("xapi.notifications")


@family.maps("edx.notifications.read", reads=NotificationFields, verb=v.VIEWED, activity=v.MESSAGE)
def notification_read(notification: NotificationFields, platform: Platform) -> StatementParts:
    """The learner reads a notification."""
    return {
        "object": {"id": platform.iri("notifications", notification.app, notification.kind)},
        "context": {"extensions": {openedx.FIRST_READ: notification.is_first}},
    }


@family.maps("edx.notifications.app_all_read", reads=AppFields, verb=v.VIEWED, activity=v.COLLECTION)
def notifications_read(app: AppFields, platform: Platform) -> StatementParts:
    """The learner marks all notifications of an app as read."""
    return {"object": {"id": platform.iri("notifications", app.app)}}


@family.maps("edx.notifications.tray_opened", reads=TrayFields, verb=v.VIEWED, activity=v.COLLECTION)
def tray_opened(tray: TrayFields, platform: Platform) -> StatementParts:
    """The learner opens the tray of notifications."""
    return {
        "object": {"id": platform.iri("notifications")},
        "context": {"extensions": {v.TOTAL_ITEMS: tray.count}},
    }
