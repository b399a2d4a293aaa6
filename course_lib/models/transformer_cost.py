"""What a Transformer costs, by formula: numbers to learn and arithmetic to do."""

from __future__ import annotations

from course_lib.models.sizes import check_sizes
from course_lib.models.transformer_layers import Norm


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

    With d = d_model, f = feed_forward an attention has $A = 4(d^2 + d)$, a feed-forward network
    $F = 2df + f + d$ and a norm 2d, so that

    $$N = (V_s + V_t)\,d + L\,(3A + 2F + 10d) + V_t(d + 1) \; [\, + 4d \text{ with pre-norm}\,]$$

    Args:
        source_vocab: V_s, at least 1.
        target_vocab: V_t, at least 1.
        d_model: at least 1.
        layers: L, of the encoder and as many of the decoder, at least 1.
        feed_forward: at least 1.
        norm: ``"pre"`` or ``"post"``.

    Returns:
        Trainable numbers, embeddings and output layer included.

    Raises:
        ValueError: if a size is below 1 or ``norm`` is another word.

    Taught in: "The Transformer".
    """
    check_sizes(
        source_vocab=source_vocab,
        target_vocab=target_vocab,
        d_model=d_model,
        layers=layers,
        feed_forward=feed_forward,
    )
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

    A multiplication and its addition count as 2, as in ``torch.utils.flop_counter``; norms, softmax and
    biases are left out. For one example, with s source and t target tokens:

    $$\underbrace{8sd^2 + 4s^2d + 4sdf}_{\text{encoder layer}}, \qquad
      \underbrace{8td^2 + 4t^2d + 4td^2 + 4sd^2 + 4std + 4tdf}_{\text{decoder layer: self, cross, network}},
      \qquad \underbrace{2tdV_t}_{\text{output}}$$

    Args:
        batch: examples, at least 1.
        source: s, tokens a source with padding, at least 1.
        target: t, tokens a target with padding, at least 1.
        target_vocab: V_t, at least 1.
        d_model: d, at least 1.
        layers: of the encoder and as many of the decoder, at least 1.
        feed_forward: f, at least 1.

    Returns:
        Operations; masked scores count, since they are computed.

    Raises:
        ValueError: if a size is below 1.

    Taught in: "The Transformer".
    """
    check_sizes(
        batch=batch,
        source=source,
        target=target,
        target_vocab=target_vocab,
        d_model=d_model,
        layers=layers,
        feed_forward=feed_forward,
    )
    s, t, d, f = source, target, d_model, feed_forward
    encoder = 8 * s * d**2 + 4 * s**2 * d + 4 * s * d * f
    own = 8 * t * d**2 + 4 * t**2 * d
    cross = 4 * t * d**2 + 4 * s * d**2 + 4 * s * t * d
    decoder = own + cross + 4 * t * d * f
    return batch * (layers * (encoder + decoder) + 2 * t * d * target_vocab)
