"""Attention written out, with all its weights, against torch's own kernel, as the sequence grows."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from benchmarks.pairs import Comparison, compare
from course_lib.models.attention import attention, causal_mask

BATCH, HEADS, HEAD_DIM = 1, 4, 32
LENGTHS = (128, 256, 512, 1024, 2048)


def written_out_against_sdpa(*, pairs: int = 5, lengths: tuple[int, ...] = LENGTHS) -> list[Comparison]:
    """Time the forward pass of causal attention both ways, a comparison per length.

    Args:
        pairs: timed pairs.
        lengths: queries, and as many keys.

    Returns:
        Comparisons whose ``facts`` hold ``seq``.

    Raises:
        RuntimeError: if the two ways differ by more than 1e-5.
    """
    found = []
    for seq in lengths:
        torch.manual_seed(0)
        query, key, value = torch.randn(3, BATCH, HEADS, seq, HEAD_DIM)
        mask = causal_mask(seq)

        def sdpa(q=query, k=key, v=value) -> torch.Tensor:
            return F.scaled_dot_product_attention(q, k, v, is_causal=True)

        def written_out(q=query, k=key, v=value, mask=mask) -> torch.Tensor:
            return attention(q, k, v, mask=mask)[0]

        apart = (sdpa() - written_out()).abs().max().item()
        if not apart <= 1e-5:
            raise RuntimeError(
                f"at {seq} positions the two ways differ by {apart:.2g}, expected at most 1e-5"
            )
        one = compare(
            f"causal attention, {seq:,} positions",
            ("written out", written_out),
            ("F.scaled_dot_product_attention", sdpa),
            pairs=pairs,
        )
        found.append(one._replace(facts={"seq": seq}))
    return found
