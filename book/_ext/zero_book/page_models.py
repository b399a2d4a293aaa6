"""The models that run in the book's pages, as the .onnx files their second engine reads."""

from __future__ import annotations

import hashlib
import io
import json
from importlib.metadata import version
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.export import Dim

from course_lib.pretrained import gpts
from course_lib.pretrained.digit_network import digit_network

FOLDER = "onnx"
"""Where a site keeps the files, below its root."""

Described = tuple[nn.Module, str, Tensor, dict[int, Dim]]  # its input's name, an example, the axes that vary


def _digit() -> Described:
    return digit_network(), "images", torch.zeros(2, 1, 28, 28), {0: Dim("batch", min=1)}


def _moby() -> Described:
    gpt = gpts.load("moby").model
    sizes = {0: Dim("batch", min=1), 1: Dim("seq", min=1, max=gpt.context)}
    return gpt, "ids", torch.arange(6).view(2, 3), sizes


_MODELS = {"digit": _digit, "moby": _moby}


def write_onnx(site: Path) -> list[Path]:
    """Write the digit network and the shipped GPT, unless a site holds just these already.

    Args:
        site: the site's root; its folder `onnx` is made where it is missing.

    Returns:
        The files, `digit.onnx` and `moby.onnx`: the first takes `images`, float32 (batch, 1, 28, 28), the
        second `ids`, int64 (batch, seq) with seq at most 256; both answer with `logits`, float32.

    Raises:
        ImportError: if a package that writes ONNX is missing.
        ValueError: if the committed weights are not whole.
    """
    files = [site / FOLDER / f"{name}.onnx" for name in _MODELS]
    described = {name: describe() for name, describe in _MODELS.items()}
    record = site / FOLDER / "made_from.json"
    made_from = json.dumps({name: _digest(model[0]) for name, model in described.items()} | _versions())
    if all(map(Path.is_file, [record, *files])) and record.read_text("utf-8") == made_from:
        return files
    record.parent.mkdir(parents=True, exist_ok=True)
    for file, model in zip(files, described.values(), strict=True):
        file.write_bytes(_to_onnx(*model))
    record.write_text(made_from, "utf-8")
    return files


def _to_onnx(model: nn.Module, name: str, example: Tensor, sizes: dict[int, Dim]) -> bytes:
    """The same model gives the same bytes, wherever Python's files lie."""
    import onnx

    written = torch.onnx.export(
        model,
        (example,),
        dynamo=True,
        opset_version=20,
        external_data=False,
        input_names=[name],
        output_names=["logits"],
        dynamic_shapes={name: sizes},
        verbose=False,
    )
    buffer = io.BytesIO()
    written.save(buffer)
    proto = onnx.load_from_string(buffer.getvalue())
    for node in proto.graph.node:
        del node.metadata_props[:]  # the lines of Python it came from, with this machine's folders
    onnx.checker.check_model(proto)
    return proto.SerializeToString(deterministic=True)


def _digest(model: nn.Module) -> str:
    """A hash of a model's weights, by name."""
    found = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        found.update(name.encode() + tensor.detach().contiguous().numpy().tobytes())
    return found.hexdigest()


def _versions() -> dict[str, str]:
    """What else decides what is written."""
    return {name: version(name) for name in ("torch", "onnx", "onnxscript")}
