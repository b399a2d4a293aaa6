"""An assignment for nbgrader: a course folder with the source, the checker and the settings."""

from __future__ import annotations

from pathlib import Path

from course_classroom import release_notebook
from course_classroom.assignment import Assignment
from course_classroom.chapter_exercises import Stub

CONFIG = '''"""Settings for nbgrader: run its commands in this folder."""

c = get_config()  # noqa: F821: nbgrader defines it
c.CourseDirectory.course_id = "{course}"
c.ClearSolutions.code_stub = {{"python": "# your answer here\\n..."}}
c.ExecutePreprocessor.timeout = 120  # seconds per cell
c.ExecutePreprocessor.startup_timeout = 120
c.ClearSolutions.enforce_metadata = True
'''


def write_course(assignment: Assignment, stubs: list[Stub], checker: str, folder: Path) -> Path:
    """Write a folder that `nbgrader generate_assignment` can be run in.

    Args:
        assignment: the instructor's, with a seed for marking.
        stubs: of its items, in their order.
        checker: the source of its one-file checker.
        folder: to be made.

    Returns:
        The source notebook's path, `source/<name>/<name>.ipynb`. nbgrader's settings lie beside `source`.

    Raises:
        ValueError: if the assignment has no seed for marking.
        FileExistsError: if the assignment's source is there already.
    """
    content = release_notebook.notebook(assignment, stubs, "nbgrader")
    source = folder / "source" / assignment.name
    source.mkdir(parents=True)
    path = source / f"{assignment.name}.ipynb"
    path.write_bytes(release_notebook.as_bytes(content))
    (source / "checker.py").write_text(checker, "utf-8")
    (folder / "nbgrader_config.py").write_text(CONFIG.format(course=assignment.name), "utf-8")
    return path
