"""The ConvNet that reads drawn digits, in the page and behind the server, with its trained weights."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file

from course_lib.checks import check_tensors
from course_lib.models.image_classifiers import ConvNet

WEIGHTS = Path(__file__).parent / "files" / "digit_network.safetensors"
"""The committed weights, float16, under the names of `ConvNet.state_dict()`."""


def digit_network(path: Path = WEIGHTS) -> ConvNet:
    """Load the trained digit classifier that runs in the page, in eval mode, float32 on the CPU.

    ``path`` is a safetensors file holding every tensor of `ConvNet.state_dict()`, float16 or float32;
    ``ValueError`` if it is missing, damaged, or holds others.
    """
    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise ValueError(f"path must be a whole safetensors file, got {path}: {error}") from error
    model = ConvNet()
    check_tensors(f"path {path}", tensors, model.state_dict())
    model.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    return model.eval()
