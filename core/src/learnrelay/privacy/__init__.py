"""Grades personal data, traces it to the outputs, and prunes events of undeclared values."""
