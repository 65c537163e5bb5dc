"""What Open edX events mean, understood once for all standards (ADR 5).

Field declarations and facts that more than one standard needs: who the learner is, what a course or a block is,
what a video event or a problem submission tells. No event is named here and nothing of a standard is known.
"""
