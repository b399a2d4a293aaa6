"""Exercises by topic, and the judge that they share."""

MACHINERY = (
    "comparison",
    "random_inputs",
    "forms",
    "raised",
    "relations",
    "slips",
    "showing",
    "rules",
    "judging",
    "exercise",
)
"""The judge's modules, each after those that it imports; every other module, but claims, is a topic."""
