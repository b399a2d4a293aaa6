"""Parameters, FLOPs and memory of a Transformer and of a GPT, by formula.

Every size is at least 1, ``norm`` is ``"pre"`` or ``"post"`` and ``precision`` a key of ``PRECISIONS``;
otherwise a function raises ``ValueError``. ``batch`` counts sequences, ``seq`` tokens per sequence. A
multiplication and its addition count as 2 operations, as in ``torch.utils.flop_counter``.
"""

from __future__ import annotations

from typing import NamedTuple

from course_lib.checks import check_sizes
from course_lib.models.transformer import Norm


def parameter_count(
    source_vocab: int,
    target_vocab: int,
    *,
    d_model: int,
    layers: int,
    feed_forward: int,
    norm: Norm = "pre",
) -> int:
    r"""Count the parameters of ``Transformer``; the number of heads changes nothing.

    With d = d_model, f = feed_forward, L = layers of either stack, an attention has $A = 4(d^2 + d)$, a
    feed-forward network $F = 2df + f + d$ and a norm 2d, so that for vocabularies $V_s$ and $V_t$

    $$N = (V_s + V_t)\,d + L\,(3A + 2F + 10d) + V_t(d + 1) \; [\, + 4d \text{ with pre-norm}\,]$$
    """
    check_sizes(source_vocab=source_vocab, target_vocab=target_vocab)
    check_sizes(d_model=d_model, layers=layers, feed_forward=feed_forward)
    if norm not in ("pre", "post"):
        raise ValueError(f"norm must be 'pre' or 'post', got {norm!r}")
    attention = 4 * (d_model**2 + d_model)
    network = 2 * d_model * feed_forward + feed_forward + d_model
    stacks = layers * (3 * attention + 2 * network + 5 * 2 * d_model)
    closing = 2 * 2 * d_model if norm == "pre" else 0
    return (source_vocab + target_vocab) * d_model + stacks + closing + target_vocab * (d_model + 1)


def forward_flops(
    batch: int,
    source: int,
    target: int,
    *,
    target_vocab: int,
    d_model: int,
    layers: int,
    feed_forward: int,
) -> int:
    r"""Count the floating-point operations of the matrix products in one forward pass of ``Transformer``.

    Norms, softmax and biases are left out. For one example, with s source and t target tokens (padding
    included), d = d_model, f = feed_forward and $V_t$ = target_vocab:

    $$\underbrace{8sd^2 + 4s^2d + 4sdf}_{\text{encoder layer}}, \qquad
      \underbrace{8td^2 + 4t^2d + 4td^2 + 4sd^2 + 4std + 4tdf}_{\text{decoder layer: self, cross, network}},
      \qquad \underbrace{2tdV_t}_{\text{output}}$$
    """
    check_sizes(batch=batch, source=source, target=target, target_vocab=target_vocab)
    check_sizes(d_model=d_model, layers=layers, feed_forward=feed_forward)
    s, t, d, f = source, target, d_model, feed_forward
    encoder = 8 * s * d**2 + 4 * s**2 * d + 4 * s * d * f
    own = 8 * t * d**2 + 4 * t**2 * d
    cross = 4 * t * d**2 + 4 * s * d**2 + 4 * s * t * d
    decoder = own + cross + 4 * t * d * f
    return batch * (layers * (encoder + decoder) + 2 * t * d * target_vocab)


class GPTShape(NamedTuple):
    """The sizes of a ``models.gpt.GPT``, in its own words."""

    vocab_size: int
    context: int
    d_model: int
    heads: int
    layers: int


class Precision(NamedTuple):
    """Bytes per number, by what it is for, on a GPU.

    ``weight``: a parameter, its gradient and each of its optimiser's averages. ``stream``: the sum that runs
    from block to block. ``product``: what goes into and comes out of matrix products. ``copies``: whether the
    weights' copies in the products' precision are kept too. ``loss``: what the cross-entropy keeps of each
    logit; under autocast the logarithmic softmax in bf16 and the fp32 copy of it that ``nll_loss`` asks for.
    ``loss_gradient``: what the loss needs for each logit as the backward pass begins: the gradients of the
    logarithmic softmax and of the logits; under autocast only the first, in fp32.
    """

    weight: int
    stream: int
    product: int
    copies: bool
    loss: int
    loss_gradient: int


PRECISIONS: dict[str, Precision] = {
    "fp32": Precision(weight=4, stream=4, product=4, copies=False, loss=4, loss_gradient=8),
    "autocast bf16": Precision(weight=4, stream=4, product=2, copies=True, loss=6, loss_gradient=4),
    "bf16": Precision(weight=2, stream=2, product=2, copies=False, loss=2, loss_gradient=4),
}
"""fp32 throughout; fp32 weights under ``torch.autocast`` to bfloat16; ``model.bfloat16()``."""


class BackwardMoment(NamedTuple):
    """Bytes at one moment of the backward pass, beside weights and the optimiser's averages.

    ``activations``: still or again kept. ``gradients``: of the weights, as far as they are written.
    ``working``: gradients of activations, on their way from one operation to the one before it.
    """

    activations: int
    gradients: int
    working: int


def gpt_parameters(shape: GPTShape) -> int:
    r"""Count the parameters of ``GPT``.

    $$N = \underbrace{L\,(12 d^2 + 13 d)}_{\text{blocks}}
      + \underbrace{(V + C + 2)\,d}_{\text{embeddings, norm}}$$

    with V = vocab_size, C = context, d = d_model, L = layers; the output matrix is the token embedding and
    counts once.
    """
    check_sizes(**shape._asdict())
    d = shape.d_model
    return shape.layers * (12 * d**2 + 13 * d) + (shape.vocab_size + shape.context + 2) * d


def gpt_tensors(shape: GPTShape) -> int:
    """Count the tensors they come in: twelve per block, two embeddings and the last norm's two."""
    return 12 * shape.layers + 4


def gpt_forward_flops(shape: GPTShape, batch: int, seq: int) -> int:
    r"""Count the floating-point operations of the matrix products in one forward pass of ``GPT``.

    $$\underbrace{2 T (12 L d^2 + V d)}_{\text{weights, } T = \text{batch} \cdot \text{seq}}
      + \underbrace{4 L \cdot \text{batch} \cdot \text{seq}^2 \, d}_{\text{scores and mixing}}$$

    The masked half of the scores counts. A training step has three times as many: each product has two more
    behind it in the backward pass.

    Source: A. Chowdhery et al., arXiv:2204.02311, appendix B (model FLOPs utilisation).
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

    With T = batch·seq tokens, r, p, ℓ = the precision's ``stream``, ``product`` and ``loss``, H heads, c = 1
    where weights are copied and 0 elsewhere:

    $$\begin{aligned}
      \text{block} &= T\,[\,\underbrace{2rd + 16}_{\text{into the norms}} + \underbrace{14pd}_{\text{1 + 3 + 1
        + 1 + 4 + 4}} + \underbrace{4H}_{\text{log-sums}}\,] + c \cdot 12pd^2 \\
      \text{rest} &= T\,[\,\underbrace{rd + 8 + pd}_{\text{last norm}} + \underbrace{\ell V}_{\text{loss}}
        + \underbrace{16}_{\text{ids, targets}}\,] + c \cdot pVd + r
    \end{aligned}$$

    The fourteen are what linear maps and GELU read: the norm's output (1), query, key and value (3), the
    heads' output (1), the second norm's output (1), and the wide layer before and after GELU (4 + 4). A norm
    keeps a mean and a deviation per token, 4 bytes each in every precision. With ``checkpointing`` a block
    recomputes itself and keeps only its input, Trd. SDPA keeps no scores, only the logarithm of a row's sum.
    Under autocast each weight matrix is cast once per forward pass, and the copy stays for the backward pass.

    These are the tensors that autograd saves, without dropout, but for SDPA's random state (24 bytes per
    block). The CPU differs in two terms: its autocast computes the loss in fp32 and keeps 4 bytes per logit,
    not 6; and in bf16 its norms keep 2 bytes, not 4, per mean and deviation.
    """
    check_sizes(**shape._asdict(), batch=batch, seq=seq)
    bytes_of = _precision(precision)
    tokens, d, stream, product = batch * seq, shape.d_model, bytes_of.stream, bytes_of.product
    block = tokens * stream * d if checkpointing else gpt_block_bytes(shape, batch, seq, precision=precision)
    rest = tokens * (stream * d + 8 + product * d + bytes_of.loss * shape.vocab_size + 16) + stream
    copy = product * shape.vocab_size * d if bytes_of.copies else 0
    return shape.layers * block + rest + copy


def gpt_block_bytes(shape: GPTShape, batch: int, seq: int, *, precision: str = "fp32") -> int:
    """Count the bytes that one block keeps for its backward pass: ``gpt_activation_bytes``, first line."""
    check_sizes(**shape._asdict(), batch=batch, seq=seq)
    bytes_of = _precision(precision)
    d, stream, product = shape.d_model, bytes_of.stream, bytes_of.product
    a_token = 2 * stream * d + 16 + 14 * product * d + 4 * shape.heads
    return batch * seq * a_token + (12 * product * d**2 if bytes_of.copies else 0)


def gpt_backward_moments(
    shape: GPTShape,
    batch: int,
    seq: int,
    *,
    precision: str = "fp32",
    checkpointing: bool = False,
    gradient_shards: int = 1,
) -> dict[str, BackwardMoment]:
    r"""Estimate the three moments of the backward pass at which it may need most, by name, in their order.

    With w the bytes of a weight, g the precision's ``loss_gradient``, and other letters as for
    ``gpt_activation_bytes``:

    - as it begins, everything kept is there, and gTV bytes of gradients of the logits;
    - in the last block the head's activations, $\ell TV + (r + p)Td + 8T + c\,pVd$, are gone and its weights
      have their gradients; working are the gradients of the stream, rTd, and of the wide layer, 4pTd; under
      autocast the stream's copy for the products besides, pTd;
    - in the first block nearly all weights have theirs, shared out among ``gradient_shards`` devices, and
      only this block's activations are left.

    Where blocks recompute themselves, the last block's activations are there besides, but for its input. In
    the last and the first block half of its own weights have gradients. What kernels take for themselves is
    not counted: on an H100 about 64 MiB more beside the wide layer's gradient in bf16, none in fp32.
    """
    check_sizes(gradient_shards=gradient_shards)
    block = gpt_block_bytes(shape, batch, seq, precision=precision)
    kept = gpt_activation_bytes(shape, batch, seq, precision=precision, checkpointing=checkpointing)
    weight, stream, product, copies, loss, loss_gradient = _precision(precision)
    tokens, d, vocab = batch * seq, shape.d_model, shape.vocab_size
    on_their_way = tokens * d * (stream + 4 * product + (product if copies else 0))
    head = tokens * (loss * vocab + (stream + product) * d + 8) + (product * vocab * d if copies else 0)
    recomputed = block - stream * tokens * d if checkpointing else 0
    half_a_block = 4 * d**2 + 3 * d
    # Of the first block's own weights half have no gradient yet, and the positions have none.
    nearly_all = weight * (gpt_parameters(shape) - shape.context * d - 2 * half_a_block)
    return {
        "as the backward pass begins": BackwardMoment(kept, 0, loss_gradient * tokens * vocab),
        "in the last block": BackwardMoment(
            kept - head + recomputed, weight * (vocab * d + half_a_block), on_their_way
        ),
        "in the first block": BackwardMoment(
            block + 16 * tokens, -(-nearly_all // gradient_shards), on_their_way
        ),
    }


def gpt_working_bytes(
    shape: GPTShape,
    batch: int,
    seq: int,
    *,
    precision: str = "fp32",
    checkpointing: bool = False,
    gradient_shards: int = 1,
) -> int:
    """Estimate what the backward pass needs at its worst moment beside weights, optimiser and activations.

    The most of ``gpt_backward_moments`` less ``gpt_activation_bytes``, in bytes.
    """
    kind = {"precision": precision, "checkpointing": checkpointing}
    moments = gpt_backward_moments(shape, batch, seq, **kind, gradient_shards=gradient_shards)
    return max(map(sum, moments.values())) - gpt_activation_bytes(shape, batch, seq, **kind)


def gpt_gathered_bytes(shape: GPTShape, *, precision: str = "fp32") -> int:
    """Count the bytes of weights whole on each device under FSDP: both ends, and one block at a time."""
    return _precision(precision).weight * gpt_parameters(shape._replace(layers=1))


def _precision(name: str) -> Precision:
    if name not in PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, got {name!r}")
    return PRECISIONS[name]
