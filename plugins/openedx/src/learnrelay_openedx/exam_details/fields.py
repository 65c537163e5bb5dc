"""Details of special exams: what happens around an attempt."""

from __future__ import annotations

from ..exam.fields import AttemptFields, ExamFields


class OfferedExamFields(ExamFields):
    """Declares an exam that is offered."""


class AttemptDetailFields(AttemptFields):
    """Declares an attempt about which there is a detail."""
