"""Floating-point formats (fp32, bf16, fp16, fp8), bit by bit: decoding a pattern, rounding a number."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class NumberFormat:
    """A binary format: a sign bit, exponent bits, fraction bits, from the highest bit to the lowest.

    Attributes:
        name: as people say it.
        exponent_bits: at least 2.
        fraction_bits: at least 1; one more digit, the leading 1, is never stored.
        infinities: the highest exponent holds ±∞ and NaNs (IEEE 754). If not, it holds numbers like any
            other, and only the pattern of all ones is NaN.
        ties_to_even: of two equally near numbers the one whose last bit is 0; if not, the one farther from 0.
        dtype: torch's type of this format, if it has one.
    """

    name: str
    exponent_bits: int
    fraction_bits: int
    infinities: bool = True
    ties_to_even: bool = True
    dtype: torch.dtype | None = None

    @property
    def bias(self) -> int:
        """What is subtracted from the stored exponent."""
        return 2 ** (self.exponent_bits - 1) - 1

    @property
    def bits(self) -> int:
        """Bits in all."""
        return 1 + self.exponent_bits + self.fraction_bits

    @property
    def beyond(self) -> int:
        """The first pattern, without sign, that is no finite number."""
        every_one = 2 ** (self.bits - 1) - 1
        return every_one - 2**self.fraction_bits + 1 if self.infinities else every_one

    @property
    def not_a_number(self) -> int:
        """The pattern of a NaN, without sign."""
        return self.beyond + 2 ** (self.fraction_bits - 1) if self.infinities else self.beyond

    @property
    def largest(self) -> float:
        """The largest finite number."""
        return decode(torch.tensor(self.beyond - 1), self).item()

    @property
    def smallest_normal(self) -> float:
        """The smallest positive number with all its digits."""
        return 2.0 ** (1 - self.bias)

    @property
    def smallest(self) -> float:
        """The smallest positive number, of one digit."""
        return 2.0 ** (1 - self.bias - self.fraction_bits)

    @property
    def epsilon(self) -> float:
        """The gap between 1 and the next number."""
        return 2.0**-self.fraction_bits


FP32 = NumberFormat("fp32", 8, 23, dtype=torch.float32)
# No memory holds this one: a GPU's matrix unit makes it of fp32 operands, and rounds ties away from 0.
TF32 = NumberFormat("tf32", 8, 10, ties_to_even=False)
BF16 = NumberFormat("bf16", 8, 7, dtype=torch.bfloat16)
FP16 = NumberFormat("fp16", 5, 10, dtype=torch.float16)
E5M2 = NumberFormat("fp8 e5m2", 5, 2, dtype=torch.float8_e5m2)
E4M3 = NumberFormat("fp8 e4m3", 4, 3, infinities=False, dtype=torch.float8_e4m3fn)
FORMATS: dict[str, NumberFormat] = {each.name: each for each in (FP32, TF32, BF16, FP16, E5M2, E4M3)}
"""The formats of the book, by name, from the most bits to the fewest."""


def decode(codes: Tensor, form: NumberFormat) -> Tensor:
    r"""Say which numbers patterns of bits, whole numbers from 0 to 2**bits − 1, stand for: float64, exact.

    $$\text{value} = \begin{cases}
        (-1)^s \, 2^{e - \text{bias}} \, (1 + f/2^F) & e > 0 \\
        (-1)^s \, 2^{1 - \text{bias}} \, (f/2^F)     & e = 0 \quad \text{(subnormal, and 0)}
      \end{cases}$$

    with s, e, f the sign, exponent and fraction read as whole numbers, F the fraction's bits; ±∞ and NaN
    where the pattern says so. ``TypeError`` if ``codes`` are not whole numbers, ``ValueError`` if one is out
    of range.

    Source: IEEE 754-2019, section 3.4; for e4m3, P. Micikevicius et al., arXiv:2209.05433, table 1.
    """
    sign, exponent, fraction = split_fields(codes, form)
    normal = exponent > 0
    significand = normal.double() + fraction.double() * form.epsilon
    size = significand * _power_of_two(torch.where(normal, exponent, 1) - form.bias)
    pattern = codes.long() & (2 ** (form.bits - 1) - 1)
    size[pattern >= form.beyond] = torch.nan
    if form.infinities:
        size[pattern == form.beyond] = torch.inf
    return torch.where(sign.bool(), -size, size)


def encode(x: Tensor, form: NumberFormat) -> Tensor:
    r"""Find the pattern of the format's number nearest to each x: int64, of the shape of ``x``.

    With $2^E \le |x| < 2^{E+1}$, E raised to 1 − bias where it is lower, the format's numbers near x lie
    $2^{E-F}$ apart; n is |x| in these steps, rounded to a whole number:

    $$\text{pattern} = 2^F (E + \text{bias} - 1) + n, \qquad n = \operatorname{round}(|x| / 2^{E-F})$$

    Where rounding reaches the next power of two, the sum carries into the exponent by itself; where it passes
    the largest number, it becomes ∞. A format without one saturates: whatever is beyond, ∞ too, becomes the
    largest number, as in torch's cast (older versions made a NaN of it, which the standard also allows). A
    NaN has the sign of x and the format's own payload. ``TypeError`` if ``x`` is neither float64 nor float32.

    Source: IEEE 754-2019, section 4.3.1 (roundTiesToEven, roundTiesToAway); saturation: OCP 8-bit Floating
        Point Specification 1.0.
    """
    if not isinstance(x, Tensor) or x.dtype not in (torch.float64, torch.float32):
        kind = x.dtype if isinstance(x, Tensor) else type(x).__name__
        raise TypeError(f"x must be a float64 or float32 tensor, got {kind}")
    size = x.detach().double().abs()
    finite = size.isfinite()
    size = torch.where(finite, size, 1.0)
    exponent = (torch.frexp(size.clamp(min=form.smallest_normal)).exponent - 1).long()
    steps = size * _power_of_two(form.fraction_bits - exponent)
    steps = steps.round() if form.ties_to_even else (steps + 0.5).floor()
    pattern = (exponent + form.bias - 1) * 2**form.fraction_bits + steps.long()
    highest = form.beyond if form.infinities else form.beyond - 1
    pattern = torch.where(finite, pattern, highest).clamp(max=highest)
    pattern[x.isnan()] = form.not_a_number
    return pattern + x.signbit().long() * 2 ** (form.bits - 1)


def round_to(x: Tensor, form: NumberFormat) -> Tensor:
    """Replace each number by the format's nearest, in float64: ``decode(encode(x))``."""
    return decode(encode(x, form), form)


def split_fields(codes: Tensor, form: NumberFormat) -> tuple[Tensor, Tensor, Tensor]:
    """Cut patterns into sign, exponent (with its bias) and fraction, int64 each; errors as ``decode``."""
    if not isinstance(codes, Tensor) or codes.is_floating_point() or codes.dtype == torch.bool:
        kind = codes.dtype if isinstance(codes, Tensor) else type(codes).__name__
        raise TypeError(f"codes must be a tensor of whole numbers, got {kind}")
    if codes.numel() and not (codes.min() >= 0 and codes.max() < 2**form.bits):
        raise ValueError(
            f"codes must be from 0 to {2**form.bits - 1}, got {codes.min().item()} … {codes.max().item()}"
        )
    codes = codes.long()
    exponent = (codes >> form.fraction_bits) % 2**form.exponent_bits
    return codes >> (form.bits - 1), exponent, codes % 2**form.fraction_bits


def bit_text(code: int, form: NumberFormat) -> str:
    """Write a pattern as bits, its three fields apart: ``'0 01111 1000000000'`` is 1.5 in fp16."""
    sign, exponent, fraction = (int(field) for field in split_fields(torch.tensor(code), form))
    return f"{sign} {exponent:0{form.exponent_bits}b} {fraction:0{form.fraction_bits}b}"


def _power_of_two(exponent: Tensor) -> Tensor:
    """2**exponent, float64, by writing its bits: from −1022 to 1023, exact on every machine."""
    return ((exponent + 1023) << 52).view(torch.float64)
