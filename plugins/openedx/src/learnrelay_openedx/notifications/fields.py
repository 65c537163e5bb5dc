"""Notifications: the app and the kind, which are words of the platform. Neither texts nor recipients are read."""

from __future__ import annotations

from learnrelay import Fields, optional, required
from learnrelay.kinds import boolean, count

from ..keys import platform_word


class AppFields(Fields):
    """Declares the app that notifies."""

    app = required("data.notification_app", kind=platform_word, example=("discussion", "updates"))


class NotificationFields(AppFields):
    """Declares a notification by its app and kind; its id and text are not read."""

    kind = required("data.notification_type", kind=platform_word, example=("new_response", "new_comment"))
    is_first = optional("data.first_read", kind=boolean)


class TrayFields(Fields):
    """Declares how many notifications were new."""

    count = optional("data.unseen_notifications_count", kind=count)
