"""Details of special exams."""
