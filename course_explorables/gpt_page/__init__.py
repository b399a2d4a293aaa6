"""A GPT writing in the page: its tokens, its next-token probabilities and its attention."""

from __future__ import annotations

import base64
import functools
import json
import math
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import traitlets

from course_explorables.base import Explorable
from course_explorables.base.palettes import palette
from course_lib.pretrained import gpts
from course_lib.text.tokenizers import BytePairTokenizer

LONGEST = 10_000
"""Characters of the longest prompt."""
NEW_TOKENS = 120
"""Tokens a press on Continue adds."""
FOLDER = "gpt"
"""Where a site keeps the weights, below its root."""

_CODE = """\
import torch
from course_lib.pretrained.gpts import load
from course_lib.text.generation import generate, next_token_logits

model, tokenizer, _ = load("«name»")
text = «text»
ids = torch.tensor(«ids», dtype=torch.int64)«window»

with torch.no_grad():
    logits, weights = model(ids[None], need_weights=True)
next_token = next_token_logits(logits[0, -1], temperature=«shown», top_k=«top_k»).softmax(dim=0)
for probability, token in zip(*next_token.topk(10)):
    print(f"{probability:.4f} {tokenizer.tokens[token]}")
attention = weights[«layer»][0, «head»]  # (queries, keys) of layer «layer» and head «head», counted from 0

continuation = generate(
    model, ids, «new_tokens», context=model.context, «settings»
)
print(tokenizer.decode(continuation.tolist()))
"""


class _Parts(NamedTuple):
    settings: dict[str, int]
    tokenizer: BytePairTokenizer
    weights: bytes


@functools.cache
def _parts(name: str) -> _Parts:
    """What the page needs of a shipped model: the settings, the tokenizer, the safetensors file."""
    _, tokenizer, card = gpts.load(name)
    if not isinstance(tokenizer, BytePairTokenizer):
        raise ValueError(
            f"name must be a model with a byte-pair tokenizer, got {name!r} with {type(tokenizer).__name__}"
        )
    weights = (gpts.FILES / f"{name}.safetensors").read_bytes()
    return _Parts(card["model"], tokenizer, weights)


def write_weights(name: str, site: Path) -> Path:
    """Write a shipped model as the script that pages load, so that it works from a file as from a server.

    Args:
        name: a shipped model with a byte-pair tokenizer, such as "moby".
        site: the site's root; its folder `gpt` is made where it is missing.

    Returns:
        The file written.

    Raises:
        ValueError: if there is no such model, its files are not whole, or its tokenizer is of another kind.
    """
    parts = _parts(name)
    content = {
        "settings": parts.settings,
        "merges": parts.tokenizer.merges,
        "weights": base64.b64encode(parts.weights).decode("ascii"),
    }
    file = site / FOLDER / f"{name}.js"
    file.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    file.write_text(f"(globalThis.courseModels ??= {{}})[{json.dumps(name)}] = {text};\n", encoding="utf-8")
    return file


class GPTInPage(Explorable):
    """Type a prompt, let the shipped GPT go on, take other tokens than it likes best, see where it looks.

    Tokenizer, forward pass with cache, and choice of tokens are JavaScript on the shipped weights; logits are
    within 1e-4 of PyTorch's. In a page the weights come from `gpt/<name>.js` below the site's root, which
    `write_weights` writes; in a notebook they come from the kernel. In the book's own pages, served, a click
    also asks ONNX Runtime for the window's logits and shows how far the two engines are apart.

    Args:
        prompt: the text to begin with, at most 10 000 characters.
        name: a shipped model with a byte-pair tokenizer.
        greedy: whether to take the likeliest token instead of drawing one.
        temperature: T from 0.1 to 3, used in drawing.
        top_k: draw from the so many likeliest tokens only; None for all.
        layer: which layer's attention is shown, from 0.
        head: which of its heads, from 0.
        seed: of the draws, a whole number from 0 to 2³¹ − 1.
        title: what to try.

    Raises:
        TypeError: if `prompt` is not a string.
        ValueError: if the prompt is too long or holds half a surrogate pair, there is no such model, or a
            number lies outside its range.

    Source: Radford et al., *Language models are unsupervised multitask learners*, 2019.
    """

    modules: ClassVar[tuple[str, ...]] = (
        "heat.mjs",
        "safetensors.mjs",
        "shipped_model.mjs",
        "byte_pair.mjs",
        "gpt_network.mjs",
        "gpt_views.mjs",
        "onnx_engine.mjs",
        "gpt_page.mjs",
    )
    settings: ClassVar[tuple[str, ...]] = (
        "prompt",
        "written",
        "greedy",
        "temperature",
        "top_k",
        "layer",
        "head",
        "query",
        "seed",
    )

    name = traitlets.Unicode().tag(sync=True, own=True)
    prompt = traitlets.Unicode().tag(sync=True, own=True, echo_update=False)
    written = traitlets.List().tag(sync=True, own=True, echo_update=False)
    greedy = traitlets.Bool().tag(sync=True, own=True, echo_update=False)
    temperature = traitlets.Float().tag(sync=True, own=True, echo_update=False)
    top_k = traitlets.Int().tag(sync=True, own=True, echo_update=False)
    layer = traitlets.Int().tag(sync=True, own=True, echo_update=False)
    head = traitlets.Int().tag(sync=True, own=True, echo_update=False)
    query = traitlets.Int(-1).tag(sync=True, own=True, echo_update=False)
    seed = traitlets.Int().tag(sync=True, own=True, echo_update=False)
    palette = traitlets.List().tag(sync=True, own=True)
    # What a page finds in the script beside it.
    model_settings = traitlets.Dict().tag(sync=True)
    merges = traitlets.List().tag(sync=True)
    weights = traitlets.Bytes().tag(sync=True)

    def __init__(
        self,
        prompt: str = "Captain Ahab stood upon the",
        name: str = "moby",
        *,
        greedy: bool = False,
        temperature: float = 0.8,
        top_k: int | None = 40,
        layer: int = 2,
        head: int = 1,
        seed: int = 0,
        title: str = "Begin a sentence, let the GPT go on, then overrule it",
    ) -> None:
        if not isinstance(prompt, str):
            raise TypeError(f"prompt must be a string, got {prompt!r}")
        if len(prompt) > LONGEST or any("\ud800" <= character <= "\udfff" for character in prompt):
            raise ValueError(
                f"prompt must be at most {LONGEST} characters, no surrogates among them, "
                f"got {len(prompt)} beginning {prompt[:20]!r}"
            )
        settings, tokenizer, weights = _parts(name)
        if not (math.isfinite(temperature) and 0.1 <= temperature <= 3):
            raise ValueError(f"temperature must lie between 0.1 and 3, got {temperature}")
        if top_k is not None and not 1 <= top_k <= settings["vocab_size"]:
            raise ValueError(f"top_k must be None or from 1 to {settings['vocab_size']}, got {top_k}")
        for word, value, limit in (
            ("layer", layer, settings["layers"]),
            ("head", head, settings["heads"]),
            ("seed", seed, 2**31),
        ):
            if value not in range(limit):
                raise ValueError(f"{word} must be a whole number from 0 to {limit - 1}, got {value!r}")
        super().__init__(
            title=title,
            name=name,
            prompt=prompt,
            written=[],
            greedy=bool(greedy),
            temperature=float(temperature),
            top_k=top_k or 0,
            layer=int(layer),
            head=int(head),
            seed=int(seed),
            palette=palette("cividis", 21),
            model_settings=settings,
            merges=[list(pair) for pair in tokenizer.merges],
            weights=weights,
            code_template=_CODE,
        )

    def code_values(self) -> dict[str, Any]:
        """Return the text, its ids, the window of them that is read, and how the next one is chosen."""
        settings, tokenizer, _ = _parts(self.name)
        length = len(tokenizer.encode(self.prompt)) + len(self.written)
        first = window_start(length, settings["context"])
        top_k = self.top_k or None
        drawn = f"temperature={self.temperature:g}, top_k={top_k}, generator=torch.Generator().manual_seed(0)"
        return {
            "text": json.dumps(self.prompt, ensure_ascii=False),
            "ids": "tokenizer.encode(text)" + (f" + {self.written}" if self.written else ""),
            "window": f"[{first}:]  # older tokens are forgotten" if first else "",
            "shown": "1.0" if self.greedy else f"{self.temperature:g}",
            "top_k": None if self.greedy else top_k,
            "new_tokens": NEW_TOKENS,
            "settings": "temperature=None" if self.greedy else drawn,
        }


def window_start(length: int, context: int) -> int:
    """Find where the window begins in a text that grew token by token.

    Args:
        length: tokens of the text, at least 0.
        context: tokens the model can read at once, at least 1.

    Returns:
        How many of the oldest tokens are forgotten: each time the window would outgrow the context, its
        older half goes, as in `course_lib.text.generation.generate`.

    Raises:
        ValueError: if `length` < 0 or `context` < 1.
    """
    if length < 0 or context < 1:
        raise ValueError(f"length must be at least 0 and context at least 1, got {length} and {context}")
    if length <= context:
        return 0
    half = context // 2
    times = -(-(length - context) // (half + 1))
    return context + 1 + (times - 1) * (half + 1) - (context - half)
