"""What a GPT costs, by formula: numbers to learn, arithmetic to do, bytes to keep for the backward pass."""

from __future__ import annotations

from typing import NamedTuple

from course_lib.models.sizes import check_sizes


class GPTShape(NamedTuple):
    """The sizes of a ``models.gpt.GPT``, in its own words."""

    vocab_size: int
    context: int
    d_model: int
    heads: int
    layers: int


class Precision(NamedTuple):
    """Bytes a number, by what it is for.

    ``weight``: a parameter, its gradient and each of its optimiser's averages. ``stream``: the sum that runs
    from block to block, and the logits' logarithmic softmax. ``product``: what goes into and comes out of
    matrix products. ``copies``: whether the weights' copies in the products' precision are kept too.
    """

    weight: int
    stream: int
    product: int
    copies: bool


PRECISIONS: dict[str, Precision] = {
    "fp32": Precision(weight=4, stream=4, product=4, copies=False),
    "autocast bf16": Precision(weight=4, stream=4, product=2, copies=True),
    "bf16": Precision(weight=2, stream=2, product=2, copies=False),
}
"""fp32 throughout; fp32 weights under ``torch.autocast`` to bfloat16; ``model.bfloat16()``."""


def gpt_parameters(shape: GPTShape) -> int:
    r"""Count the parameters of ``GPT``.

    $$N = \underbrace{L\,(12 d^2 + 13 d)}_{\text{blocks}}
      + \underbrace{(V + C + 2)\,d}_{\text{embeddings, norm}}$$

    Args:
        shape: V = vocab_size, C = context, d = d_model, L = layers, each at least 1.

    Returns:
        Trainable numbers; the output matrix is the token embedding and counts once.

    Raises:
        ValueError: if a size is below 1.

    Taught in: "GPU, mixed precision and torch.compile".
    """
    check_sizes(**shape._asdict())
    d = shape.d_model
    return shape.layers * (12 * d**2 + 13 * d) + (shape.vocab_size + shape.context + 2) * d


def gpt_tensors(shape: GPTShape) -> int:
    """Count the tensors they come in: twelve a block, two embeddings and the last norm's two."""
    return 12 * shape.layers + 4


def gpt_forward_flops(shape: GPTShape, batch: int, seq: int) -> int:
    r"""Count the floating-point operations of the matrix products in one forward pass of ``GPT``.

    $$\underbrace{2 T (12 L d^2 + V d)}_{\text{weights, } T = \text{batch} \cdot \text{seq}}
      + \underbrace{4 L \cdot \text{batch} \cdot \text{seq}^2 \, d}_{\text{scores and mixing}}$$

    A multiplication and its addition count as 2; the masked half of the scores counts. A training step has
    three times as many: each product has two more behind it in the backward pass.

    Args:
        shape: the sizes.
        batch: sequences, at least 1.
        seq: tokens a sequence, at least 1.

    Returns:
        Operations.

    Raises:
        ValueError: if a size is below 1.

    Source: A. Chowdhery et al., arXiv:2204.02311, appendix B (model FLOPs utilisation).
    Taught in: "GPU, mixed precision and torch.compile".
    """
    check_sizes(**shape._asdict(), batch=batch, seq=seq)
    d = shape.d_model
    products = 12 * shape.layers * d**2 + shape.vocab_size * d
    return 2 * batch * seq * products + 4 * shape.layers * batch * seq**2 * d


def gpt_activation_bytes(
    shape: GPTShape,
    batch: int,
    seq: int,
    *,
    precision: str = "fp32",
    checkpointing: bool = False,
) -> int:
    r"""Count the bytes that the backward pass of ``GPT`` and its cross-entropy will need beside parameters.

    With T = batch·seq tokens, r, p = the precision's ``stream`` and ``product``, H heads, c = 1 where weights
    are copied and 0 elsewhere, s = 4 (2 in bf16) the bytes of a norm's mean or deviation:

    $$\begin{aligned}
      \text{block} &= T\,[\,\underbrace{2rd + 4s}_{\text{into the norms}} + \underbrace{14pd}_{\text{1 + 3 + 1
        + 1 + 4 + 4}} + \underbrace{4H}_{\text{log-sums}}\,] + c \cdot 12pd^2 \\
      \text{rest} &= T\,[\,\underbrace{rd + 2s + pd}_{\text{last norm}} + \underbrace{rV}_{\text{log-softmax}}
        + \underbrace{16}_{\text{ids, targets}}\,] + c \cdot pVd + r
    \end{aligned}$$

    The fourteen are what linear maps and GELU read: the norm's output (1), query, key and value (3), the
    heads' output (1), the second norm's output (1), and the wide layer before and after GELU (4 + 4). With
    checkpointing a block keeps only its input, Trd. SDPA keeps no scores, only the logarithm of a row's sum.

    Args:
        shape: the sizes; no dropout.
        batch: sequences, at least 1.
        seq: tokens a sequence, at least 1 and at most the context.
        precision: a key of ``PRECISIONS``.
        checkpointing: each block recomputes itself in the backward pass (``torch.utils.checkpoint``).

    Returns:
        Bytes, exact on the CPU.

    Raises:
        ValueError: if a size is below 1 or ``precision`` is another word.

    Taught in: "GPU, mixed precision and torch.compile".
    """
    check_sizes(**shape._asdict(), batch=batch, seq=seq)
    bytes_of = _precision(precision)
    tokens, d, stream, product = batch * seq, shape.d_model, bytes_of.stream, bytes_of.product
    block = tokens * stream * d if checkpointing else gpt_block_bytes(shape, batch, seq, precision=precision)
    last_norm = stream * d + 2 * stream + product * d
    rest = tokens * (last_norm + stream * shape.vocab_size + 16) + stream
    copy = product * shape.vocab_size * d if bytes_of.copies else 0
    return shape.layers * block + rest + copy


def gpt_block_bytes(shape: GPTShape, batch: int, seq: int, *, precision: str = "fp32") -> int:
    """Count the bytes that one block keeps for its backward pass: the first line of ``gpt_activation_bytes``.

    Args:
        shape: the sizes.
        batch: sequences, at least 1.
        seq: tokens a sequence, at least 1.
        precision: a key of ``PRECISIONS``.

    Returns:
        Bytes. With checkpointing, what has to be there beside all blocks' inputs while one recomputes itself.

    Raises:
        ValueError: if a size is below 1 or ``precision`` is another word.

    Taught in: "GPU, mixed precision and torch.compile".
    """
    check_sizes(**shape._asdict(), batch=batch, seq=seq)
    bytes_of = _precision(precision)
    d, stream, product = shape.d_model, bytes_of.stream, bytes_of.product
    a_token = 2 * stream * d + 4 * stream + 14 * product * d + 4 * shape.heads
    return batch * seq * a_token + (12 * product * d**2 if bytes_of.copies else 0)


def gpt_working_bytes(
    shape: GPTShape,
    batch: int,
    seq: int,
    *,
    precision: str = "fp32",
    checkpointing: bool = False,
    gradient_shards: int = 1,
) -> int:
    r"""Estimate what the backward pass needs at its worst moment beside weights, optimiser and activations.

    With w the bytes of a weight and other letters as for ``gpt_activation_bytes``, it is the most of three:

    - as it begins, the loss hands back two gradients as large as the logits: 2rTV;
    - in the last block, the wide layer's gradients, $\Delta = rTd + 4pTd$, stand where the head's activations
      were, $rTV + (r + p)Td + 2rT$, and the head's weights have their gradients;
    - in the first block, Δ again and nearly all weights' gradients, but no other activations any more.

    Where blocks recompute themselves, the last two hold one block's activations besides.

    Args:
        shape: the sizes; no dropout.
        batch: sequences, at least 1.
        seq: tokens a sequence, at least 1.
        precision: a key of ``PRECISIONS``.
        checkpointing: each block recomputes itself in the backward pass.
        gradient_shards: devices that share out the gradients as they are written, at least 1.

    Returns:
        Bytes; with it ``training.memory.peak_bytes`` is within 5 % of what the CPU's allocator saw.

    Raises:
        ValueError: if a size is below 1 or ``precision`` is another word.

    Taught in: "GPU, mixed precision and torch.compile".
    """
    check_sizes(gradient_shards=gradient_shards)
    block = gpt_block_bytes(shape, batch, seq, precision=precision)
    kept = gpt_activation_bytes(shape, batch, seq, precision=precision, checkpointing=checkpointing)
    bytes_of = _precision(precision)
    tokens, d, stream, product = batch * seq, shape.d_model, bytes_of.stream, bytes_of.product
    logits = stream * tokens * shape.vocab_size
    gradients = tokens * d * (stream + 4 * product)
    head = logits + tokens * ((stream + product) * d + 2 * stream)
    half_a_block = 4 * d**2 + 3 * d
    written = bytes_of.weight * (shape.vocab_size * d + half_a_block)
    in_last_block = (block if checkpointing else 0) + gradients - head + written
    # Of the first block's own weights half have no gradient yet, and the positions have none.
    written = bytes_of.weight * (gpt_parameters(shape) - shape.context * d - 2 * half_a_block)
    in_first_block = block + gradients + -(-written // gradient_shards) - (kept - 16 * tokens)
    return max(2 * logits, in_last_block, in_first_block)


def gpt_gathered_bytes(shape: GPTShape, *, precision: str = "fp32") -> int:
    """Count the bytes of weights that are whole on each device where all are sharded (FSDP).

    Those are the embeddings and the last norm, needed at both ends, and one block at a time.

    Args:
        shape: the sizes.
        precision: a key of ``PRECISIONS``.

    Returns:
        Bytes.

    Raises:
        ValueError: if a size is below 1 or ``precision`` is another word.

    Taught in: "GPU, mixed precision and torch.compile".
    """
    return _precision(precision).weight * gpt_parameters(shape._replace(layers=1))


def _precision(name: str) -> Precision:
    if name not in PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, got {name!r}")
    return PRECISIONS[name]
