"""Has a family without an event.

Caught by: samples.reach
"""

from learnrelay import Family

family = Family("carrier.zoo")
