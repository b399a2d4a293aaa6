"""LoRA of the library against peft's: a training step of one GPT with adapters of one rank."""

from __future__ import annotations

from collections.abc import Callable

import peft
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.gpt import BATCH_SIZE, CONTEXT, HEADS, LAYERS, WIDTH
from benchmarks.pairs import Comparison, compare, repeated
from course_lib.models.gpt import GPT
from course_lib.models.lora import add_lora

RANK, ALPHA = 8, 16.0
VOCABULARY = 1024


def plain() -> GPT:
    """The model both ways start from."""
    torch.manual_seed(0)
    return GPT(VOCABULARY, context=CONTEXT, d_model=WIDTH, heads=HEADS, layers=LAYERS).train()


def linears(model: nn.Module) -> list[str]:
    """The names of the linear layers in the model's blocks."""
    return [name for name, part in model.named_modules() if isinstance(part, nn.Linear) and "blocks" in name]


def of_the_library() -> GPT:
    """The model with the library's adapters."""
    model = plain()
    add_lora(model, linears(model), RANK, ALPHA)
    return model


def of_peft() -> nn.Module:
    """The model with peft's adapters on the same layers."""
    model = plain()
    config = peft.LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=linears(model), lora_dropout=0.0)
    return peft.get_peft_model(model, config).base_model.model


def trainable(model: nn.Module) -> list[nn.Parameter]:
    """The parameters that ask for gradients."""
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def step(model: nn.Module) -> Callable[[], Tensor]:
    """One update of the adapters after another, on one batch."""
    ids = torch.randint(VOCABULARY, (BATCH_SIZE, CONTEXT + 1), generator=torch.Generator().manual_seed(0))
    optimizer = torch.optim.AdamW(trainable(model), lr=1e-3)

    def update() -> Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())
        loss.backward()
        optimizer.step()
        return loss.detach()

    return update


def lora_against_peft(*, pairs: int = 5, updates: int = 5) -> list[Comparison]:
    """Time training steps of the adapters alone.

    Args:
        pairs: timed pairs.
        updates: updates a timed call.

    Returns:
        One comparison; ``facts`` hold ``trainable``, the parameters trained.

    Raises:
        RuntimeError: if the two ways train a different number of parameters.
    """
    theirs, ours = of_peft(), of_the_library()
    counts = [sum(parameter.numel() for parameter in trainable(model)) for model in (theirs, ours)]
    if counts[0] != counts[1]:
        raise RuntimeError(f"peft trains {counts[0]:,} parameters and the library {counts[1]:,}")
    found = compare(
        f"LoRA of rank {RANK}, {updates} updates",
        ("peft", repeated(step(theirs), updates)),
        ("models.lora", repeated(step(ours), updates)),
        pairs=pairs,
    )
    return [found._replace(facts={"trainable": counts[0]})]
