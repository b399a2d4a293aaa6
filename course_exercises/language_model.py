"""Exercises of the chapter on pretraining a language model."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor

from course_exercises.exercise import Exercise, Misconception
from course_exercises.random_inputs import float64, integer

# --- bits per byte ------------------------------------------------------------------------------------------


def bits_per_byte(loss: float, tokens: int, byte_count: int) -> float:
    """All nats, turned into bits, spread over the bytes of the text."""
    return loss * tokens / math.log(2) / byte_count


BITS_PER_BYTE = Exercise(
    name="bits_per_byte",
    title="A loss that forgets the tokeniser",
    kind="predict",
    points=1,
    inputs=lambda generator: (
        integer(generator, 30, 44) / 10,
        100 * integer(generator, 20, 40),
        100 * integer(generator, 80, 120),
    ),
    question=lambda loss, tokens, byte_count: (
        f"A text of {byte_count} bytes is cut into {tokens} tokens, and a model's loss on them is {loss} nats per token. How many bits per byte is that, to two decimals?"
    ),
    reference=bits_per_byte,
    misconceptions={
        "nats": Misconception(
            lambda loss, tokens, byte_count: loss * tokens / byte_count,
            "That is in nats per byte. A bit is ln 2 ≈ 0.69 nats, so there are more of them.",
        ),
        "bits per token": Misconception(
            lambda loss, *_: loss / math.log(2),
            "That is in bits per token. Spread them over the bytes that a token covers.",
        ),
        "multiplied by ln 2": Misconception(
            lambda loss, tokens, byte_count: loss * tokens * math.log(2) / byte_count,
            "You multiplied by ln 2. A bit is the smaller unit, so the number must grow.",
        ),
        "upside down": Misconception(
            lambda loss, tokens, byte_count: loss * byte_count / tokens / math.log(2),
            "You multiplied by the bytes per token. The loss of one token is shared by its bytes.",
        ),
    },
    slips={
        "base ten": Misconception(
            lambda loss, tokens, byte_count: loss * tokens / math.log(10) / byte_count,
            "You divided by ln 10. A bit belongs to base 2.",
        ),
        "nats per token": Misconception(
            lambda loss, *_: loss,
            "That is the loss itself, in nats per token.",
        ),
        "total bits": Misconception(
            lambda loss, tokens, _: loss * tokens / math.log(2),
            "Those are the bits of the whole text. Divide by its bytes.",
        ),
        "total nats": Misconception(
            lambda loss, tokens, _: loss * tokens,
            "Those are the nats of the whole text. Turn them into bits, and divide by its bytes.",
        ),
        "bytes per token": Misconception(
            lambda _, tokens, size: size / tokens,
            "That is how many bytes each token covers. How many bits does the model need for each?",
        ),
    },
    next_step="What does gzip need, in bits per byte, on the same text?",
    tolerance=5e-3,
    decimals=2,
    reason="The loss per token times the number of tokens is the whole text in nats, and divided by ln 2 in bits. Divided by the bytes, it no longer depends on how the text was cut into tokens.",
)


# --- inputs and targets -------------------------------------------------------------------------------------


def _ids_and_start(generator: Generator) -> tuple[Tensor, int, int]:
    return (
        torch.randint(0, 900, (60,), generator=generator),
        integer(generator, 5, 30),
        integer(generator, 6, 12),
    )


def window(ids: Tensor, start: int, context: int) -> tuple[Tensor, Tensor]:
    """The target of a token is the one that follows it."""
    return ids[start : start + context], ids[start + 1 : start + 1 + context]


WINDOW = Exercise(
    name="window",
    title="A window and its targets",
    kind="implement",
    points=1,
    inputs=_ids_and_start,
    reference=window,
    misconceptions={
        "no shift": Misconception(
            lambda ids, start, context: (ids[start : start + context], ids[start : start + context]),
            "Each token's target is itself. The model will learn to copy, with a loss of zero, and write "
            "nothing.",
        ),
        "backwards": Misconception(
            lambda ids, start, context: (
                ids[start : start + context],
                ids[start - 1 : start - 1 + context],
            ),
            "Your target is the token before, which the model has just read.",
        ),
        "two ahead": Misconception(
            lambda ids, start, context: (
                ids[start : start + context],
                ids[start + 2 : start + 2 + context],
            ),
            "Your target is the token after the next.",
        ),
        "last target missing": Misconception(
            lambda ids, start, context: (
                ids[start : start + context],
                ids[start + 1 : start + context],
            ),
            "The last token of the window has no target: take one token more than the context.",
        ),
    },
    slips={
        "a single token": Misconception(
            lambda ids, start, context: (ids[start : start + context], ids[start + context]),
            "The input is right; the target is one token. Each token of the input has a target of its own.",
        ),
        "rolled": Misconception(
            lambda ids, start, context: (ids[start : start + context], ids[start : start + context].roll(-1)),
            "All but the last target is right: `roll` takes the first token where the next one of the text belongs.",
        ),
        "both one shorter": Misconception(
            lambda ids, start, context: (ids[start : start + context - 1], ids[start + 1 : start + context]),
            "Both are one token short: take one token more than the context from the text.",
        ),
        "inputs shifted back": Misconception(
            lambda ids, start, context: (ids[start - 1 : start - 1 + context], ids[start : start + context]),
            "Your window begins one place too early.",
        ),
        "swapped": Misconception(
            lambda ids, start, context: window(ids, start, context)[::-1],
            "Input and target are the wrong way round.",
        ),
        "from the beginning": Misconception(
            lambda ids, _, context: (ids[:context], ids[1 : context + 1]),
            "Your window begins at the start of the text. It should begin at `start`.",
        ),
        "not split": Misconception(
            lambda ids, start, context: ids[start : start + context + 1],
            "Those are all the tokens it takes. Input and targets are two rows cut from them.",
        ),
    },
    next_step="Over how many windows does a text of n tokens spread, if they may overlap?",
)


# --- one merge ----------------------------------------------------------------------------------------------


def _runs(generator: Generator) -> tuple[list[int], tuple[int, int], int]:
    ids = torch.randint(0, 3, (integer(generator, 11, 16),), generator=generator).tolist()
    pair = (0, integer(generator, 0, 1))
    return [*ids, 0, 0, 0, 1, 0, 1, 2, *ids[:4]], pair, integer(generator, 300, 400)


def _merged(
    ids: list[int], pair: tuple[int, int], new: int, *, jump: int = 2, most: int = 10**6
) -> list[int]:
    out, place = [], 0
    while place < len(ids):
        if most and tuple(ids[place : place + 2]) == pair:
            out.append(new)
            place, most = place + jump, most - 1
        else:
            out.append(ids[place])
            place += 1
    return out


def merge(ids: list[int], pair: tuple[int, int], new: int) -> list[int]:
    """From the left, each pair found is replaced and stepped over."""
    out: list[int] = []
    place = 0
    while place < len(ids):
        if tuple(ids[place : place + 2]) == pair:
            out.append(new)
            place += 2
        else:
            out.append(ids[place])
            place += 1
    return out


MERGE = Exercise(
    name="merge",
    title="One merge",
    kind="implement",
    points=2,
    inputs=_runs,
    reference=merge,
    misconceptions={
        "only the first": Misconception(
            lambda ids, pair, new: _merged(ids, pair, new, most=1),
            "You replaced the first occurrence only.",
        ),
        "stepped one place": Misconception(
            lambda ids, pair, new: _merged(ids, pair, new, jump=1),
            "After a replacement you moved on by one place only, so the pair's second half appears again.",
        ),
        "the pair turned round": Misconception(
            lambda ids, pair, new: _merged(_merged(ids, pair, new), (pair[1], pair[0]), new),
            "You also replaced the pair in the opposite order. “th” and “ht” are different tokens.",
        ),
        "beside the old": Misconception(
            lambda ids, pair, new: [
                out
                for place, i in enumerate(ids)
                for out in ([i, new] if tuple(ids[place - 1 : place + 1]) == pair else [i])
            ],
            "The new token stands beside the two old ones. It takes their place.",
        ),
    },
    slips={
        "unchanged": Misconception(
            lambda ids, _pair, _new: ids,
            "Nothing was replaced.",
        ),
        "one half left out": Misconception(
            lambda ids, pair, new: [i for i in merge(ids, pair, new) if i != pair[1]],
            "Tokens outside the pair have disappeared too: only a whole pair is replaced.",
        ),
        "each token replaced": Misconception(
            lambda ids, pair, new: [new if i in pair else i for i in ids],
            "You replaced each token of the pair by itself. It is the two in a row that make one.",
        ),
        "from the right": Misconception(
            lambda ids, pair, new: merge(ids[::-1], pair[::-1], new)[::-1],
            "You replaced from the right. In a run such as 0 0 0 it matters: begin at the left.",
        ),
        "the last left out": Misconception(
            lambda ids, pair, new: merge(ids[:-1], pair, new),
            "The last id is lost. What happens where no pair can begin any more?",
        ),
    },
    next_step="Merge until no pair occurs twice. Which pairs went first in English?",
    draws=8,
)


# --- temperature --------------------------------------------------------------------------------------------


def with_temperature(logits: Tensor, temperature: float) -> Tensor:
    """Logits are divided before the softmax."""
    return (logits / temperature).softmax(dim=-1)


WITH_TEMPERATURE = Exercise(
    name="with_temperature",
    title="Colder, warmer",
    kind="implement",
    points=1,
    inputs=lambda generator: (float64(generator, 6), (0.5, 2.0)[integer(generator, 0, 1)]),
    reference=with_temperature,
    misconceptions={
        "multiplied": Misconception(
            lambda logits, temperature: (logits * temperature).softmax(dim=-1),
            "You multiplied. Hot should mean flat: divide the logits by the temperature.",
        ),
        "divided probabilities": Misconception(
            lambda logits, temperature: logits.softmax(dim=-1) / temperature,
            "You divided the probabilities. They no longer add up to 1, and their proportions are what they "
            "were.",
        ),
        "not normalised": Misconception(
            lambda logits, temperature: logits.softmax(dim=-1) ** (1 / temperature),
            "The proportions are right. Divide by the sum, so that they are probabilities again.",
        ),
        "temperature ignored": Misconception(
            lambda logits, _: logits.softmax(dim=-1),
            "The temperature changes nothing in your answer.",
        ),
    },
    slips={
        "log-softmax": Misconception(
            lambda logits, temperature: (logits / temperature).log_softmax(dim=-1),
            "Those are log-probabilities. Return probabilities.",
        ),
        "no softmax": Misconception(
            lambda logits, temperature: logits / temperature,
            "Those are the divided logits. The softmax is missing.",
        ),
        "softmax twice": Misconception(
            lambda logits, temperature: (logits.softmax(dim=-1) / temperature).softmax(dim=-1),
            "You divided probabilities, and took a softmax of them. Divide the logits; one softmax is enough.",
        ),
        "root of the temperature": Misconception(
            lambda logits, temperature: (logits / temperature**0.5).softmax(dim=-1),
            "You divided by the root of the temperature.",
        ),
        "exponentials": Misconception(
            lambda logits, temperature: (logits / temperature).exp(),
            "Those are the exponentials. Divide by their sum.",
        ),
        "squared temperature": Misconception(
            lambda logits, temperature: (logits / temperature**2).softmax(dim=-1),
            "You divided by the squared temperature. Once is enough.",
        ),
    },
    next_step="What remains at a temperature of 0.01? And at 100?",
)


# --- the nucleus --------------------------------------------------------------------------------------------


def _distribution(generator: Generator) -> tuple[Tensor, float]:
    """The wanted sum lies just below or just above that of the likeliest few, or it is that sum exactly."""
    size = integer(generator, 7, 10)
    if integer(generator, 0, 2) == 0:
        halves = 2.0 ** -torch.arange(1, size + 1, dtype=torch.float64)
        halves[-1] *= 2  # they sum to 1, and float32 holds every sum exactly
        return halves[torch.randperm(size, generator=generator)], 1 - 0.5 ** integer(generator, 1, 3)
    probabilities = (1.5 * float64(generator, size)).softmax(dim=-1)
    sums = probabilities.sort(descending=True).values.cumsum(dim=-1)
    return probabilities, (0.995, 1.005)[integer(generator, 0, 1)] * float(sums[integer(generator, 1, 3)])


def nucleus(probabilities: Tensor, p: float) -> Tensor:
    """The likeliest tokens, the one that carries the sum over p included; the rest gets nothing."""
    ordered, order = probabilities.sort(descending=True)
    before = ordered.cumsum(dim=-1) - ordered
    kept = torch.zeros_like(probabilities).scatter(0, order, ordered * (before < p))
    return kept / kept.sum()


def _nucleus_variant(normalise=True, include=True, ordered=True):
    def variant(probabilities: Tensor, p: float) -> Tensor:
        order = probabilities.argsort(descending=True) if ordered else torch.arange(len(probabilities))
        sums = probabilities[order].cumsum(dim=-1)
        inside = (sums - probabilities[order] < p) if include else (sums <= p)
        inside[0] = True
        kept = torch.zeros_like(probabilities).scatter(0, order, probabilities[order] * inside)
        return kept / kept.sum() if normalise else kept

    return variant


def _nucleus_from_below(probabilities: Tensor, p: float) -> Tensor:
    ordered, order = probabilities.sort()
    before = ordered.cumsum(dim=-1) - ordered
    kept = torch.zeros_like(probabilities).scatter(0, order, ordered * (before < p))
    return kept / kept.sum()


NUCLEUS = Exercise(
    name="nucleus",
    title="The nucleus",
    kind="implement",
    points=3,
    inputs=_distribution,
    reference=nucleus,
    rivals=(  # the sum reached, exactly or nearly, and counted as not reached, and the other way round
        lambda probabilities, p: nucleus(probabilities, 1.0000001 * p),
        lambda probabilities, p: nucleus(probabilities, 1.01 * p),
        lambda probabilities, p: nucleus(probabilities, p / 1.01),
    ),
    misconceptions={
        "does not add up": Misconception(
            _nucleus_variant(normalise=False),
            "Your probabilities no longer add up to 1: divide by what is left.",
        ),
        "stopped short": Misconception(
            _nucleus_variant(include=False),
            "You left out the token that carries the sum over p. The kept ones together must reach p.",
        ),
        "in order of the vocabulary": Misconception(
            _nucleus_variant(ordered=False),
            "You added probabilities up in the order of the vocabulary. Sort them first, likeliest first.",
        ),
        "a threshold for each": Misconception(
            lambda probabilities, p: (
                (kept := probabilities * (probabilities >= 1 - p)) / kept.sum().clamp(min=1e-9)
            ),
            "You compared each probability with 1 − p. It is their running sum that is compared, with p.",
        ),
    },
    slips={
        "sorted": Misconception(
            lambda probabilities, p: nucleus(probabilities, p).sort(descending=True).values,
            "The numbers are right, in sorted order: put each back in its place in the vocabulary.",
        ),
        "threshold p": Misconception(
            lambda probabilities, p: (
                probabilities * (probabilities >= p) / (probabilities * (probabilities >= p)).sum()
            ),
            "You compared each probability with p. It is their running sum that is compared.",
        ),
        "smallest first": Misconception(
            lambda probabilities, p: _nucleus_from_below(probabilities, p),
            "You began with the unlikeliest token. Sort the other way.",
        ),
        "the likeliest alone": Misconception(
            lambda probabilities, _: (probabilities == probabilities.max()).to(probabilities.dtype),
            "You kept the likeliest token alone, whatever p.",
        ),
        "nothing cut": Misconception(
            lambda probabilities, _: probabilities,
            "Nothing was cut off.",
        ),
        "equal shares": Misconception(
            lambda probabilities, p: (
                (nucleus(probabilities, p) > 0).to(probabilities.dtype)
                / (nucleus(probabilities, p) > 0).sum()
            ),
            "The right tokens are kept, with equal shares. They keep their proportions.",
        ),
        "what is cut": Misconception(
            lambda probabilities, p: torch.where(nucleus(probabilities, p) > 0, 0.0, probabilities),
            "You kept what should go: those are the tokens outside the nucleus.",
        ),
        "the order": Misconception(
            lambda probabilities, _: probabilities.argsort(descending=True),
            "Those are the places, likeliest first. Return the probabilities.",
        ),
    },
    next_step="Which p leaves only the likeliest token, whatever the distribution?",
    draws=8,
)


# --- a cache ------------------------------------------------------------------------------------------------


def _step_with_memory(generator: Generator) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    seen = integer(generator, 3, 6)
    width = integer(generator, 3, 6)
    new = [float64(generator, 2, 1, width) for _ in range(3)]
    return (*new, float64(generator, 2, seen, width), float64(generator, 2, seen, width))


def cached_step(
    query: Tensor, key: Tensor, value: Tensor, keys: Tensor, values: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The new key and value join the old; the one new query looks at all of them."""
    keys, values = torch.cat([keys, key], dim=1), torch.cat([values, value], dim=1)
    scores = query @ keys.transpose(1, 2) / math.sqrt(query.shape[-1])
    return scores.softmax(dim=-1) @ values, keys, values


def _cached_variant(own=True, front=False, remembers=True, masked=False):
    def variant(query, key, value, keys, values):
        joined = [(key, keys), (value, values)] if front else [(keys, key), (values, value)]
        all_keys, all_values = (torch.cat(pair, dim=1) for pair in joined)
        k, v = (all_keys, all_values) if own else (keys, values)
        scores = query @ k.transpose(1, 2) / math.sqrt(query.shape[-1])
        if masked:
            hidden = ~torch.ones(scores.shape[-2:], dtype=torch.bool).tril()
            scores = scores.masked_fill(hidden, -math.inf)
        out = scores.softmax(dim=-1) @ v
        return (out, all_keys, all_values) if remembers else (out, keys, values)

    return variant


CACHED_STEP = Exercise(
    name="cached_step",
    title="One new token",
    kind="implement",
    points=2,
    inputs=_step_with_memory,
    reference=cached_step,
    misconceptions={
        "blind to itself": Misconception(
            _cached_variant(own=False),
            "The new token does not see itself. Append its key and value first, then attend.",
        ),
        "appended in front": Misconception(
            _cached_variant(front=True),
            "The output is right, and the cache is not: you put the newest key in front of the oldest. The next "
            "rotation or mask will count from the wrong end.",
        ),
        "forgot to remember": Misconception(
            _cached_variant(remembers=False),
            "You returned the cache as it was. The next token would not see this one.",
        ),
        "a mask too many": Misconception(
            _cached_variant(masked=True),
            "A square causal mask, cut to one row, lets your newest token see the first key only. Everything in "
            "the cache is its past: it needs no mask.",
        ),
    },
    slips={
        "no scale": Misconception(
            lambda query, key, value, keys, values: (
                (query @ torch.cat([keys, key], 1).mT).softmax(-1) @ torch.cat([values, value], 1),
                *cached_step(query, key, value, keys, values)[1:],
            ),
            "The cache is right; the scores are not divided by √head_dim.",
        ),
        "root of what is seen": Misconception(
            lambda query, key, value, keys, values: (
                (query @ torch.cat([keys, key], 1).mT / math.sqrt(keys.shape[1] + 1)).softmax(-1)
                @ torch.cat([values, value], 1),
                *cached_step(query, key, value, keys, values)[1:],
            ),
            "The cache is right; you divided by the root of the number of keys. It is the width that counts.",
        ),
        "softmax over the queries": Misconception(
            lambda query, key, value, keys, values: (
                (query @ torch.cat([keys, key], 1).mT / math.sqrt(query.shape[-1])).softmax(1)
                @ torch.cat([values, value], 1),
                *cached_step(query, key, value, keys, values)[1:],
            ),
            "The cache is right; the softmax runs over dimension 1, the one query, so every weight is 1.",
        ),
        "itself alone": Misconception(
            lambda query, key, value, keys, values: (
                value,
                *cached_step(query, key, value, keys, values)[1:],
            ),
            "The cache is right; the new token looks at itself alone.",
        ),
    },
    next_step="How many bytes does the cache of a model with 32 layers, 32 heads of 128 and 8,192 tokens take?",
)


EXERCISES: dict[str, Exercise] = {
    exercise.name: exercise
    for exercise in (BITS_PER_BYTE, WINDOW, MERGE, WITH_TEMPERATURE, NUCLEUS, CACHED_STEP)
}
