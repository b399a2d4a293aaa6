"""A layer cut by columns and rows, and a model cut into stages, equal the same on one device."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from small_worlds import alone, columns_and_rows, examples, perceptron, stages
from torch import nn

from course_lib.training.distributed.launch import ProcessFailed, on_processes
from course_lib.training.distributed.model_parallel import TensorParallelMLP, pipeline_step


def test_columns_then_rows_equal_the_whole_layer():
    model, (x, y) = perceptron(), examples(5)
    x.requires_grad_()
    output = model(x)
    F.mse_loss(output, y).backward()
    first, second = model[0], model[2]
    for rank, (found, x_gradient, gradients) in enumerate(on_processes(columns_and_rows)):
        own = slice(4 * rank, 4 * rank + 4)
        expected = [
            first.weight.grad[own],
            first.bias.grad[own],
            second.weight.grad[:, own],
            second.bias.grad,
        ]
        torch.testing.assert_close(found, output.detach())
        torch.testing.assert_close(x_gradient, x.grad)
        torch.testing.assert_close(gradients, expected)
        assert gradients[0].shape == (4, 6)


@pytest.mark.parametrize("micro_batches", [1, 4, 8])
def test_two_stages_equal_the_whole_model(micro_batches: int):
    model, (x, y) = perceptron(), examples(8)
    loss = F.mse_loss(model(x), y).detach()
    found = on_processes(stages, micro_batches)
    torch.testing.assert_close(found[0][0], loss)
    torch.testing.assert_close(found[1][0], loss)
    torch.testing.assert_close([*found[0][1], *found[1][1]], alone(8))


@pytest.mark.parametrize("micro_batches", [0, 3])
def test_micro_batches_must_divide_the_batch(micro_batches: int):
    with pytest.raises(ProcessFailed, match=f"micro_batches must divide the batch of 8, got {micro_batches}"):
        on_processes(stages, micro_batches)
    with pytest.raises(ValueError, match="micro_batches must divide"):
        pipeline_step(perceptron(), *examples(8), F.mse_loss, micro_batches=3, boundary=(8,))


@pytest.mark.parametrize(
    ("first", "second", "size", "message"),
    [
        (nn.Linear(2, 6), nn.Linear(4, 2), 2, "first must give what second takes, 4 units, got 6"),
        (nn.Linear(2, 6, bias=False), nn.Linear(6, 2), 2, "first and second must have a bias"),
        (nn.Linear(2, 6), nn.Linear(6, 2), 4, "total must be a multiple of the 4 processes, got 6"),
    ],
)
def test_layers_that_cannot_be_cut_are_refused(first, second, size, message):
    with pytest.raises(ValueError, match=message):
        TensorParallelMLP(first, second, 0, size)
