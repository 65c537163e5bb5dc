"""A Django project with the platform's models, as far as the providers use them.

It runs in a process of its own, because Django is set up once in a process: ``python lms_site.py URL CALLS``. Calls are
JSON, a list of pairs: a function of this module, and its arguments by name.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
import uuid
from typing import Any

import django
from django.apps import AppConfig
from django.conf import settings
from django.db import transaction
from sqlalchemy import make_url

from learnrelay import UserRef

APPS = ("external_user_ids", "user_api", "course_overviews")


def set_up(address: str, *apps: AppConfig) -> None:
    """Sets Django up with a database."""
    url = make_url(address)
    engine = "mysql" if url.get_backend_name() == "mysql" else "sqlite3"
    if engine == "mysql":
        import pymysql

        pymysql.version_info = (2, 2, 1, "final", 0)  # what Django asks of mysqlclient
        pymysql.install_as_MySQLdb()
    database = {
        "ENGINE": f"django.db.backends.{engine}", "NAME": url.database, "HOST": url.host or "", "PORT": url.port or "",
        "USER": url.username or "", "PASSWORD": url.password or "", "ATOMIC_REQUESTS": True,
    }  # fmt: skip
    if engine == "mysql":
        database["OPTIONS"] = {"charset": "utf8mb4", "init_command": "SET sql_mode='STRICT_TRANS_TABLES'"}
    settings.configure(
        DATABASES={"default": database}, INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", *apps],
        DEFAULT_AUTO_FIELD="django.db.models.AutoField", USE_TZ=True, SECRET_KEY="of the tests",
        RETIRED_USER_SALTS=["abc", "123"],
    )  # fmt: skip
    django.setup()


def define_models() -> None:
    """Defines the models in their apps."""
    from django.contrib.auth import get_user_model
    from django.db import models
    from django.db.models.signals import post_save
    from django.utils.timezone import now

    class TimeStamped(models.Model):
        created = models.DateTimeField(default=now)
        modified = models.DateTimeField(default=now)

        class Meta:
            abstract = True

    class ExternalIdType(TimeStamped):
        name = models.CharField(max_length=32, blank=False, unique=True)
        description = models.TextField()

        class Meta:
            app_label = "external_user_ids"

    class ExternalId(TimeStamped):
        external_user_id = models.UUIDField(default=uuid.uuid4, editable=False, unique=True)
        external_id_type = models.ForeignKey(ExternalIdType, on_delete=models.CASCADE)
        user = models.ForeignKey(get_user_model(), on_delete=models.CASCADE)

        class Meta:
            app_label = "external_user_ids"
            unique_together = (("user", "external_id_type"),)

        @classmethod
        def add_new_user_id(cls, user: Any, type_name: str) -> tuple[Any, bool]:
            type_of_name = ExternalIdType.objects.filter(name=type_name).first()
            if type_of_name is None:
                return None, False
            return cls.objects.get_or_create(user=user, external_id_type=type_of_name)

    class HistoricalExternalId(TimeStamped):
        history_id = models.AutoField(primary_key=True)
        id = models.IntegerField()
        external_user_id = models.UUIDField()
        external_id_type = models.ForeignKey(
            ExternalIdType, null=True, db_constraint=False, on_delete=models.DO_NOTHING
        )
        user = models.ForeignKey(get_user_model(), null=True, db_constraint=False, on_delete=models.DO_NOTHING)
        history_date = models.DateTimeField(default=now)
        history_change_reason = models.CharField(max_length=100, null=True)
        history_type = models.CharField(max_length=1)
        history_user_id = models.IntegerField(null=True)

        class Meta:
            app_label = "external_user_ids"

    class UserRetirementRequest(TimeStamped):
        user = models.OneToOneField(get_user_model(), on_delete=models.CASCADE)

        class Meta:
            app_label = "user_api"

    class UserRetirementStatus(models.Model):
        user = models.OneToOneField(get_user_model(), on_delete=models.CASCADE)
        original_username = models.CharField(max_length=150, db_index=True)

        class Meta:
            app_label = "user_api"

    class CourseOverview(models.Model):
        id = models.CharField(db_index=True, primary_key=True, max_length=255)
        org = models.TextField(max_length=255, default="outdated_entry")
        display_name = models.TextField(null=True)
        language = models.TextField(null=True)

        class Meta:
            app_label = "course_overviews"

    def keep_history(instance: Any, created: bool, **_: Any) -> None:
        print("post_save of an external id", file=sys.stderr)
        HistoricalExternalId.objects.create(
            id=instance.pk, external_user_id=instance.external_user_id, user=instance.user,
            external_id_type=instance.external_id_type, history_type="+" if created else "~",
        )  # fmt: skip

    post_save.connect(keep_history, sender=ExternalId, weak=False)


def start(address: str) -> None:
    """Sets up a site with all models."""
    set_up(address, *(AppConfig(label, sys.modules[__name__]) for label in APPS))
    define_models()


def create() -> None:
    """Makes the tables, as migrations of these models would."""
    from django.apps import apps
    from django.db import connection

    with connection.schema_editor() as editor:
        for model in apps.get_models():
            editor.create_model(model)


# --- what happens in the LMS ----------------------------------------------------------------------------


def _identity(**more: Any) -> Any:
    from learnrelay_openedx.tables.providers import OpenedxIdentity, OpenedxIdentitySettings

    section = {"database": "django", "secret": "a secret of the tests of tables", **more}
    provider = OpenedxIdentity(OpenedxIdentitySettings().load(section))
    provider.retired_prefix = "retired__user_"
    return provider


def ask(users: list[list[str | None]], space: str = "xapi", method: str = "learner", **more: Any) -> list[Any]:
    """Asks for users by id and name: pseudonym and address of each, or None."""
    answer = getattr(_identity(**more), method)
    learners = [answer(UserRef(*user), space) for user in users]
    return [None if learner is None else [learner.pseudonym, learner.email] for learner in learners]


def describe_course(course_id: str) -> list[Any]:
    """Asks for a course."""
    from learnrelay_openedx.tables.database_settings import DatabaseSettings
    from learnrelay_openedx.tables.providers import OpenedxCourses

    courses = OpenedxCourses(DatabaseSettings().load({"database": "django"}))
    return [courses.title(course_id), courses.language(course_id), courses.knows(course_id)]


def create_in_failed_request(user_id: str, **more: Any) -> Any:
    """Has an external id made in a request that fails afterwards: the id must stay."""
    with contextlib.suppress(ZeroDivisionError), transaction.atomic():
        learner = _identity(missing_ids="create", **more).learner(UserRef(user_id), "xapi")
        raise ZeroDivisionError
    return learner.pseudonym


def see_own_request(username: str, **more: Any) -> bool:
    """Asks for a learner whom the request has just made."""
    from django.contrib.auth import get_user_model

    with transaction.atomic():
        user = get_user_model().objects.create(username=username)
        return _identity(missing_ids="keyed", **more).learner(UserRef(str(user.pk)), "xapi") is not None


def create_for_held_row(user_id: str) -> list[Any]:
    """Has an external id made while the request holds the row of the learner."""
    from django.contrib.auth import get_user_model

    with transaction.atomic():
        get_user_model().objects.filter(pk=user_id).update(first_name="Mira")
        return _ask_bounded(_identity(missing_ids="create", timeout="5s"), user_id)


def ask_in_broken_transaction(user_id: str) -> list[Any]:
    """Asks in a transaction that can only be rolled back."""
    with transaction.atomic():
        transaction.set_rollback(True)
        return _ask_bounded(_identity(), user_id)


def ask_without_models(user_id: str, **more: Any) -> list[Any]:
    """Asks in a process that lacks the platform's models: for one without and one with a need of an external id."""
    from django.apps import apps

    apps.all_models["external_user_ids"].clear()
    return [_ask_bounded(_identity(missing_ids=missing, **more), user_id)[0] for missing in ("create", "keyed")]


def ask_bounded(user_id: str, **more: Any) -> list[Any]:
    """Asks for a learner: the exception's name or None, and how many seconds it took."""
    return _ask_bounded(_identity(**more), user_id)


def _ask_bounded(identity: Any, user_id: str) -> list[Any]:
    started, raised = time.monotonic(), None
    try:
        identity.learner(UserRef(user_id), "xapi")
    except Exception as error:
        raised = type(error).__name__
    return [raised, time.monotonic() - started]


if __name__ == "__main__":
    start(sys.argv[1])
    json.dump([globals()[function](**arguments) for function, arguments in json.loads(sys.argv[2])], sys.stdout)
