"""Shows, masked, what passes a stage of a running relay (``learnrelay tap``, ADR 24).

A tap is a request in a folder of the outbox, and a socket beside it. Each process that runs the pipeline looks into the
folder once a second, and sends what passes to the socket; without a tap there is no folder, and nothing else is done.
"""
