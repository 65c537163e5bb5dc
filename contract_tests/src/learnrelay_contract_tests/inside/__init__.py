"""What runs in the process in which a plugin lives while it is judged.

It looks like a worker of an operator: a plugin that wants to behave only when it is tested finds nothing to tell it
by. It runs what it is sent through the real assembly and pipeline and says what came out; all judging is done
elsewhere, out of the plugin's reach. Nothing here imports anything else of the harness.
"""
