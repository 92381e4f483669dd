"""In the place of the core's file of that name."""

OVERRIDDEN = True
