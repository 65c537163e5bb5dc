"""Files of open assessments: described, and taken away."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_caliper.parts import EventKind, EventParts

from .fields import FileFields, FilesFields, file_iri, files_iri

family = Family("caliper.open_assessment_files")

MANAGED: EventKind = {"type": "ResourceManagementEvent", "profile": "ResourceManagementProfile"}


@family.maps("openassessmentblock.save_files_descriptions", reads=FilesFields, action="Described", **MANAGED)
def files_described(files: FilesFields, platform: Platform) -> EventParts:
    """The learner describes the files of an answer."""
    return {"object": {"id": files_iri(files, platform), "type": "Document"}}


@family.maps("openassessmentblock.remove_uploaded_file", reads=FileFields, action="Deleted", **MANAGED)
def file_removed(file: FileFields, platform: Platform) -> EventParts:
    """The learner takes a file away."""
    return {"object": {"id": file_iri(file, platform), "type": "Document"}}
