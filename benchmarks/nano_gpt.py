"""A faithful baseline for GPT training: nanoGPT's model and step, written anew from its description.

One matrix for query, key and value; scaled_dot_product_attention with is_causal; exact GELU; LayerNorm with
or without bias; tied embeddings; AdamW (β = 0.9, 0.95), fused on CUDA only, with decay for matrices only; a
batch is a stack of slices; the gradient is clipped to norm 1.

Source: A. Karpathy, nanoGPT, README and the settings of its small CPU example.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class _LayerNorm(nn.Module):
    def __init__(self, width: int, *, bias: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias, 1e-5)


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int, *, bias: bool) -> None:
        super().__init__()
        self.c_attn = nn.Linear(width, 3 * width, bias=bias)
        self.c_proj = nn.Linear(width, width, bias=bias)
        self.residual_dropout = nn.Dropout(0.0)
        self.heads, self.width = heads, width

    def forward(self, x: Tensor) -> Tensor:
        batch, seq, width = x.size()
        query, key, value = self.c_attn(x).split(self.width, dim=2)
        query, key, value = (
            part.view(batch, seq, self.heads, width // self.heads).transpose(1, 2)
            for part in (query, key, value)
        )
        mixed = F.scaled_dot_product_attention(query, key, value, dropout_p=0.0, is_causal=True)
        mixed = mixed.transpose(1, 2).contiguous().view(batch, seq, width)
        return self.residual_dropout(self.c_proj(mixed))


class _FeedForward(nn.Module):
    def __init__(self, width: int, *, bias: bool) -> None:
        super().__init__()
        self.c_fc = nn.Linear(width, 4 * width, bias=bias)
        self.gelu = nn.GELU()
        self.c_proj = nn.Linear(4 * width, width, bias=bias)
        self.dropout = nn.Dropout(0.0)

    def forward(self, x: Tensor) -> Tensor:
        return self.dropout(self.c_proj(self.gelu(self.c_fc(x))))


class _Block(nn.Module):
    def __init__(self, width: int, heads: int, *, bias: bool) -> None:
        super().__init__()
        self.ln_1 = _LayerNorm(width, bias=bias)
        self.attn = _Attention(width, heads, bias=bias)
        self.ln_2 = _LayerNorm(width, bias=bias)
        self.mlp = _FeedForward(width, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class NanoGPT(nn.Module):
    """nanoGPT's model without dropout.

    Args:
        vocab_size: tokens.
        context: longest sequence.
        width: features of a position.
        heads: attention heads.
        layers: blocks.
        bias: whether linear maps and norms have one.
    """

    def __init__(
        self, vocab_size: int, *, context: int, width: int, heads: int, layers: int, bias: bool
    ) -> None:
        super().__init__()
        self.wte = nn.Embedding(vocab_size, width)
        self.wpe = nn.Embedding(context, width)
        self.drop = nn.Dropout(0.0)
        self.h = nn.ModuleList(_Block(width, heads, bias=bias) for _ in range(layers))
        self.ln_f = _LayerNorm(width, bias=bias)
        self.lm_head = nn.Linear(width, vocab_size, bias=False)
        self.wte.weight = self.lm_head.weight
        for name, parameter in self.named_parameters():
            if parameter.dim() >= 2:
                std = 0.02 / (2 * layers) ** 0.5 if name.endswith("c_proj.weight") else 0.02
                nn.init.normal_(parameter, std=std)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def forward(self, ids: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (batch, seq, vocabulary) of ids (batch, seq), and their mean loss."""
        positions = torch.arange(0, ids.size(1), dtype=torch.long, device=ids.device)
        x = self.drop(self.wte(ids) + self.wpe(positions))
        for block in self.h:
            x = block(x)
        logits = self.lm_head(self.ln_f(x))
        loss = F.cross_entropy(logits.view(-1, logits.size(-1)), targets.view(-1), ignore_index=-1)
        return logits, loss


class NanoStep:
    """nanoGPT's training step: draw a batch, forward, backward, clip, update.

    Args:
        model: the model.
        ids: int64, (n,), the training tokens.
        context: tokens a window.
        batch_size: windows per batch.
        learning_rate: AdamW's.
    """

    def __init__(
        self, model: NanoGPT, ids: Tensor, *, context: int, batch_size: int, learning_rate: float
    ) -> None:
        self.model, self.ids, self.context, self.batch_size = model, ids, context, batch_size
        decayed = [p for p in model.parameters() if p.dim() >= 2]
        plain = [p for p in model.parameters() if p.dim() < 2]
        groups = [{"params": decayed, "weight_decay": 0.1}, {"params": plain, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, lr=learning_rate, betas=(0.9, 0.95))

    def batch(self) -> tuple[Tensor, Tensor]:
        """Draw windows, slice by slice."""
        starts = torch.randint(len(self.ids) - self.context, (self.batch_size,))
        inputs = torch.stack([self.ids[i : i + self.context] for i in starts])
        targets = torch.stack([self.ids[i + 1 : i + 1 + self.context] for i in starts])
        return inputs, targets

    def __call__(self) -> Tensor:
        """Make one update; the loss before it."""
        _, loss = self.model(*self.batch())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return loss.detach()
