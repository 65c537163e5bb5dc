"""Details of special exams: what happens around an attempt."""

from __future__ import annotations

from ..exam.fields import AttemptFields, ExamBlockFields, ExamFields, PastAttemptFields, UnlimitedAttemptFields


class OfferedExamFields(ExamFields):
    """Declares an exam that is offered."""


class AttemptDetailFields(AttemptFields):
    """Declares an attempt about which there is a detail."""


class DiscardedAttemptFields(PastAttemptFields):
    """Declares an attempt that is deleted, or discarded to begin anew."""


class SoftwareFields(ExamBlockFields):
    """Declares an exam of which the software is downloaded."""


class AttemptSoftwareFields(UnlimitedAttemptFields):
    """Declares an attempt for which the software is downloaded."""
