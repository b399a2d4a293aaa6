"""An ONNX file run by ONNX Runtime, and the digit net's, written as the pages' are."""

from __future__ import annotations

import onnxruntime
import torch
from zero_book import page_models


def run(content: bytes, **inputs: torch.Tensor) -> torch.Tensor:
    """A file's first output."""
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    [output] = session.run(None, {name: tensor.numpy() for name, tensor in inputs.items()})
    return torch.from_numpy(output)


def digit_onnx() -> bytes:
    """The digit net's file."""
    return page_models._to_onnx(*page_models._digit())
