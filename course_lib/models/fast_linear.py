"""Linear layers computed as 1×1 convolutions: the same numbers up to rounding, faster on some CPUs.

PyTorch hands matrix products on the CPU to MKL and convolutions to oneDNN. On processors that are not Intel's
MKL may leave half of the vector unit idle; oneDNN does not.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_WIDTH = 32
_LEAST_IMAGES = 17  # on one thread PyTorch gives oneDNN batches above 16 only


def convolved_linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Compute ``F.linear(x, weight, bias)`` as a 1×1 convolution over images of 32 positions in a row.

    Features are channels, and channels lie innermost in memory ("channels last"), so nothing is copied from a
    contiguous x (…, in_features). Where that would not pay, i.e. off the CPU, in another dtype than float32,
    or for fewer than 544 positions or a number that is no multiple of 32, it is ``F.linear``.
    """
    positions = x.numel() // x.shape[-1]
    images = positions // _WIDTH
    plain = x.device.type != "cpu" or x.dtype != torch.float32
    if plain or positions % _WIDTH or images < _LEAST_IMAGES:
        return F.linear(x, weight, bias)
    image = x.reshape(images, 1, _WIDTH, x.shape[-1]).permute(0, 3, 1, 2)
    result = F.conv2d(image, weight[:, :, None, None], bias)
    return result.permute(0, 2, 3, 1).reshape(*x.shape[:-1], len(weight))


class ConvolvedLinear(nn.Linear):
    """``nn.Linear`` by ``convolved_linear``: the same parameters under the same names."""

    def forward(self, x: Tensor) -> Tensor:
        """(…, in_features) to (…, out_features)."""
        return convolved_linear(x, self.weight, self.bias)


def convolve_linears(model: nn.Module) -> None:
    """Let a model's linear maps, in place, compute as ``ConvolvedLinear`` does."""
    for module in model.modules():
        if type(module) is nn.Linear:
            module.__class__ = ConvolvedLinear  # it differs in ``forward`` alone
