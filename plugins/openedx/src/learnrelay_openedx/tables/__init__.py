"""Reads tables of the LMS: who a learner is, and what a course is called."""
