"""What the specification accepts as an xAPI statement, 1.0.3 and 2.0.

For contract tests and `learnrelay transform --validate`, not for the path of an event.
"""

from learnrelay_xapi.schema.objects import StatementSchema, StatementSchema2, statement_schema

__all__ = ["StatementSchema", "StatementSchema2", "statement_schema"]
