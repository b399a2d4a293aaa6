"""The script that stores outputs: the same bytes each time, and never half a file."""

from __future__ import annotations

import datetime
import sys
from pathlib import Path

import execute_notebooks
import nbformat
import pytest
import torch
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output


def messy() -> nbformat.NotebookNode:
    """A notebook as an editor leaves it: times, widget state, odd counts, a stream in two pieces."""
    cell = new_code_cell("print(1); print(2)", execution_count=17)
    cell.metadata = nbformat.from_dict(
        {
            "execution": {"iopub.execute_input": "2026-01-01T00:00:00Z"},
            "tags": ["hide-input"],
            "scrolled": True,
        }
    )
    widget = {"text/plain": "Tangent", "application/vnd.jupyter.widget-view+json": {"model_id": "a1b2"}}
    cell.outputs = [
        new_output("stream", name="stdout", text="1\n"),
        new_output("stream", name="stdout", text="2\n"),
        new_output("execute_result", data=widget, execution_count=17, metadata={"needs_background": "light"}),
    ]
    notebook = new_notebook(cells=[new_markdown_cell("# T\n"), cell, new_code_cell("3")])
    notebook.metadata = nbformat.from_dict({"widgets": {"state": {}}, "language_info": {"version": "3.11.7"}})
    return notebook


def test_normalising_leaves_nothing_that_changes_by_itself():
    notebook = execute_notebooks.normalise(messy())
    first, second = notebook.cells[1:]
    assert [cell.id for cell in notebook.cells] == ["cell-001", "cell-002", "cell-003"]
    assert (first.execution_count, second.execution_count) == (1, 2)
    assert first.metadata == {"tags": ["hide-input"]}
    assert [output.output_type for output in first.outputs] == ["stream", "execute_result"]
    assert first.outputs[0].text == "1\n2\n"
    assert first.outputs[1].data == {"text/plain": "Tangent"}
    assert first.outputs[1].execution_count == 1
    assert first.outputs[1].metadata == {}
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert "version" not in notebook.metadata.language_info


@pytest.mark.parametrize(
    ("tags", "stored"), [([], ["1\n", "W 02:15\n", "2\n"]), ([execute_notebooks.UNCHECKED], ["1\n2\n"])]
)
def test_warnings_of_a_cell_that_nobody_compares_are_not_stored(tags, stored):
    cell = new_code_cell("warn()", metadata={"tags": tags})
    cell.outputs = [
        new_output("stream", name=name, text=text)
        for name, text in (("stdout", "1\n"), ("stderr", "W 02:15\n"), ("stdout", "2\n"))
    ]
    [cell] = execute_notebooks.normalise(new_notebook(cells=[cell])).cells
    assert [output.text for output in cell.outputs] == stored


def test_an_output_is_folded_as_long_as_its_cell_is_tagged():
    cell = new_code_cell("1 + 1", metadata={"tags": [execute_notebooks.COVERED]})
    [cell] = execute_notebooks.normalise(new_notebook(cells=[cell])).cells
    assert cell.metadata.jupyter.outputs_hidden
    cell.metadata.tags.clear()
    [cell] = execute_notebooks.normalise(new_notebook(cells=[cell])).cells
    assert "jupyter" not in cell.metadata


def test_what_ran_it_stays_with_the_notebook():
    notebook = messy()
    notebook.metadata["verified"] = execute_notebooks.verified()
    kept = execute_notebooks.normalise(notebook).metadata["verified"]
    assert torch.__version__.startswith(kept["torch"])
    assert sys.version.startswith(kept["python"])
    assert datetime.date.fromisoformat(kept["date"]) <= datetime.date.today()


def test_normalising_twice_changes_nothing():
    once = nbformat.writes(execute_notebooks.normalise(messy()))
    again = nbformat.writes(execute_notebooks.normalise(nbformat.reads(once, as_version=4)))
    assert once == again


def test_a_messy_file_is_not_normal(tmp_path: Path):
    path = tmp_path / "a.ipynb"
    nbformat.write(messy(), path)
    assert not execute_notebooks.is_normal(path)
    execute_notebooks.write(execute_notebooks.normalise(messy()), path)
    assert execute_notebooks.is_normal(path)


def test_running_twice_gives_the_same_bytes(tmp_path: Path):
    source = "import torch\ntorch.manual_seed(0)\nprint(torch.rand(2))\n{3, 1, 2}"
    path = tmp_path / "a.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell(source)]), path)
    stored = []
    for _ in range(2):
        notebook = nbformat.read(path, as_version=4)
        execute_notebooks.execute(notebook, tmp_path)
        execute_notebooks.write(execute_notebooks.normalise(notebook), path)
        stored.append(path.read_bytes())
    assert stored[0] == stored[1]
    assert b"tensor([" in stored[0]


def test_a_failing_cell_leaves_the_file_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "a.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell("1 / 0")]), path)
    before = path.read_bytes()
    monkeypatch.setattr("sys.argv", ["execute_notebooks.py", str(path)])
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        execute_notebooks.main()
    assert path.read_bytes() == before


def test_an_interrupted_write_leaves_the_old_file_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "a.ipynb"
    path.write_text("old", "utf8")

    def torn(_notebook: nbformat.NotebookNode, target: Path) -> None:
        target.write_text("half", "utf8")
        raise KeyboardInterrupt

    monkeypatch.setattr(execute_notebooks.nbformat, "write", torn)
    with pytest.raises(KeyboardInterrupt):
        execute_notebooks.write(execute_notebooks.normalise(messy()), path)
    assert path.read_text("utf8") == "old"
