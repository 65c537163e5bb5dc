"""Special exams."""
