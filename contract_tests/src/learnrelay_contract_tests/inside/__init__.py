"""Runs in the process of a plugin while it is tested.

The process looks like a worker of an operator, so that a plugin cannot detect a test and behave differently. It
runs events through the real assembly and pipeline and returns the outcomes; all checks run elsewhere, out of the
plugin's reach. Nothing here imports other parts of the harness.
"""
