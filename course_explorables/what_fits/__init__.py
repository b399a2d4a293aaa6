"""What training a GPT keeps in memory, laid beside what a device has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import traitlets

from course_explorables.base import Explorable
from course_lib.models.cost import (
    PRECISIONS,
    GPTShape,
    gpt_activation_bytes,
    gpt_backward_moments,
    gpt_gathered_bytes,
    gpt_parameters,
    gpt_tensors,
)
from course_lib.training.memory import AVERAGES, SHARDED, state_bytes

VOCAB, HEAD_DIM = 50_304, 64
LAYERS = (4, 6, 8, 12, 16, 24, 32, 40, 48, 64, 80)
WIDTHS = (256, 384, 512, 768, 1024, 1280, 1600, 2048, 2560, 4096, 5120, 8192)
POWERS = {
    "batch": (1, 2, 4, 8, 16, 32, 64),
    "seq": (128, 256, 512, 1024, 2048, 4096, 8192),
    "devices": (1, 2, 4, 8, 16, 32, 64),
}
MEMORY = (4, 256)
"""GiB per device: the least and the most."""
MODELS = {
    "124 million": (12, 768),
    "1.6 billion": (48, 1600),
    "6.7 billion": (32, 4096),
    "65 billion": (80, 8192),
}
"""Layers and widths one can jump to."""

_CODE = """\
from course_lib.models.cost import (
    PRECISIONS, GPTShape, gpt_activation_bytes, gpt_backward_moments, gpt_gathered_bytes, gpt_parameters, gpt_tensors,
)
from course_lib.training.memory import state_bytes

shape = GPTShape(vocab_size=50304, context=«seq», d_model=«width», heads=«heads», layers=«layers»)
kind = {"precision": "«precision»", "checkpointing": «checkpointing»}
held = state_bytes(
    gpt_parameters(shape), tensors=gpt_tensors(shape), optimizer="«optimizer»",
    bytes_each=PRECISIONS["«precision»"].weight, devices=«devices», sharding="«sharding»",
)._replace(activations=gpt_activation_bytes(shape, «batch», «seq», **kind))
moments = gpt_backward_moments(shape, «batch», «seq», **kind, gradient_shards=«shards»)
moment = max(moments, key=lambda name: sum(moments[name]))
activations, gradients, working = moments[moment]
if "«sharding»" == "weights":
    working += gpt_gathered_bytes(shape, precision="«precision»")

print(f"{gpt_parameters(shape):,} parameters")
for name, size in {**held._asdict(), "working": working}.items():
    print(f"{name:11} {size / 2**30:12.4f} GiB")
state = held.weights + held.optimizer
for name, size in {moment: activations + gradients + working, "at the update": held.gradients}.items():
    print(f"{name:27} {(state + size) / 2**30:12.4f} GiB of «memory»")
"""  # noqa: E501  printed where it can be scrolled


class WhatFits(Explorable):
    r"""Choose a GPT and how it is trained; see the two fullest moments of a step against the device's memory.

    $$\text{weights} + \text{optimiser} + \max(\text{activations} + \text{working}, \; \text{gradients})$$

    The upper bar is the backward pass's fullest moment, which its label names: as it begins, in the last
    block or in the first. *Working* are gradients of activations on their way from one operation to the one
    before it and, where the weights are shared out, those gathered for the moment.

    The parts are those of `models.cost` and `training.memory`, computed in the page to the same byte.
    Drag the line of the device's memory.

    Args:
        layers: one of `LAYERS`.
        width: d_model, one of `WIDTHS`; heads have 64 features each.
        batch: sequences on each device, a power of 2 up to 64.
        seq: tokens per sequence, a power of 2 from 128 to 8192.
        precision: a key of `PRECISIONS`.
        optimizer: a key of `AVERAGES`.
        checkpointing: blocks recompute themselves.
        sharding: a key of `SHARDED`: what the devices share out.
        devices: a power of 2 up to 64.
        memory: GiB per device, a whole number from 4 to 256.
        title: what to try.

    Raises:
        ValueError: if a setting is none of those.

    Source: S. Rajbhandari et al., arXiv:1910.02054, section 3 and figure 1.
    """

    modules: ClassVar[tuple[str, ...]] = ("budget.mjs", "what_fits.mjs")
    settings: ClassVar[tuple[str, ...]] = (
        "layers",
        "width",
        "batch",
        "seq",
        "precision",
        "optimizer",
        "checkpointing",
        "sharding",
        "devices",
        "memory",
    )

    layers = traitlets.Int().tag(sync=True, own=True, echo_update=False)
    width = traitlets.Int().tag(sync=True, own=True, echo_update=False)
    batch = traitlets.Int().tag(sync=True, own=True, echo_update=False)
    seq = traitlets.Int().tag(sync=True, own=True, echo_update=False)
    precision = traitlets.Unicode().tag(sync=True, own=True, echo_update=False)
    optimizer = traitlets.Unicode().tag(sync=True, own=True, echo_update=False)
    checkpointing = traitlets.Bool().tag(sync=True, own=True, echo_update=False)
    sharding = traitlets.Unicode().tag(sync=True, own=True, echo_update=False)
    devices = traitlets.Int().tag(sync=True, own=True, echo_update=False)
    memory = traitlets.Int().tag(sync=True, own=True, echo_update=False)
    choices = traitlets.Dict().tag(sync=True, own=True)

    def __init__(
        self,
        *,
        layers: int = 12,
        width: int = 768,
        batch: int = 8,
        seq: int = 1024,
        precision: str = "fp32",
        optimizer: str = "adam",
        checkpointing: bool = False,
        sharding: str = "none",
        devices: int = 1,
        memory: int = 24,
        title: str = "Make 6.7 billion parameters fit into 80 GiB",
    ) -> None:
        choices = {
            "layers": LAYERS,
            "width": WIDTHS,
            **POWERS,
            "precision": tuple(PRECISIONS),
            "optimizer": tuple(AVERAGES),
            "sharding": tuple(SHARDED),
        }
        given = {
            "layers": layers,
            "width": width,
            "batch": batch,
            "seq": seq,
            "precision": precision,
            "optimizer": optimizer,
            "sharding": sharding,
            "devices": devices,
        }
        _check(given, choices)
        if type(memory) is not int or not MEMORY[0] <= memory <= MEMORY[1]:
            raise ValueError(
                f"memory must be a whole number from {MEMORY[0]} to {MEMORY[1]} GiB, got {memory!r}"
            )
        super().__init__(
            title=title,
            **given,
            checkpointing=bool(checkpointing),
            memory=memory,
            choices={
                **{name: list(values) for name, values in choices.items()},
                "memory": list(MEMORY),
                "models": [[name, *sizes] for name, sizes in MODELS.items()],
                "bytesOf": {name: list(each) for name, each in PRECISIONS.items()},
                "averages": AVERAGES,
                "sharded": {name: sorted(kinds) for name, kinds in SHARDED.items()},
                "vocab": VOCAB,
                "headDim": HEAD_DIM,
            },
            code_template=_CODE,
        )

    def budget(self) -> dict[str, Any]:
        """Count the bytes on one device, by what they are for.

        Returns:
            ``parameters`` (a number, not bytes), ``weights``, ``gradients``, ``optimizer``, ``activations``,
            and ``fullest``: the ``moment`` of the backward pass that needs most, by name, with its
            ``activations``, ``gradients`` written so far, and ``working``.
        """
        shape = GPTShape(VOCAB, self.seq, self.width, self.width // HEAD_DIM, self.layers)
        kind = {"precision": self.precision, "checkpointing": self.checkpointing}
        state = state_bytes(
            gpt_parameters(shape),
            tensors=gpt_tensors(shape),
            optimizer=self.optimizer,
            bytes_each=PRECISIONS[self.precision].weight,
            devices=self.devices,
            sharding=self.sharding,
        )
        gathered = 0
        if "weights" in SHARDED[self.sharding]:
            gathered = gpt_gathered_bytes(shape, precision=self.precision)
        moments = gpt_backward_moments(shape, self.batch, self.seq, **kind, gradient_shards=self._shards())
        moment, fullest = max(moments.items(), key=lambda each: sum(each[1]))
        return {
            "parameters": gpt_parameters(shape),
            **state._asdict(),
            "activations": gpt_activation_bytes(shape, self.batch, self.seq, **kind),
            "fullest": {
                "moment": moment,
                **fullest._replace(working=fullest.working + gathered)._asdict(),
            },
        }

    def code_values(self) -> dict[str, object]:
        """Return the heads, and how many devices share out the gradients."""
        return {"heads": self.width // HEAD_DIM, "shards": self._shards()}

    def _shards(self) -> int:
        return self.devices if "gradients" in SHARDED[self.sharding] else 1


def _check(given: Mapping[str, object], choices: Mapping[str, tuple[object, ...]]) -> None:
    for name, value in given.items():
        if isinstance(value, bool) or value not in choices[name]:
            raise ValueError(f"{name} must be one of {', '.join(map(str, choices[name]))}, got {value!r}")
