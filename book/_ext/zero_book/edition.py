"""Which edition of the book is built: the readers' own, a course's for students, or its instructor's.

The environment variable BOOK_EDITION names it: empty, "student" or "instructor"; `make book EDITION=student`
sets it. Pages may speak to one edition alone, for instance `:::{only} student_edition`.
"""

from __future__ import annotations

import os
from typing import Any, Literal

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ConfigError

Edition = Literal["", "student", "instructor"]
VARIABLE = "BOOK_EDITION"
LABELS: dict[Edition, str] = {"": "", "student": "Student edition", "instructor": "Instructor’s edition"}


def from_environment() -> Edition:
    """The edition that the environment asks for; the readers' where it says nothing.

    Raises:
        ConfigError: if it is none of LABELS.
    """
    asked = os.environ.get(VARIABLE, "")
    if asked not in LABELS:
        raise ConfigError(f"{VARIABLE} must be 'student', 'instructor' or empty, got {asked!r}")
    return asked


def say_so(app: Sphinx, config: Config) -> None:
    """Put the edition's name into every page's header and into the titles of its windows."""
    label = LABELS[config.book_edition]
    if label:
        app.tags.add(f"{config.book_edition}_edition")
        config.html_title = f"{config.html_title} · {label}"
        options = config.html_theme_options
        options["article_header_start"] = ["toggle-primary-sidebar.html", "edition.html"]


def add_label(
    app: Sphinx, _page: str, _template: str, context: dict[str, Any], _doctree: nodes.document | None
) -> None:
    """Give the header's template what it says."""
    context["edition_label"] = LABELS[app.config.book_edition]


def register(app: Sphinx) -> None:
    """Know the edition; pages read for another one are read again."""
    app.add_config_value("book_edition", from_environment(), "env", types=[str])
    app.connect("config-inited", say_so, priority=900)
    app.connect("html-page-context", add_label)
