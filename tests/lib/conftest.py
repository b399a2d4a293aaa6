"""Hypothesis without a stopwatch: the machine may be busy, and the cases are what counts."""

from hypothesis import settings

settings.register_profile("book", deadline=None, print_blob=True)
settings.load_profile("book")
