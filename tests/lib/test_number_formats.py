"""Number formats by hand, against torch's casts bit for bit and against exact fractions."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
import torch

from course_lib.foundations.number_formats import (
    BF16,
    E4M3,
    E5M2,
    FORMATS,
    FP16,
    FP32,
    TF32,
    bit_text,
    decode,
    encode,
    round_to,
    split_fields,
)

TORCHS = [form for form in FORMATS.values() if form.dtype is not None]
INTEGERS = {8: torch.uint8, 16: torch.int16, 32: torch.int32}


def patterns(x, form):
    """The bits torch stores after its own cast, as whole numbers from 0."""
    return x.to(form.dtype).view(INTEGERS[form.bits]).long() & (2**form.bits - 1)


def awkward(form):
    """float32: every kind of number, ties between neighbours included, both signs."""
    generator = torch.Generator().manual_seed(0)
    # All exponents: random bit patterns of float32 itself.
    anything = torch.randint(-(2**31), 2**31, (20_000,), generator=generator).int().view(torch.float32)
    own = decode(torch.arange(min(form.beyond, 4000)) + max(0, form.beyond - 4000), form)
    low = decode(torch.arange(min(form.beyond, 4000)), form)
    between = [(each[1:] + each[:-1]) / 2 for each in (own, low)]
    nudged = [torch.nextafter(each.float(), torch.tensor(way)) for each in between for way in (0.0, 1e38)]
    special = torch.tensor([0.0, math.inf, math.nan, 1.0, form.largest, form.smallest, form.smallest / 2])
    past = form.largest * torch.tensor([1.0, 1.01, 1.03125, 1.0357142, 1.0625, 1.125, 1.25, 2.0])
    values = [anything, own, low, *between, *nudged, special, past]
    values = torch.cat([each.float() for each in values])
    return torch.cat([values, -values])


@pytest.mark.parametrize("form", TORCHS, ids=lambda form: form.name)
def test_encode_gives_the_bits_of_torchs_cast(form):
    x = awkward(form)
    numbers = ~x.isnan()
    found = encode(x, form)
    assert torch.equal(found[numbers], patterns(x, form)[numbers])
    assert decode(found[~numbers], form).isnan().all()
    assert x.to(form.dtype)[~numbers].float().isnan().all()


def test_float64_is_rounded_to_float32_as_torch_does():
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(50_000, generator=generator, dtype=torch.float64) * 10.0 ** torch.randint(
        -60, 60, (50_000,), generator=generator
    )
    assert torch.equal(encode(x, FP32), patterns(x, FP32))


def test_float64_is_rounded_once():
    """Through float32 first, as torch goes, a number just above a tie becomes the tie, and falls."""
    above_a_tie = torch.tensor(1 + 2.0**-8 + 2.0**-40, dtype=torch.float64)
    assert round_to(above_a_tie, BF16) == 1 + 2.0**-7
    assert round_to(above_a_tie.float(), BF16) == 1.0
    assert above_a_tie.to(torch.bfloat16) == 1.0


@pytest.mark.parametrize("form", TORCHS, ids=lambda form: form.name)
def test_decode_reads_torchs_bits(form):
    codes = torch.arange(2**form.bits) if form.bits < 32 else torch.arange(0, 2**32, 99_991)
    stored = codes.to(INTEGERS[form.bits]).view(form.dtype)
    torch.testing.assert_close(decode(codes, form), stored.double(), rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("form", FORMATS.values(), ids=lambda form: form.name)
def test_every_number_of_the_format_survives(form):
    codes = torch.arange(2**form.bits) if form.bits < 20 else torch.arange(0, 2**form.bits, 99_991)
    values = decode(codes, form)
    numbers = ~values.isnan()
    assert torch.equal(encode(values[numbers], form), codes[numbers])


def test_tf32_rounds_ties_away_and_otherwise_to_the_nearest():
    x = awkward(TF32)
    x = x[x.isfinite()]
    bits = x.view(torch.int32).long() & (2**32 - 1)
    expected = (((bits + 2**12) >> 13) << 13) & (2**32 - 1)
    found = round_to(x, TF32)
    assert torch.equal(found, expected.int().view(torch.float32).double())
    assert round_to(torch.tensor(1 + 2.0**-11), TF32) == 1 + 2.0**-10
    assert round_to(torch.tensor(1 + 2.0**-11), FP16) == 1.0


@pytest.mark.parametrize("form", FORMATS.values(), ids=lambda form: form.name)
def test_no_number_of_the_format_is_nearer(form):
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(300, generator=generator, dtype=torch.float64)
    x = x * 2.0 ** torch.randint(-12, 6, (300,), generator=generator)
    codes = encode(x, form)
    rounded = decode(codes, form)
    for value, code, found in zip(x.tolist(), codes.tolist(), rounded.tolist(), strict=True):
        neighbours = [
            decode(torch.tensor(near), form).item()
            for near in (code - 1, code + 1)
            if 0 <= near % 2 ** (form.bits - 1) < form.beyond and near // 2 ** (form.bits - 1) in (0, 1)
        ]
        distance = abs(Fraction(value) - Fraction(found))
        assert all(distance <= abs(Fraction(value) - Fraction(near)) for near in neighbours)


@pytest.mark.parametrize("form", TORCHS, ids=lambda form: form.name)
def test_limits_are_torchs(form):
    limits = torch.finfo(form.dtype)
    assert (form.largest, form.smallest_normal, form.epsilon) == (limits.max, limits.tiny, limits.eps)
    assert form.smallest == limits.smallest_normal * limits.eps
    assert form.bits == limits.bits


def test_overflow_becomes_infinity_or_the_largest_number():
    assert round_to(torch.tensor(65519.99, dtype=torch.float64), FP16) == 65504
    assert round_to(torch.tensor(65520.0), FP16) == math.inf
    assert round_to(torch.tensor(-65520.0), FP16) == -math.inf
    assert round_to(torch.tensor(464.0), E4M3) == 448
    assert round_to(torch.tensor([464.1, 1e30, math.inf]), E4M3).eq(448).all()
    assert round_to(torch.tensor(-math.inf), E4M3) == -448
    assert round_to(torch.tensor(math.nan), E4M3).isnan()
    assert round_to(torch.tensor(1e30), E5M2) == math.inf


def test_fields_and_text():
    code = encode(torch.tensor(-1.5), FP16).item()
    assert bit_text(code, FP16) == "1 01111 1000000000"
    assert [int(field) for field in split_fields(torch.tensor(code), FP16)] == [1, 15, 512]
    assert bit_text(encode(torch.tensor(0.15625), FP32).item(), FP32) == "0 01111100 01000000000000000000000"
    assert bit_text(1, E5M2) == "0 00000 01"


def test_any_shape_and_none_of_it_changed():
    x = torch.tensor([[0.1, -2.0], [3.3, 1e-9]], requires_grad=True)
    before = x.detach().clone()
    assert round_to(x, BF16).shape == (2, 2)
    assert torch.equal(x.detach(), before)
    assert encode(torch.empty(0, 3), FP16).shape == (0, 3)
    assert round_to(torch.tensor(2.5), E4M3).shape == ()


def test_errors_name_the_parameter():
    with pytest.raises(TypeError, match=r"x must be a float64 or float32 tensor, got torch\.int64"):
        encode(torch.arange(3), FP16)
    with pytest.raises(TypeError, match="x must be a float64 or float32 tensor, got float"):
        round_to(1.5, FP16)
    with pytest.raises(TypeError, match=r"codes must be a tensor of whole numbers, got torch\.float32"):
        decode(torch.ones(2), FP16)
    with pytest.raises(ValueError, match=r"codes must be from 0 to 255, got 3 … 256"):
        decode(torch.tensor([3, 256]), E4M3)
    with pytest.raises(ValueError, match=r"codes must be from 0 to 65535, got -1"):
        bit_text(-1, FP16)
