"""Every exercise of the book, as "topic.name"."""

from __future__ import annotations

import importlib
import pkgutil

import course_lib.exercises
from course_lib.exercises.exercise import Exercise

EXERCISES: dict[str, Exercise] = {
    f"{module.name}.{name}": exercise
    for module in pkgutil.iter_modules(course_lib.exercises.__path__)
    if module.name not in course_lib.exercises.MACHINERY
    for name, exercise in importlib.import_module(f"course_lib.exercises.{module.name}").EXERCISES.items()
}
