"""What the commonest exceptions say, in words: which sizes met, and what usually brings them together."""

from __future__ import annotations

import re
from collections.abc import Callable

import torch

FITS = "Which dimension should be summed over, and where does it stand in each of the two?"


def _sizes_met(a: str, b: str, dim: str) -> str:
    return (
        f"Two tensors met entry by entry, one with {a} and one with {b} places along dimension {dim}. Counted from the "
        "right, sizes must be equal, or one of them 1. Is it a matter of `keepdim=True`, of `None` in an index, or of "
        "a transpose?"
    )


def _factors_met(a: str, b: str, c: str, d: str) -> str:
    ways = {
        "with the second one transposed": b == d,
        "with the first one transposed": a == c,
        "in the other order": d == a,
    }
    fits = [way for way, ok in ways.items() if ok]
    last = f"{' or '.join(fits).capitalize()} the sizes would fit; which shape is wanted?" if fits else FITS
    return f"In a matrix product the inner sizes must be equal, and here they are {b} and {c}. {last}"


def _no_attribute(kind: str, name: str) -> str | None:
    if kind == "NoneType":
        return "Something before it gave None: a function without `return`?"
    if kind in {"builtin_function_or_method", "method", "function"}:
        return "That is a function, not what it returns: are its parentheses missing?"
    if kind in {"list", "tuple", "int", "float", "bool"} and hasattr(torch.Tensor, name):
        numbers = " For one number there is `math`, too." if kind in {"int", "float"} else ""
        article = "an" if kind == "int" else "a"
        return f"`{name}` is a method of tensors, and this is {article} {kind}: `torch.tensor` makes a tensor of it.{numbers}"
    return None


Told = str | Callable[..., str | None]
CAUSES: tuple[tuple[str, Told], ...] = (
    (r"size of tensor a \((\d+)\) must match the size of tensor b \((\d+)\) at non-singleton dimension (\d+)", _sizes_met),
    (r"mat1 and mat2 shapes cannot be multiplied \((\d+)x(\d+) and (\d+)x(\d+)\)", _factors_met),
    (r"Expected size for first two dimensions of batch2 tensor to be", "In a batched matrix product both need the same "
     f"batch, and the inner sizes must be equal. {FITS}"),
    (r"Expected input batch_size \((\d+)\) to match target batch_size \((\d+)\)", lambda a, b: f"There are {a} rows of "
     f"predictions and {b} targets: each row belongs to one target. Must both be flattened, or neither?"),
    (r"subscript (\w) has size (\d+) for operand \d+ which does not broadcast with previously seen size (\d+)",
     lambda letter, a, b: f"The letter {letter} stands for a dimension of size {a} in one place and of size {b} in another: "
     "one letter is one dimension."),
    (r"number of subscripts in the equation \((\d+)\) does not match the number of dimensions \((\d+)\)",
     lambda letters, dims: f"`einsum` wants one letter per dimension: there are {letters} letters for {dims} dimensions."),
    (r"inconsistent tensor size|size mismatch, got input", f"A product with a vector needs equal inner sizes. {FITS}"),
    (r"Size does not match at dimension (\d+) expected index", lambda dim: "`gather` wants an index of as many dimensions as "
     f"the tensor, and no larger in any but the one gathered along; dimension {dim} is too large."),
    (r"expanded size of the tensor \((\d+)\) must match the existing size \((\d+)\)", lambda a, b: f"Only a dimension of "
     f"size 1 can be expanded; this one has size {b} and should get {a}."),
    (r"shape of the mask .* does not match the shape of the indexed tensor", "A mask in an index must have the shape of "
     "what it picks from, counted from the first dimension."),
    (r"expected target dtype to be Long|expected scalar type Long", "Class labels must be whole numbers: `.long()`."),
    (r"input matrix is singular", "The matrix has no inverse: is one of its columns a combination of the others, such as "
     "a column of ones twice?"),
    (r"Boolean value of Tensor with more than one value", "`if`, `and`, `or`, `min` and `max` want one truth value, and "
     "this tensor has one for each entry. `torch.where` chooses entry by entry; `&` and `|` join masks."),
    (r"'(\w+)' object has no attribute '(\w+)'", _no_attribute),
    (r"torch\.return_types\.(\w+)", lambda name: f"Along a dimension, `{name}` returns two tensors: the values and their "
     "places. Take `.values` or `.indices`."),
    (r"unsupported operand type\(s\) for .*'(tuple|list)'", lambda kind: f"A {kind} stands where a tensor or a number is "
     "wanted. Does something before it return several values, of which one is meant?"),
    (r"Sizes of tensors must match except in dimension (\d+)", lambda dim: f"You join along dimension {dim}, so all other "
     "sizes must be equal. Along which dimension do these tensors continue one another?"),
    (r"stack expects each tensor to be equal size", "`stack` puts tensors of one shape side by side. Should they be padded "
     "first, or joined with `cat`?"),
    (r"to have the same dtype|expected scalar type|same dtype, but got", "The two factors of a product must have one "
     "dtype: convert one of them with `.to(other.dtype)`."),
    (r"shape '\[(.+)\]' is invalid for input of size (\d+)", lambda sizes, count: f"`view` and `reshape` keep every entry: "
     f"the sizes {sizes} must multiply to {count}."),
    (r"view size is not compatible", "`view` cannot read this buffer in that order, after a transpose for example: "
     "`reshape` copies where it must."),
    (r"Dimension out of range", "The tensor has fewer dimensions than you count on. Print its shape just before."),
    (r"too many indices for tensor", "The tensor has fewer dimensions than you index. Print its shape just before."),
    (r"index \S+ is out of (?:bounds|range)|index out of range", "Places count from 0, so the last one is the length "
     "minus 1."),
    (r"cannot be converted to Scalar|only one element tensors can be converted", "One number is wanted of a tensor that "
     "holds several, by `item`, `float` or a function of `math`. torch's own functions work entry by entry."),
    (r"must be Tensor, not (int|float)", lambda kind: f"torch's functions take tensors, and this is {'an' if kind == 'int' else 'a'} {kind}: `math` "
     "has the same for plain numbers."),
    (r"does not require grad and does not have a grad_fn", "Nothing that leads here asked for gradients: is "
     "`requires_grad` missing, or was the graph left by `detach`, `item` or `no_grad`?"),
    (r"grad can be implicitly created only for scalar outputs", "`backward` begins at one number: sum or average first."),
    (r"in-place operation", "A tensor that autograd still needs was overwritten: make a new one in its place."),
    (r"could not infer output dtype|Got:? '?Long|not implemented for 'Long'", "Whole numbers have no mean here: convert "
     "them with `.float()` or `.double()` first."),
    (r"name '(\w+)' is not defined", lambda name: f"Nothing is called `{name}` where your function runs: is it spelt as "
     "it was defined, is its import there, or was its cell not run?"),
    (r"(?:local variable '(\w+)')", lambda name: f"`{name}` is set in your function, but not on the way that was taken."),
    (r"positional arguments? but|missing \d+ required positional|unexpected keyword", "The number of arguments does not "
     "fit. Your function takes those of the stub; are all calls inside it complete?"),
    (r"object is not callable", "Something that is not a function stands in front of parentheses: is a `*` missing, or does a "
     "name stand for two things?"),
    (r"math domain error|expected a (?:positive|nonnegative) input", "A logarithm or a root was asked of a number that has none."),
    (r"division by zero", "Something divided by 0. For which input can the denominator vanish?"),
)  # fmt: skip


def cause(error: BaseException) -> str | None:
    """What an exception says, and what commonly leads to it.

    Args:
        error: that an answer ended in.

    Returns:
        One to three sentences, or None of an exception that is not known here.
    """
    for pattern, told in CAUSES:
        if match := re.search(pattern, str(error)):
            said = told if isinstance(told, str) else told(*match.groups())
            if said:
                return said
    return None
