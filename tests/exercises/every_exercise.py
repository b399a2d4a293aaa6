"""Every exercise of the book, as "topic.name"."""

from __future__ import annotations

import importlib
import pkgutil

import course_exercises
from course_exercises.exercise import Exercise

EXERCISES: dict[str, Exercise] = {
    f"{module.name}.{name}": exercise
    for module in pkgutil.iter_modules(course_exercises.__path__)
    if not module.ispkg and module.name not in course_exercises.MACHINERY
    for name, exercise in importlib.import_module(f"course_exercises.{module.name}").EXERCISES.items()
}
