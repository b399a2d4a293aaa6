"""Slips that any exercise may see, recognised from the outcomes alone: a sign, a factor, an axis, a form.

What is said of one is what was measured, and a question; which mistake made it is the reader's to find.
"""

from __future__ import annotations

import ast
import itertools
import math
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from course_exercises.comparison import InputChanged
from course_exercises.forms import DIGITS, agrees, number
from course_exercises.raised import cause
from course_exercises.relations import (
    Slip,
    given_back,
    in_pieces,
    lacking,
    marked,
    moved,
    part_of,
    quietly,
    softmaxed,
)

Outcomes = Sequence[Any]
Pairs = list[tuple[Tensor, Tensor]]  # of flat vectors: what was given, what is wanted
Everywhere = Callable[[Callable[[Any], Any]], bool]  # whether a change makes every outcome right

EXACT, ROUNDED = 1e-6, 4e-3  # relative: of what was computed, and of what was worked out by hand
LOOSEST = 1e-4  # no tolerance is taken for looser, or a factor would be seen in anything
FACTORS = {
    2.0: "exactly twice what is wanted. Is a factor ½ missing, or is something counted twice?",
    0.5: "exactly half of what is wanted. Is a factor 2 missing, or is only one of two parts counted?",
    4.0: "exactly four times what is wanted. Did a factor 2 slip in twice?",
    0.25: "exactly a quarter of what is wanted. Is a factor 2 missing twice?",
    100.0: "100 times what is wanted. Did you answer in per cent where a share is asked for?",
    0.01: "a hundredth of what is wanted. Did you answer with a share where per cent are asked for?",
    3.0: "three times what is wanted. Is something counted three times, or a division by 3 left out?",
    1 / 3: "a third of what is wanted. Is something counted once that counts three times?",
    1.5: "one and a half times what is wanted. Which of its parts counts too much?",
    2 / 3: "two thirds of what is wanted. Which of its parts is missing?",
    8.0: "eight times what is wanted. Is a 2 counted three times too often?",
    0.125: "an eighth of what is wanted. Is a 2 missing three times?",
    10.0: "ten times what is wanted. Has a decimal point moved?",
    0.1: "a tenth of what is wanted. Has a decimal point moved?",
    2.0**10: "1024 times what is wanted: is the unit one step of 1024 too small?",
    2.0**-10: "1/1024 of what is wanted: is the unit one step of 1024 too large?",
    2.0**20: "2²⁰ times what is wanted: are these bytes where MiB are asked for?",
    2.0**30: "2³⁰ times what is wanted: are these bytes where GiB are asked for?",
    1e6: "a million times what is wanted: is the unit off by mega or micro?",
    1e9: "10⁹ times what is wanted: is the unit off by giga or nano?",
    1000.0: "1000 times what is wanted. Is a unit off by milli or kilo?",
    0.001: "a thousandth of what is wanted. Is a unit off by milli or kilo?",
    2**10
    / 1e3: "1.024 times what is wanted: do you count by 1000 where 1024 is meant, or the other way round?",
    2**20 / 1e6: "1.049 = 2²⁰/10⁶ times what is wanted: is this MB where MiB are asked for?",
    2**30 / 1e9: "1.074 = 2³⁰/10⁹ times what is wanted: is this GB where GiB are asked for?",
    1e9 / 2**30: "0.931 = 10⁹/2³⁰ times what is wanted: is this GiB where GB are asked for?",
    math.log(2): "ln 2 ≈ 0.693 times what is wanted: which logarithm belongs here, base 2 or base e?",
    1 / math.log(2): "1/ln 2 ≈ 1.443 times what is wanted: which logarithm belongs here, base 2 or base e?",
    math.log(10): "ln 10 ≈ 2.303 times what is wanted: which logarithm belongs here, base 10 or base e?",
    1
    / math.log(10): "1/ln 10 ≈ 0.434 times what is wanted: which logarithm belongs here, base 10 or base e?",
}
# Said instead where bytes or bits are spoken of: elsewhere such a factor has nothing to do with them.
OF_BYTES = {
    4.0: "exactly four times what is wanted. Did a factor 2 slip in twice, or a count of bytes?",
    0.25: "exactly a quarter of what is wanted. Is a factor 2 missing twice, or are bytes wanted?",
    8.0: "eight times what is wanted. Are these bits where bytes are wanted, or is a 2 counted three times?",
    0.125: "an eighth of what is wanted. Are these bytes where bits are wanted?",
}
BYTES = re.compile(r"bits?\b|bytes?\b|\b[kMGT]i?B\b|(?<![a-z])(bytes|bits)_|mebibytes")

REDUCTIONS: dict[str, Callable[..., Tensor]] = {
    "mean": Tensor.mean,
    "sum": Tensor.sum,
    "largest": Tensor.amax,
    "smallest": Tensor.amin,
}


def seen_in(
    given: Sequence[Any],
    wanted: Sequence[Any],
    cases: Sequence[tuple[Any, ...]] = (),
    names: Sequence[str] = (),
    *,
    tolerance: float = 1e-5,
    predicted: bool = False,
    decimals: int | None = None,
    about: str = "",
) -> Slip | None:
    """The slip that explains all outcomes, or None.

    Args:
        given: the answer's outcomes, one for each case.
        wanted: the right ones.
        cases: the arguments of each case, whose sizes a factor may be.
        names: of the arguments.
        tolerance: the exercise's, relative and absolute.
        predicted: whether the answer is a value worked out by hand.
        decimals: places that a prediction is asked to.
        about: what the exercise is about, in its own words.
    """
    tolerance = min(tolerance, LOOSEST)

    def equal(a: Any, b: Any) -> bool:
        return agrees(a, b, tolerance, predicted=predicted, decimals=decimals)

    def everywhere(change: Callable[[Any], Any]) -> bool:
        return all(quietly(lambda g=g, w=w: equal(change(g), w)) for g, w in zip(given, wanted, strict=True))

    form = form_of(given, wanted, everywhere)
    if form or any(isinstance(x, Exception | str | None) for x in (*given, *wanted)):
        return form
    if all(_flat(x) for x in (*given, *wanted)) and all(
        len(g) == len(w) > 6 for g, w in zip(given, wanted, strict=True)
    ):
        given, wanted = ([torch.tensor(x, dtype=torch.float64) for x in side] for side in (given, wanted))
    parts = _parts(
        given,
        wanted,
        equal,
        cases=cases,
        names=names,
        tolerance=tolerance,
        predicted=predicted,
        decimals=decimals,
        about=about,
    )
    if parts or isinstance(wanted[0], list | tuple):
        return parts
    return (
        (None if predicted else given_back(given, cases, names))
        or in_pieces(given, wanted)
        or _of_shapes(given, wanted, everywhere)
        or (_rounded_too_far(given, wanted, decimals) if predicted else None)
        or _of_values(given, wanted, cases, names, tolerance, predicted, about, everywhere)
    )


def form_of(
    given: Sequence[Any],
    wanted: Sequence[Any],
    everywhere: Callable[[Callable[[Any], Any]], bool] | None = None,
) -> Slip | None:
    """The slip in the form of an answer: None, a function, text, a list of one, the wrong kind of number.

    Args:
        given: the answer's outcomes.
        wanted: the right ones.
        everywhere: whether a change makes all outcomes right; exact equality, if left out.
    """

    def exactly(change: Callable[[Any], Any]) -> bool:
        return all(
            quietly(lambda g=g, w=w: agrees(change(g), w, EXACT)) for g, w in zip(given, wanted, strict=True)
        )

    return _form(given[0], wanted[0], everywhere or exactly)


def _form(given: Any, wanted: Any, everywhere: Callable[..., bool]) -> Slip | None:
    if given is None:
        return Slip("no return", "Your function returned None: did you forget `return`?")
    if isinstance(given, InputChanged):
        return Slip("in place", str(given))
    if isinstance(given, Exception):
        why = cause(given)
        return (
            Slip(
                "raised",
                f"It raised {type(given).__name__}: {' '.join(str(given).split()).rstrip('.')}. {why}",
            )
            if why
            else None
        )
    if callable(given) and not isinstance(given, Tensor):
        return Slip(
            "a function", "This is a function, not what it returns: did you leave out the parentheses?"
        )
    if isinstance(given, str) and not isinstance(wanted, str):
        if everywhere(lambda g: float(g.replace(",", "").strip("% "))):
            return Slip("number as text", "The number is right, but it is text. Leave out the quotes.")
        if everywhere(ast.literal_eval):
            return Slip("number as text", "The values are right, but they are text. Leave out the quotes.")
        return Slip("text", "This is text, in quotes; the answer is not. Write the value itself.")
    if (
        isinstance(wanted, Tensor)
        and isinstance(given, Tensor)
        and given.dtype != wanted.dtype
        and everywhere(lambda g: g.to(wanted.dtype))
    ):
        return Slip(
            "dtype", f"The values are right. The dtype is {given.dtype} where {wanted.dtype} is wanted."
        )
    if isinstance(wanted, list | tuple):
        if isinstance(given, list | tuple) and len(given) == 1 and everywhere(lambda g: g[0]):
            return Slip("wrapped", "The values are right, but wrapped once more than they should be.")
        return None
    if isinstance(given, list | tuple) and len(given) == 1 and everywhere(lambda g: g[0]):
        return Slip(
            "wrapped", "The number is right, but it stands in a list or tuple. Give the number itself."
        )
    single = isinstance(given, Tensor) and given.ndim and given.numel() == 1
    if single and number(wanted) is not None and everywhere(Tensor.item):
        return Slip(
            "one element",
            f"The number is right, in a tensor of shape {tuple(given.shape)}. A single number is wanted: "
            "index it, or reduce the dimension away.",
        )
    return None


def _parts(given: Outcomes, wanted: Outcomes, equal: Callable[[Any, Any], bool], **known: Any) -> Slip | None:
    """Of several values: the same in another order, or some of them right."""
    if not all(
        isinstance(g, list | tuple) and isinstance(w, list | tuple) and 1 < len(w) == len(g) <= 6
        for g, w in zip(given, wanted, strict=True)
    ):
        return _length(given, wanted)
    size = len(wanted[0])
    if any(len(w) != size for w in wanted):
        return None
    words = ["first", "second", "third", "fourth", "fifth", "sixth"][:size]

    def column_right(i: int, j: int) -> bool:
        return all(quietly(lambda g=g, w=w: equal(g[i], w[j])) for g, w in zip(given, wanted, strict=True))

    for order in list(itertools.permutations(range(size)))[1:] if size <= 4 else []:
        if all(column_right(i, j) for i, j in enumerate(order)):
            what = (
                "The two are the wrong way round" if size == 2 else "The values are right, in another order"
            )
            return Slip("order", f"{what}. In which order are they asked for?")
    right = [i for i in range(size) if column_right(i, i)]
    wrong = [i for i in range(size) if i not in right]
    slips = {i: seen_in([g[i] for g in given], [w[i] for w in wanted], **known) for i in wrong}
    texts = {words[i]: s.text[0].lower() + s.text[1:] for i, s in slips.items() if s}
    said = "".join(f" The {word}: {text}" for word, text in texts.items())
    if len(texts) == size and len(set(texts.values())) == 1:
        said = f" Of each: {texts['first']}"
    if right:
        good, bad = _listed([words[i] for i in right]), _listed([words[i] for i in wrong])
        are = "is" if len(right) == 1 else "are"
        nots = "is not" if len(wrong) == 1 else "are not"
        return Slip(
            "in part",
            f"The {good} value {are} right; the {bad} {nots}.{said}".replace("value are", "values are"),
        )
    return Slip("each part", f"None of the {size} is right yet.{said}") if all(slips.values()) else None


def _length(given: Outcomes, wanted: Outcomes) -> Slip | None:
    g, w = given[0], wanted[0]
    if not isinstance(w, list | tuple):
        return None
    for place, word in enumerate(("first", "second", "third")[: len(w)]):
        if all(
            len(b) > place and quietly(lambda a=a, b=b, i=place: agrees(a, b[i], EXACT))
            for a, b in zip(given, wanted, strict=True)
        ):
            return Slip(
                "one of several",
                f"This is the {word} of {len(w)} values, and right. The others are wanted too.",
            )
    for lost, cut in (("last", slice(None, -1)), ("first", slice(1, None))):
        if all(
            quietly(lambda a=a, b=b, c=cut: agrees(list(a), list(b[c]), EXACT))
            for a, b in zip(given, wanted, strict=True)
        ):
            return Slip("one missing", f"All are right but the {lost}, which is missing.")
    if isinstance(g, list | tuple) and len(g) != len(w):
        return Slip("length", f"{len(w)} values are wanted; these are {len(g)}.")
    if not isinstance(g, list | tuple):
        return Slip(
            "length", f"{len(w)} values are wanted, one after the other; this is one {type(g).__name__}."
        )
    return None


def _of_shapes(given: Outcomes, wanted: Outcomes, everywhere: Everywhere) -> Slip | None:
    """The right numbers at other places or in another shape."""
    g, w = given[0], wanted[0]
    if not isinstance(g, Tensor):
        return None
    if (
        isinstance(w, Tensor)
        and g.numel() == w.numel()
        and g.numel() > 1
        and all(
            isinstance(a, Tensor) and isinstance(b, Tensor) and a.numel() == b.numel()
            for a, b in zip(given, wanted, strict=True)
        )
    ):
        slip = _rearranged(given, wanted, everywhere)
        if slip:
            return slip
    shape = tuple(w.shape) if isinstance(w, Tensor) else ()
    if tuple(g.shape) == shape:
        return None
    for dim in range(g.ndim):
        for name, reduce in REDUCTIONS.items():
            if everywhere(lambda g, d=dim, r=reduce: r(g.double(), dim=d)):
                return Slip(
                    "not reduced",
                    f"Yours has shape {tuple(g.shape)}, wanted is {shape}: the {name} over dimension {dim} of yours "
                    "is right. Did you stop one step early?",
                )
    if isinstance(w, Tensor) and w.ndim > g.ndim:
        for dims in [*range(w.ndim), tuple(range(w.ndim))]:
            for name, reduce in REDUCTIONS.items():
                reduced = [reduce(b.double(), dim=dims) for b in wanted]
                if all(
                    quietly(lambda a=a, b=b: agrees(a.double(), b, 1e-5))
                    for a, b in zip(given, reduced, strict=True)
                ):
                    where = "" if dims == tuple(range(w.ndim)) else f" over dimension {dims}"
                    return Slip(
                        "reduced",
                        f"Yours is the {name} of what is wanted{where}: the shape is {tuple(g.shape)}, and {shape} is "
                        "wanted. Did you go one step too far?",
                    )
    if not shape:
        for name, reduce in REDUCTIONS.items():
            if everywhere(lambda g, r=reduce: r(g.double())):
                return Slip(
                    "not reduced",
                    f"Yours has shape {tuple(g.shape)}, and a single number is wanted: its {name} is right.",
                )
    return part_of(given, wanted) or Slip(
        "shape",
        f"The shape is {tuple(g.shape)} where {shape} is wanted. Which dimension should go, stay or change places?",
    )


def _rearranged(given: Outcomes, wanted: Outcomes, everywhere: Everywhere) -> Slip | None:
    g, w = given[0], wanted[0]
    if g.shape != w.shape and all(
        [n for n in a.shape if n != 1] == [n for n in b.shape if n != 1]
        for a, b in zip(given, wanted, strict=True)
    ):
        targets = iter(itertools.cycle(wanted))
        if everywhere(lambda g: g.reshape(next(targets).shape)):
            what = "one dimension of size 1 too many" if g.ndim > w.ndim else "a dimension of size 1 missing"
            if g.ndim == w.ndim:
                what = "a dimension of size 1 in the wrong place"
            return Slip(
                "extra dimension",
                f"The numbers are right, with {what}: {tuple(g.shape)} where {tuple(w.shape)} is wanted. "
                "Is it a matter of `keepdim`, `squeeze` or `unsqueeze`?",
            )
    if g.ndim == w.ndim and 2 <= g.ndim <= 4:
        for order in list(itertools.permutations(range(g.ndim)))[1:]:
            if everywhere(lambda g, o=order: g.permute(o)):
                swapped = [d for d, o in enumerate(order) if d != o]
                return Slip(
                    "transposed",
                    f"The numbers are right, but dimensions {_listed([str(d) for d in swapped])} have changed places "
                    f"(yours {tuple(g.shape)}, wanted {tuple(w.shape)}). Is a transpose missing, or one too many?",
                )
    if g.shape == w.shape:
        for dim in range(g.ndim):
            if everywhere(lambda g, d=dim: g.flip(d)):
                return Slip("reversed", f"The right numbers, in reverse along dimension {dim}.")
            for shift in (1, -1):
                if everywhere(lambda g, d=dim, s=shift: g.roll(s, dims=d)):
                    return Slip(
                        "shifted",
                        f"The right numbers, one place off along dimension {dim}. Which place comes first?",
                    )
    if g.shape != w.shape:
        targets = iter(itertools.cycle(wanted))
        if everywhere(lambda g: g.reshape(next(targets).shape)):
            return Slip(
                "reshaped",
                f"The right numbers in the right order, in the shape {tuple(g.shape)} instead of {tuple(w.shape)}.",
            )
        return None
    if (
        g.dtype != torch.bool
        and g.numel() > 3
        and all(
            quietly(
                lambda a=a, b=b: torch.allclose(
                    a.flatten().sort().values.double(),
                    b.flatten().sort().values.double(),
                    rtol=1e-5,
                    atol=1e-7,
                )
            )
            for a, b in zip(given, wanted, strict=True)
        )
    ):
        return Slip("other places", "The right numbers, at other places. Is a sort or a reshape not undone?")
    return None


def _of_values(
    given: Outcomes,
    wanted: Outcomes,
    cases: Sequence[tuple[Any, ...]],
    names: Sequence[str],
    tolerance: float,
    predicted: bool,
    about: str,
    everywhere: Everywhere,
) -> Slip | None:
    """One relation between what was given and what is wanted, the same everywhere."""
    if all(
        isinstance(x, bool) or (isinstance(x, Tensor) and x.dtype == torch.bool) for x in (*given, *wanted)
    ):
        if everywhere(lambda g: (not g) if isinstance(g, bool) else ~g):
            return Slip(
                "inverted", "True and False have changed places everywhere: which of them should mark what?"
            )
        return None
    if isinstance(wanted[0], Tensor) and wanted[0].dtype == torch.bool:
        return marked(given, wanted)
    pairs = [_numbers(g, w) for g, w in zip(given, wanted, strict=True)]
    if any(pair is None for pair in pairs):
        return None
    slack = ROUNDED if predicted else max(EXACT, min(10 * tolerance, 1e-4))
    g = torch.cat([pair[0] for pair in pairs])
    w = torch.cat([pair[1] for pair in pairs])
    if g.isnan().any() or g.isinf().any():
        return _not_finite(given, g, w)
    whole = all(_is_whole(x) for x in (*given, *wanted))
    factors = FACTORS | OF_BYTES if BYTES.search(about) else FACTORS
    where = " everywhere" if g.numel() > 1 else ""
    return (
        _simple(g, w, slack, factors, whole=whole, predicted=predicted, where=where)
        or _sized(pairs, cases, names, slack, predicted=predicted)
        or (None if predicted else moved(given, wanted, cases, names))
        or softmaxed(given, wanted)
        or (None if predicted else _proportional(given, wanted, pairs, slack))
        or (None if predicted else _some_right(given, wanted, pairs, tolerance))
        or (None if predicted else lacking(given, wanted))
    )


def _rounded_too_far(given: Outcomes, wanted: Outcomes, decimals: int | None) -> Slip | None:
    """A number worked out by hand, of which fewer digits were given than are wanted."""
    right, value = number(wanted[0]), number(given[0])
    if right is None or value is None or right == round(right) or decimals is not None:
        return None
    for digits in range(1, DIGITS):
        if value == float(f"{right:.{digits - 1}e}"):
            held = "one digit" if digits == 1 else f"{digits} digits"
            return Slip("rounded too far", f"Right to {held}: {DIGITS} significant digits are wanted.")
    return None


def _simple(
    g: Tensor,
    w: Tensor,
    slack: float,
    factors: dict[float, str],
    *,
    whole: bool,
    predicted: bool,
    where: str,
) -> Slip | None:
    def close(a: Tensor, b: Tensor) -> bool:
        return bool(((a - b).abs() <= slack * (b.abs() + (0 if predicted else b.abs().mean() * 1e-3))).all())

    if not w.any():
        return None
    if close(g, -w):
        return Slip(
            "sign",
            f"The sign is flipped{where}; the size is right. Which is subtracted from which, "
            "or is a minus missing?",
        )
    if whole and (gap := set((g - w).tolist())) in ({1.0}, {-1.0}):
        more = "more" if gap == {1.0} else "less"
        return Slip(
            "off by one",
            f"Your number is 1 {more} than the right one{where}. Do you count from 0 or from 1, is the last one in or "
            "out, is it rounded up or down?",
        )
    for factor, text in factors.items():
        for sign in (1, -1):
            if close(g, sign * factor * w):
                tail = " The sign is flipped as well." if sign < 0 else ""
                return Slip(
                    "factor",
                    f"Your result is{where} {text}{tail}".replace(
                        "exactly", "about" if predicted and not _close_exactly(g, factor * w) else "exactly"
                    ),
                )
    if not g.any():
        return Slip(
            "all zero", "Yours is 0 everywhere." if g.numel() > 1 else "It is not 0: what is left, and why?"
        )
    relations: list[tuple[str, Tensor, str]] = [
        ("reciprocal", 1 / w, "one over what is wanted: is a division upside down?"),
        ("complement", 1 - w, "1 minus what is wanted: is it the other part that is asked for?"),
        ("square", w**2, "the square of what is wanted: is a root missing?"),
        ("root", w.abs().sqrt(), "the root of what is wanted: did you take a root too many?"),
        ("size", w.abs(), "right in size, without the sign."),
        ("logarithm", w.log(), "the logarithm of what is wanted: did you take one too many?"),
        ("exponential", w.exp(), "e to the power of what is wanted: is a logarithm missing?"),
    ]
    for family, value, text in relations:
        # A relation that what is wanted itself fulfils explains nothing.
        if bool(value.isfinite().all()) and close(g, value) and not close(value, w):
            return Slip(family, f"Your result is{where} {text}")
    to_whole = {"rounded": w.round(), "cut": w.floor()}
    for how, value in to_whole.items():
        if torch.equal(g, value) and not torch.equal(value, w):
            instead = f"Round it to {DIGITS} significant digits." if predicted else "Do not round."
            return Slip("rounded", f"Your result is{where} the right number, {how} to a whole one. {instead}")
    if not predicted and _signs_alone(g, w, slack, whole=whole):
        return Slip("signs", "The sizes are right everywhere, but some signs are not.")
    rounded = {"up": g.ceil(), "down": g.floor(), "to the nearest": g.round()}
    for how, value in rounded.items():
        if not torch.equal(g, w) and torch.equal(value, w) and not torch.equal(value, g):
            return Slip("not rounded", f"Rounded {how}, yours is right. A whole number is wanted.")
    return None


def _signs_alone(g: Tensor, w: Tensor, slack: float, *, whole: bool) -> bool:
    """Whether turning some signs makes all numbers right; whole ones of one size may be codes, such as −1."""
    turned = g.sign() * w.sign() < 0
    sizes_agree = (g.abs() - w.abs()).abs().max() <= slack * w.abs().max()
    return bool(sizes_agree and turned.any() and (not whole or w[turned].abs().unique().numel() > 1))


def _close_exactly(a: Tensor, b: Tensor) -> bool:
    """Whether two vectors agree to six digits."""
    return bool(torch.allclose(a, b, rtol=EXACT, atol=0.0))


def _sized(
    pairs: Pairs, cases: Sequence[tuple[Any, ...]], names: Sequence[str], slack: float, *, predicted: bool
) -> Slip | None:
    """A factor that is a size of the arguments: the sign of a sum where a mean is wanted, or of the reverse."""
    ratios = []
    for g, w in pairs:
        big = w.abs() > w.abs().max() * 1e-3
        if not big.any():
            return None
        r = g[big] / w[big]
        if (r - r.mean()).abs().max() > slack * r.mean().abs() or (
            g[~big].abs() > r.mean().abs() * w.abs().max() * 2e-3
        ).any():
            return None
        ratios.append(float(r.mean()))
    if not ratios:
        return None
    for name, sizes in _sizes(cases, names, products=not predicted):
        for power, what in (
            (1, "{n}"),
            (-1, "1/{n}"),
            (0.5, "√{n}"),
            (-0.5, "1/√{n}"),
            (2, "{n}²"),
            (-2, "1/{n}²"),
        ):
            if len(sizes) == len(ratios) and all(
                n > 0 and n != 1 and math.isclose(r, n**power, rel_tol=max(slack, 1e-9))
                for r, n in zip(ratios, sizes, strict=True)
            ):
                n = f"{sizes[0]:g}" if predicted else "n"
                tail = f", and {n} stands in the question" if predicted else f", with n = {name}"
                counts = all(n == round(n) for n in sizes)
                if power > 0:
                    question = "Did you add where a mean is wanted, or is a division left out?"
                else:
                    question = "Did you divide once too often, or take a mean where a sum is wanted?"
                if not counts:
                    question = "Is that a factor too many, or one left out?"
                return Slip(
                    "size", f"Your result is {what.format(n=n)} times what is wanted{tail}. {question}"
                )
    same = all(math.isclose(r, ratios[0], rel_tol=slack) for r in ratios)
    if not predicted and same and len(ratios) > 1 and not math.isclose(ratios[0], 1.0, rel_tol=slack):
        return Slip(
            "constant factor",
            f"Your result is {ratios[0]:.4g} times what is wanted, everywhere, whatever the input. Which constant is "
            "missing, or one too many?",
        )
    if not predicted and sum(pair[0].numel() for pair in pairs) > len(pairs):
        return Slip(
            "factor by case",
            "All your numbers are off by one common factor, which changes with the input "
            f"({', '.join(f'{r:.3g}' for r in ratios[:3])}, …). What do you divide or multiply everything by?",
        )
    return None


def _proportional(given: Outcomes, wanted: Outcomes, pairs: Pairs, slack: float) -> Slip | None:
    offsets = [(a - b) for a, b in pairs]
    if sum(len(a) for a, _ in pairs) > len(pairs) and all(
        (o - o.mean()).abs().max() <= slack * (b.abs().max() + o.mean().abs())
        for o, (_, b) in zip(offsets, pairs, strict=True)
    ):
        return Slip(
            "offset",
            f"All your numbers differ from the right ones by the same amount ({float(offsets[0].mean()):+.4g} in the first "
            "case). What is added or left out?",
        )
    if isinstance(wanted[0], Tensor) and wanted[0].ndim >= 2:
        for dim in range(wanted[0].ndim):
            for family, how, combine in (
                ("proportion", "by a factor", lambda a, b: a / b),
                ("row offset", "by an amount added", lambda a, b: a - b),
            ):

                def constant(a: Tensor, b: Tensor, d: int = dim, c: Callable = combine) -> bool:
                    x = c(a.double(), b.double())
                    return (
                        a.shape[d] > 1
                        and bool(x.isfinite().all())
                        and bool((x - x.mean(d, keepdim=True)).abs().max() <= 10 * slack * x.abs().max())
                    )

                if all(quietly(lambda a=a, b=b: constant(a, b)) for a, b in zip(given, wanted, strict=True)):
                    return Slip(
                        family,
                        f"Along dimension {dim} your numbers are off {how} that is the same all along it, and differs from one "
                        "line to the next. Is something normalised over the wrong dimension, or not at all?",
                    )
    return None


def _some_right(given: Outcomes, wanted: Outcomes, pairs: Pairs, tolerance: float) -> Slip | None:
    """Where the right entries stand: whole cases, or a first, last or other line of each tensor."""
    right = [torch.isclose(a, b, rtol=tolerance, atol=tolerance) for a, b in pairs]
    cases = [bool(r.all()) for r in right]
    if any(cases):
        return Slip(
            "some cases",
            f"On {sum(cases)} of {len(cases)} inputs you are right. What is different about the others?",
        )
    if (
        not isinstance(wanted[0], Tensor)
        or wanted[0].ndim == 0
        or any(not isinstance(x, Tensor) for x in given)
    ):
        return None
    masks = [r.reshape(b.shape) for r, b in zip(right, wanted, strict=True)]
    for dim in range(wanted[0].ndim):
        lines = [m.movedim(dim, 0).flatten(1).all(1) if m.ndim > 1 else m for m in masks]
        for name, place in (("first", 0), ("last", -1)):
            others = [torch.cat([x[:place], x[place + 1 :]]) if place >= 0 else x[:place] for x in lines]
            if all(not x[place] and len(o) and o.all() for x, o in zip(lines, others, strict=True)):
                return Slip(
                    "one line",
                    f"All is right but the {name} place along dimension {dim}. What is special there?",
                )
            if (
                all(x[place] and not o.any() for x, o in zip(lines, others, strict=True))
                and len(lines[0]) > 2
            ):
                return Slip(
                    "one line",
                    f"Only the {name} place along dimension {dim} is right. What changes after it?"
                    if place == 0
                    else f"Only the {name} place along dimension {dim} is right. What is missing in those before?",
                )
    share = [float(m.double().mean()) for m in masks]
    if all(0.0 < s < 1.0 for s in share):
        counts = f"{int(masks[0].sum())} of {masks[0].numel()}"
        return Slip(
            "some entries",
            f"In the first case {counts} numbers are right, and in the others some are too: the rule holds for a part of the entries. "
            "What do the wrong ones have in common?",
        )
    return None


def _not_finite(given: Outcomes, g: Tensor, w: Tensor) -> Slip | None:
    nan, inf = int(g.isnan().sum()), int(g.isinf().sum())
    if w.isnan().any() or w.isinf().any():
        return None
    first = next((a for a in given if isinstance(a, Tensor) and not a.isfinite().all()), None)
    where = ""
    if first is not None and first.ndim:
        where = f", the first at {tuple((~first.isfinite()).nonzero()[0].tolist())}"
    if nan:
        return Slip(
            "nan",
            f"{nan} of {g.numel()} numbers are NaN{where}. That comes of 0/0, ∞ − ∞, 0·∞ or the root of a negative "
            "number: which of these can happen here?",
        )
    return Slip(
        "infinite",
        f"{inf} of {g.numel()} numbers are infinite{where}. Did you divide by 0, take log 0, or overflow?",
    )


def _sizes(
    cases: Sequence[tuple[Any, ...]], names: Sequence[str], *, products: bool
) -> Iterator[tuple[str, list[float]]]:
    """Every number that says how large an argument is, with a name, over the cases."""
    if not cases:
        return
    for i, argument in enumerate(cases[0]):
        name = names[i] if i < len(names) else f"argument {i}"
        column = [case[i] for case in cases]
        if isinstance(argument, Tensor):
            for dim in range(argument.ndim):
                yield f"{name}.shape[{dim}]", [float(x.shape[dim]) for x in column]
            if argument.ndim > 1:
                yield f"{name}.numel()", [float(x.numel()) for x in column]
            if argument.ndim == 0 and argument.dtype != torch.bool:
                yield name, [float(x) for x in column]
        elif isinstance(argument, list | tuple):
            yield f"len({name})", [float(len(x)) for x in column]
            if all(number(v) is not None for x in column for v in x):
                yield f"sum({name})", [float(sum(x)) for x in column]
        elif number(argument) is not None:
            yield name, [float(x) for x in column]
    single = [
        i for i in range(len(names) * products) if i < len(cases[0]) and isinstance(cases[0][i], int | float)
    ]
    for i, j in itertools.combinations(single, 2):
        yield f"{names[i]} · {names[j]}", [float(case[i]) * float(case[j]) for case in cases]


def _numbers(given: Any, wanted: Any) -> tuple[Tensor, Tensor] | None:
    """Both as flat vectors of doubles, if they have one shape."""
    try:
        a, b = (torch.as_tensor(x).detach() for x in (given, wanted))
        if (
            a.shape != b.shape
            or a.dtype == torch.bool
            or a.is_complex()
            or b.dtype == torch.bool
            or not a.numel()
        ):
            return None
        return a.double().flatten(), b.double().flatten()
    except (TypeError, ValueError, RuntimeError):
        return None


def _flat(value: Any) -> bool:
    """Whether a value is a list of numbers."""
    return isinstance(value, list | tuple) and all(number(x) is not None for x in value)


def _is_whole(value: Any) -> bool:
    if isinstance(value, Tensor):
        return not value.is_floating_point() or bool((value == value.round()).all())
    return isinstance(value, int | float) and math.isfinite(value) and value == round(value)


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
