"""SFT (supervised fine-tuning): cross-entropy on the answer's tokens only, never on the prompt's."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.assistant.task import encode_bytes
from course_lib.models.gpt import GPT
from course_lib.training.steps import WARMUP_SHARE, adamw, descend, finite, scheduled

IGNORE_INDEX = -100  # a target that counts for nothing: F.cross_entropy's own mark


def prompts_with_answers(
    prompts: Sequence[Sequence[int]], answers: Sequence[Sequence[int]], *, pad: int = 0
) -> tuple[Tensor, Tensor]:
    """Lay out pairs for training: each position's target is the token after it, if that is an answer's.

    ``prompts`` and ``answers`` are token ids, one answer per prompt and none of them empty (else
    ``ValueError``); an answer includes the token that ends it. ``pad`` fills the shorter rows: any id of the
    vocabulary will do, as nothing before it sees it in a causal model, and it is never a target. Gives
    ``(inputs, targets)``, int64, (batch, seq) each, with seq one less than the longest prompt and answer
    together. Targets are ``IGNORE_INDEX`` (−100) where the next token is of the prompt or padding.
    """
    if len(prompts) != len(answers) or not prompts:
        raise ValueError(
            f"answers must be one for each prompt, got {len(answers)} for {len(prompts)} prompts"
        )
    for name, rows in (("prompts", prompts), ("answers", answers)):
        for place, row in enumerate(rows):
            if len(row) == 0:
                raise ValueError(f"{name} must hold at least one token each, number {place} is empty")
    seq = max(len(prompt) + len(answer) for prompt, answer in zip(prompts, answers, strict=True)) - 1
    inputs = torch.full((len(prompts), seq), pad)
    targets = torch.full((len(prompts), seq), IGNORE_INDEX)
    for row, (prompt, answer) in enumerate(zip(prompts, answers, strict=True)):
        whole = torch.tensor([*prompt, *answer])
        inputs[row, : len(whole) - 1] = whole[:-1]
        targets[row, len(prompt) - 1 : len(whole) - 1] = whole[len(prompt) :]
    return inputs, targets


def answer_loss(logits: Tensor, targets: Tensor) -> Tensor:
    r"""Cross-entropy of the answers alone, every answer token counted alike.

    $$\begin{gathered}
      L = -\frac{1}{\sum_{b,t} m_{b,t}} \sum_{b,t} m_{b,t} \ln p_\theta(y_{b,t} \mid y_{b,<t}), \\
      \frac{\partial L}{\partial z_{b,t}} = \frac{m_{b,t}}{\sum m}\,
      (\operatorname{softmax}(z_{b,t}) - e_{y_{b,t}})
      \end{gathered}$$

    with m = 1 where a token is asked for, else 0: a scalar, in nats per token. ``logits`` are floating,
    (batch, seq, vocab); ``targets`` int64, (batch, seq), ``IGNORE_INDEX`` or a token.

    ``TypeError`` if targets are not int64; ``ValueError`` if the shapes do not fit, a target is neither
    ``IGNORE_INDEX`` nor in the vocabulary, or a row asks for no token.

    Source: L. Ouyang et al., arXiv:2203.02155, section 3.5 (SFT).
    """
    return -token_log_probabilities(logits, targets).sum() / (targets != IGNORE_INDEX).sum()


def token_log_probabilities(logits: Tensor, targets: Tensor) -> Tensor:
    """The log-probability of each token asked for, ln p(y | what stands before it), in nats, (batch, seq).

    It is 0 where nothing is asked, so a row's sum is that of the whole answer, ln π(y|x). Arguments
    and errors as ``answer_loss``.
    """
    if targets.dtype != torch.int64:
        raise TypeError(f"targets must be int64, got {targets.dtype}")
    if logits.ndim != 3 or logits.shape[:2] != targets.shape or 0 in logits.shape:
        raise ValueError(
            f"logits must be (batch, seq, vocab) for targets (batch, seq), got {tuple(logits.shape)} "
            f"and {tuple(targets.shape)}"
        )
    asked = targets != IGNORE_INDEX
    strange = asked & ((targets < 0) | (targets >= logits.shape[2]))
    if strange.any():
        raise ValueError(
            f"targets must be {IGNORE_INDEX} or from 0 to {logits.shape[2] - 1}, "
            f"got {int(targets[strange][0])}"
        )
    if not asked.any(dim=1).all():
        raise ValueError(
            f"targets must ask for a token in each row, row {int(asked.any(dim=1).int().argmin())} does not"
        )
    return -F.cross_entropy(logits.transpose(1, 2), targets, ignore_index=IGNORE_INDEX, reduction="none")


class Demonstrations(NamedTuple):
    """Settings of ``learn_from_demonstrations``; ``learning_rate`` is the highest of the schedule."""

    steps: int
    batch_size: int
    learning_rate: float


def layout(model: GPT, prompts: Sequence[str], answers: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Spell texts for training, on the model's device; result and errors as ``prompts_with_answers``."""
    inputs, targets = prompts_with_answers(
        [encode_bytes(p) for p in prompts], [encode_bytes(a) for a in answers]
    )
    device = model.token_embedding.weight.device
    return inputs.to(device), targets.to(device)


def train_on(
    model: nn.Module, loss_of_step: Callable[[int], Tensor | None], *, steps: int, learning_rate: float
) -> list[float]:
    """Make updates with AdamW, the learning rate warming up over a tenth of them and falling along a cosine.

    The model is changed in place; parameters that ask for no gradient stay. ``loss_of_step`` goes from the
    step, 0 … steps − 1, to its loss, or to ``None`` where nothing can be learnt. Gives the losses, each
    ``None`` left out. ``ValueError`` if ``steps`` is below 1, or the highest ``learning_rate`` not finite and
    above 0; ``FloatingPointError`` names the update where a loss is NaN or infinite.
    """
    if steps < 1 or not 0 < learning_rate < math.inf:
        raise ValueError(f"steps must be at least 1 and learning_rate above 0, got {steps}, {learning_rate}")
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = adamw(trained, learning_rate=learning_rate, weight_decay=0.0)
    losses: list[float] = []
    model.train()
    for step in scheduled(optimizer, steps=steps, warmup=int(WARMUP_SHARE * steps)):
        loss = loss_of_step(step)
        if loss is not None:
            losses.append(finite(loss, step))
            descend(loss, trained, optimizer)
    model.eval()
    return losses


def learn_from_demonstrations(
    model: GPT,
    prompts: Sequence[str],
    answers: Sequence[str],
    settings: Demonstrations,
    *,
    generator: torch.Generator,
) -> list[float]:
    """Supervised fine-tuning, in place: cross-entropy of the answers, prompts masked.

    There must be one answer per prompt (else ``ValueError``). ``generator``, on the CPU, draws the batches.
    Gives the losses, nats per token.

    Source: L. Ouyang et al., arXiv:2203.02155, section 3.5.
    """
    if len(prompts) != len(answers) or not prompts:
        raise ValueError(f"answers must be one for each prompt, got {len(answers)} for {len(prompts)}")

    def loss_of_step(_: int) -> Tensor:
        places = torch.randint(len(prompts), (settings.batch_size,), generator=generator).tolist()
        inputs, targets = layout(model, [prompts[i] for i in places], [answers[i] for i in places])
        return answer_loss(model(inputs), targets)

    return train_on(model, loss_of_step, steps=settings.steps, learning_rate=settings.learning_rate)
