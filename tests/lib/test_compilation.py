"""torch.compile: graphs counted, regions shared; and the chapter's cell without a compiler."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import torch

from course_lib.models.gpt import GPT
from course_lib.training.compilation import GraphCounter

CHAPTER = Path(__file__).parents[2] / "notebooks" / "14_gpu_and_compile.ipynb"


def smooth(x):
    return torch.sin(x) * 2 + 1


def branching(x):
    y = torch.sin(x)
    if y.sum() > 0:
        y = y * 2
    return y + 1


def talking(x):
    y = x * 2
    print("half-way")
    return y + 1


def test_a_smooth_function_is_one_graph_and_gives_the_same():
    x = torch.linspace(-1, 1, 5)
    counter = GraphCounter(smooth)
    assert torch.equal(counter(x), smooth(x))
    assert torch.equal(counter(x + 1), smooth(x + 1))
    assert (len(counter.graphs), counter.operations, counter.reasons) == (1, [3], [])


@pytest.mark.parametrize(("function", "word"), [(branching, "branching"), (talking, "builtin")])
def test_what_cannot_be_traced_breaks_the_graph_in_two(function, word, capsys):
    x = torch.ones(3)
    counter = GraphCounter(function)
    assert torch.equal(counter(x), function(x))
    assert len(counter.graphs) == 2
    assert len(counter.reasons) == 1
    assert word in counter.reasons[0].lower()
    again = len(counter.graphs)
    counter(x)
    assert len(counter.graphs) == again
    capsys.readouterr()


def test_the_branch_not_taken_is_a_graph_of_its_own():
    counter = GraphCounter(branching)
    counter(torch.ones(3))
    counter(-torch.ones(3))
    assert len(counter.graphs) == 3


def test_fullgraph_raises_at_the_break():
    with pytest.raises(torch._dynamo.exc.Unsupported):
        GraphCounter(branching, fullgraph=True)(torch.ones(3))


@pytest.mark.parametrize(
    ("dynamic", "expected"), [(None, [1, 2, 2, 2]), (False, [1, 2, 3, 4]), (True, [1, 1, 1, 1])]
)
def test_new_lengths_make_new_graphs_unless_sizes_are_left_open(dynamic, expected):
    counter = GraphCounter(smooth, dynamic=dynamic)
    found = []
    for length in (3, 4, 5, 6):
        counter(torch.ones(length))
        found.append(len(counter.graphs))
    assert found == expected


def test_a_counter_starts_afresh():
    GraphCounter(branching)(torch.ones(3))
    counter = GraphCounter(branching)
    assert (counter.graphs, counter.reasons) == ([], [])
    counter(torch.ones(3))
    assert len(counter.graphs) == 2


def test_blocks_of_one_shape_share_a_graph_where_the_whole_model_is_one_of_all():
    torch.manual_seed(0)
    ids = torch.randint(64, (2, 16))
    models = [GPT(64, context=32, d_model=32, heads=4, layers=5) for _ in range(2)]
    models[1].load_state_dict(models[0].state_dict())
    whole = GraphCounter(models[0])
    logits = whole(ids)
    assert len(whole.graphs) == 1
    region = GraphCounter(smooth)
    for block in models[1].blocks:
        block.compile(backend=region.keep)
    torch.testing.assert_close(models[1](ids), logits, rtol=0, atol=0)
    assert len(region.graphs) == 1
    assert 5 * region.operations[0] < whole.operations[0] < 5 * region.operations[0] + 20


def test_the_chapters_cell_runs_where_there_is_no_cpp_compiler(tmp_path):
    """In a fresh process with an empty cache and no compiler to be found."""
    notebook = nbformat.read(CHAPTER, as_version=4)
    [cell] = [cell.source for cell in notebook.cells if "torch.compile(net)" in cell.source]
    environment = {
        **os.environ,
        "PATH": str(tmp_path),
        "CXX": str(tmp_path / "none"),
        "TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "cache"),
    }
    script = f"import torch; rows = torch.randn(256, 64)\n{cell}"
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=True
    )
    assert run.stdout.startswith("running uncompiled: ")
    assert run.stdout.endswith("the same bits: True\n")


def test_errors_name_the_parameter():
    with pytest.raises(TypeError, match="function must be callable, got 3"):
        GraphCounter(3)
