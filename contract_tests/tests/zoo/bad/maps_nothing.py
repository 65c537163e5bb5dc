"""A family without a single event: nothing can go wrong in it.

Caught by: samples.reach
"""

from learnrelay import Family

family = Family("carrier.zoo")
