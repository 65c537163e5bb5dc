"""Validates xAPI statements, 1.0.3 and 2.0, as the specification does.

For contract tests and `learnrelay transform --validate`, not for the path of an event.
"""

from learnrelay_xapi.schema.objects import StatementSchema, StatementSchema2, statement_schema

__all__ = ["StatementSchema", "StatementSchema2", "statement_schema"]
