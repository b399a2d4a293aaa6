"""Gradient checking: one derivative computed four ways, and the verdict whether the four agree.

The four ways are four programs: the closed formula, a hand-written pass that calls no autograd, torch's
autograd, and central finite differences in float64. A mistake in any one of them shows as one way standing
against the other three.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.checks import check_floating

Gradients = tuple[Tensor, ...]
WAYS = ("formula", "by hand", "autograd", "finite difference")


def autograd_gradient(function: Callable[..., Tensor], *inputs: Tensor) -> Gradients:
    """Gradient of a scalar function by reverse-mode automatic differentiation, 0 for an input it ignores."""
    _check_floating(inputs)
    leaves = tuple(x.detach().clone().requires_grad_() for x in inputs)
    result = _scalar(function(*leaves))
    gradients = torch.autograd.grad(result, leaves, allow_unused=True, materialize_grads=True)
    return tuple(g.detach() for g in gradients)


def central_difference(
    function: Callable[..., Tensor], *inputs: Tensor, step: float | None = None
) -> Gradients:
    r"""Central differences: gradient of a scalar function, of float64 inputs, from its values alone.

    $$\frac{\partial f}{\partial x_i} \approx \frac{f(x + h e_i) - f(x - h e_i)}{2h},
      \qquad\text{error } \tfrac{h^2}{6}\,|f'''| + \tfrac{\varepsilon}{h}\,|f|.$$

    ``step`` is h, above zero, in the input's unit; by default ε^(1/3) · max(1, |x_i|), which balances the two
    error terms for a function of ordinary size. ``TypeError`` if an input is not float64: in float32 the
    difference drowns in rounding.

    Source: Nocedal and Wright, *Numerical Optimization*, 2nd edition, 2006, section 8.1.
    """
    if step is not None and not step > 0.0:
        raise ValueError(f"step must be above zero, got {step}")
    _check_floating(inputs)
    for i, x in enumerate(inputs):
        if x.dtype != torch.float64:
            raise TypeError(f"inputs[{i}] must be float64 for finite differences, got {x.dtype}")
    moved = [x.detach().clone(memory_format=torch.contiguous_format) for x in inputs]
    gradients = []
    with torch.no_grad():
        for original, x in zip(inputs, moved, strict=True):
            gradient = torch.zeros_like(x).reshape(-1)
            start, now = original.detach().reshape(-1), x.view(-1)
            for i in range(now.numel()):
                centre = start[i].item()
                h = step or torch.finfo(torch.float64).eps ** (1 / 3) * max(1.0, abs(centre))
                now[i] = centre + h
                above, reached_above = _scalar(function(*moved)).item(), now[i].item()
                now[i] = centre - h
                below, reached_below = _scalar(function(*moved)).item(), now[i].item()
                now[i] = centre
                gradient[i] = (above - below) / (reached_above - reached_below)
            gradients.append(gradient.reshape(x.shape))
    return tuple(gradients)


@dataclass(frozen=True)
class FourWays:
    """The four gradients of one function at one point (one tensor per input), and how far apart they lie.

    ``tolerance`` is the largest difference counted as agreement, relative to the size of the gradient (at
    least 1).
    """

    gradients: dict[str, Gradients]
    tolerance: float

    def distance(self, one: str, other: str) -> float:
        """Largest difference between two ways over all entries, relative to the largest (at least 1)."""
        pairs = list(zip(self.gradients[one], self.gradients[other], strict=True))
        if any(a.shape != b.shape for a, b in pairs):
            return float("inf")
        size = max([1.0, *(a.abs().max().item() for a, _ in pairs if a.numel())])
        gap = [(a - b).abs().max() for a, b in pairs if a.numel()]
        return torch.stack(gap).max().nan_to_num(nan=float("inf")).item() / size if gap else 0.0

    def _agree(self, ways: Sequence[str]) -> bool:
        return all(self.distance(*pair) <= self.tolerance for pair in itertools.combinations(ways, 2))

    @property
    def agree(self) -> bool:
        """Whether every pair of ways lies within the tolerance."""
        return self._agree(WAYS)

    @property
    def odd_one_out(self) -> str | None:
        """The one way that stands against three that agree; None if there is no such way."""
        suspects = [way for way in WAYS if self._agree([other for other in WAYS if other != way])]
        return suspects[0] if suspects and not self.agree else None

    def __repr__(self) -> str:
        rows = [f"{way:>17}  {_entries(self.gradients[way])}" for way in WAYS]
        if self.agree:
            verdict = f"all four agree to {self.tolerance:g}"
        elif self.odd_one_out:
            verdict = f"three agree; “{self.odd_one_out}” stands against them"
        else:
            verdict = "the ways disagree with each other"
        return "\n".join([*rows, f"{'':>17}  {verdict}"])


def compare_four_ways(
    function: Callable[..., Tensor],
    *inputs: Tensor,
    formula: Callable[..., Tensor | Sequence[Tensor]],
    by_hand: Callable[..., Tensor | Sequence[Tensor]],
    tolerance: float = 1e-6,
) -> FourWays:
    """Compute the gradient of `function` at `inputs` in four ways; never raises for a disagreement.

    ``function`` takes float64 inputs of any shape and returns one number. ``formula`` and ``by_hand``, run
    without autograd, take the inputs too and return the gradient: a tensor for one input, else a sequence,
    one for each (else ``ValueError``).
    """
    with torch.no_grad():
        written = {"formula": formula(*inputs), "by hand": by_hand(*inputs)}
    gradients = {name: _as_gradients(value, len(inputs), name) for name, value in written.items()}
    gradients["autograd"] = autograd_gradient(function, *inputs)
    gradients["finite difference"] = central_difference(function, *inputs)
    return FourWays(gradients, tolerance)


def four_ways(
    function: Callable[..., Tensor],
    *inputs: Tensor,
    formula: Callable[..., Tensor | Sequence[Tensor]],
    by_hand: Callable[..., Tensor | Sequence[Tensor]],
    tolerance: float = 1e-6,
) -> FourWays:
    """As `compare_four_ways`, but a disagreement raises `AssertionError` naming the way that stands alone."""
    report = compare_four_ways(function, *inputs, formula=formula, by_hand=by_hand, tolerance=tolerance)
    if not report.agree:
        raise AssertionError(f"the four ways disagree\n{report!r}")
    return report


def _check_floating(inputs: Sequence[Tensor]) -> None:
    check_floating(**{f"inputs[{i}]": x for i, x in enumerate(inputs)})


def _scalar(result: Tensor) -> Tensor:
    if not isinstance(result, Tensor) or result.numel() != 1:
        kind = f"shape {tuple(result.shape)}" if isinstance(result, Tensor) else type(result).__name__
        raise ValueError(f"function must return a tensor with one element, got {kind}")
    return result.reshape(())


def _as_gradients(value: Tensor | Sequence[Tensor], count: int, name: str) -> Gradients:
    gradients = (value,) if isinstance(value, Tensor) else tuple(value)
    if len(gradients) != count:
        raise ValueError(f"{name} must return {count} gradient(s), one per input, got {len(gradients)}")
    return tuple(g.detach().to(torch.float64) for g in gradients)


def _entries(gradients: Gradients, most: int = 4) -> str:
    numbers = torch.cat([g.reshape(-1) for g in gradients])
    shown = " ".join(f"{round(x, 5) + 0.0:10.5f}" for x in numbers[:most].tolist())
    rest = len(numbers) - most
    return shown + (f"  … and {rest} more" if rest > 0 else "")
