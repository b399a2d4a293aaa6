"""Pruning: unstructured (single weights, set to zero) and structured (whole channels, removed)."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn

_PRUNED = (nn.Linear, nn.Conv2d)


def prune_weights(model: nn.Module, share: float) -> nn.Module:
    """Unstructured magnitude pruning: set a share of each linear layer's and convolution's weights to 0.

    In a copy, round(share·n) of n weights go, those of least absolute value, of equals the first; biases are
    left alone. Nothing gets smaller or faster: a zero takes 4 bytes and a multiplication like any other
    number. ``ValueError`` if ``share`` is not from 0 to 1, or the model holds no such layer.

    Source: S. Han et al., arXiv:1506.02626, section 3.
    """
    _check_share(share)
    model = copy.deepcopy(model)
    layers = [layer for layer in model.modules() if isinstance(layer, _PRUNED)]
    if not layers:
        raise ValueError(f"model must hold an nn.Linear or nn.Conv2d, got {type(model).__name__}")
    with torch.no_grad():
        for layer in layers:
            count = round(share * layer.weight.numel())
            smallest = layer.weight.abs().flatten().argsort(stable=True)[:count]
            layer.weight.put_(smallest, layer.weight.new_zeros(count))
    return model


def prune_channels(model: nn.Module, chain: Sequence[str], share: float) -> nn.Module:
    """Structured pruning: remove whole outputs of each layer but the last, and the next layer's inputs.

    The outputs with the least sums of absolute weights go. A convolution's channel may be several inputs of a
    linear layer after it, as many as the channel's map has places, in a row (as ``flatten`` lays them out).
    ``chain`` names the layers in the order the data takes; between two of them there may only be what treats
    each channel alone: ReLU, pooling, dropout, flatten. Of each layer's outputs the share goes, from 0 to
    below 1, and at least one stays. Gives a copy with smaller layers.

    ``ValueError`` if the chain has fewer than two layers, a name is none of a linear layer or ungrouped
    convolution, or two layers do not fit together.

    Source: H. Li et al., arXiv:1608.08710, section 3.1.
    """
    _check_share(share)
    if share == 1:
        raise ValueError("share must be below 1 for channels, got 1")
    if len(chain) < 2:
        raise ValueError(f"chain must name at least two layers, got {list(chain)}")
    model = copy.deepcopy(model)
    found = dict(model.named_modules())
    for name in chain:
        if not isinstance(found.get(name), _PRUNED) or getattr(found[name], "groups", 1) != 1:
            raise ValueError(f"chain must name linear layers or ungrouped convolutions, got {name!r}")
    for name, after in itertools.pairwise(chain):
        layer, reader = found[name], found[after]
        outputs, inputs = layer.weight.shape[0], reader.weight.shape[1]
        if inputs % outputs:
            raise ValueError(
                f"chain must be in the data's order: {after} reads {inputs}, {name} gives {outputs}"
            )
        sums = layer.weight.detach().abs().flatten(1).sum(1)
        count = outputs - min(round(share * outputs), outputs - 1)
        keep = sums.argsort(descending=True, stable=True)[:count].sort().values
        _select(layer, keep, axis=0)
        places = inputs // outputs
        _select(reader, (keep[:, None] * places + torch.arange(places)).flatten(), axis=1)
    return model


def _check_share(share: float) -> None:
    if not 0 <= share <= 1:
        raise ValueError(f"share must be from 0 to 1, got {share}")


def _select(layer: nn.Linear | nn.Conv2d, keep: Tensor, *, axis: int) -> None:
    """Keep some outputs (axis 0) or inputs (axis 1) of a layer, in place."""
    layer.weight = nn.Parameter(layer.weight.detach().index_select(axis, keep))
    if axis == 0 and layer.bias is not None:
        layer.bias = nn.Parameter(layer.bias.detach()[keep])
    kind = "features" if isinstance(layer, nn.Linear) else "channels"
    setattr(layer, f"{'in' if axis else 'out'}_{kind}", len(keep))
