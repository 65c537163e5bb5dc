"""Events of Open edX for tests: in either shape, as a line of a log or as an object."""

from __future__ import annotations

from learnrelay_openedx.pages import PAGES
from learnrelay_openedx.source import OpenedxSource

SOURCE = OpenedxSource()
SOURCE.reader.use_request_names(PAGES.forms)  # as where the families of page views are enabled
event_from_line = SOURCE.event_from_line
event_from_mapping = SOURCE.event_from_mapping
