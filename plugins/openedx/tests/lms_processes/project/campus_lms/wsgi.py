"""The application, which a server loads before it forks."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "campus_lms.settings")
application = get_wsgi_application()
if os.environ.get("CAMPUS_EARLY"):
    from .events import enrol

    enrol(0)  # an event while the application is loaded
