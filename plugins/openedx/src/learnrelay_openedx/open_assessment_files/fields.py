"""Files of open assessments: their descriptions, and files that are taken away. Names and texts are not declared."""

from __future__ import annotations

from learnrelay import Fields, Platform, required
from learnrelay.kinds import text

from ..addresses import block_iri


class FilesFields(Fields):
    """Declares the block whose files are described."""

    block_id = required("context.module.usage_key", kind=text)


class FileFields(FilesFields):
    """Declares one file, by its key in the store, which holds an id of the learner."""

    key = required("data.student_item_key", kind=text, reason="published only as a keyed digest")


def files_iri(files: FilesFields, platform: Platform) -> str:
    """The address of all files of a learner's answer."""
    return block_iri(platform, files.block_id, "files")


def file_iri(file: FileFields, platform: Platform) -> str:
    """The address of a file, by a digest of its key."""
    return block_iri(platform, file.block_id, "file", platform.digest(file.key))
