"""Files of open assessments: described, and taken away."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import StatementParts

from .fields import FileFields, FilesFields, file_iri, files_iri

family = Family("xapi.open_assessment_files")


@family.maps("openassessmentblock.save_files_descriptions", reads=FilesFields, verb=v.DESCRIBED, activity=v.FILE)
def files_described(files: FilesFields, platform: Platform) -> StatementParts:
    """The learner describes the files of an answer."""
    return {"object": {"id": files_iri(files, platform)}}


@family.maps("openassessmentblock.remove_uploaded_file", reads=FileFields, verb=v.REMOVED, activity=v.FILE)
def file_removed(file: FileFields, platform: Platform) -> StatementParts:
    """The learner takes a file away."""
    return {"object": {"id": file_iri(file, platform)}}
