"""Activation checkpointing: modules that forget what they computed, and compute it again for the gradient."""

from __future__ import annotations

import functools
from collections.abc import Iterable

from torch import nn
from torch.utils.checkpoint import checkpoint


def recompute(modules: Iterable[nn.Module]) -> None:
    """Let modules keep only their inputs for the backward pass, and run forward a second time within it.

    The gradients are the same; memory for activations falls to one input a module, and each module's forward
    pass is paid twice. Random numbers, such as dropout's, are drawn again as they were. Names in the state
    dict are not affected.

    Args:
        modules: changed in place, such as a GPT's ``blocks``; a large part of the model each.

    Raises:
        ValueError: if one recomputes already, or is given twice.

    Source: T. Chen et al., arXiv:1604.06174, section 3.
    Taught in: "GPU, mixed precision and torch.compile".
    """
    for module in modules:
        if "forward" in vars(module):
            raise ValueError(f"modules must not recompute already, got a changed {type(module).__name__}")
        module.forward = functools.partial(checkpoint, module.forward, use_reentrant=False)
