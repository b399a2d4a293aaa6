"""The cell that makes a chapter run in Colab: there once `_config.yml` names an address, and not before.

It installs `course_lib` without its dependencies, so that Colab's own PyTorch stays, and the two small
packages Colab lacks. Anywhere else it does nothing.
"""

from __future__ import annotations

from pathlib import Path

import nbformat
import yaml
from nbformat.v4 import new_code_cell

CONFIGURATION = Path(__file__).resolve().parents[2] / "_config.yml"
TAG = "colab"
SOURCE = """\
import sys

if "google.colab" in sys.modules:
    %pip install --quiet torchmetrics anywidget
    %pip install --quiet --no-deps "course_lib @ git+{address}@{branch}\""""


def repository(configuration: Path = CONFIGURATION) -> tuple[str, str]:
    """The repository's address and branch as the publisher named them; the address is empty until then."""
    settings = yaml.safe_load(configuration.read_text("utf8")).get("repository") or {}
    return (settings.get("url") or "").rstrip("/"), settings.get("branch") or "main"


def placed(notebook: nbformat.NotebookNode, address: str, branch: str = "main") -> nbformat.NotebookNode:
    """Put the cell behind the opening text if there is an address, and take it out if there is none.

    Args:
        notebook: changed in place.
        address: of the repository, without a slash at its end; empty for none.
        branch: which of its branches to install.

    Returns:
        The same notebook. Placing the cell again changes nothing.
    """
    notebook.cells = [cell for cell in notebook.cells if TAG not in cell.metadata.get("tags", [])]
    if address:
        cell = new_code_cell(SOURCE.format(address=address, branch=branch))
        cell.metadata = nbformat.from_dict({"tags": [TAG, "remove-cell"]})
        first_code = next(i for i, c in enumerate(notebook.cells) if c.cell_type == "code")
        notebook.cells.insert(first_code, cell)
    return notebook
