"""The digit net, made ready in ten ways: what runs it, what it takes on disk."""

from __future__ import annotations

import io
import tempfile
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import onnxruntime
import torch
import torch.nn.functional as F
from safetensors.torch import save
from torch import Tensor, nn

from benchmarks.onnx_quantization import quantize_onnx
from course_lib.data.batches import Batches, Jittered
from course_lib.data.digits import load_digits
from course_lib.deploy.pruning import prune_channels, prune_weights
from course_lib.deploy.quantization import quantize_model
from course_lib.pretrained.digit_network import digit_network
from course_lib.runtime import set_seed
from course_lib.training.loop import fit

CLOSE = 1e-5
"""How far logits of the same float32 arithmetic may be apart, over the largest."""
CHAIN = ("conv1", "conv2", "conv3", "linear")
SHAPES = {"images": {0: torch.export.Dim("batch", min=1)}}


class Shipped(NamedTuple):
    """A way made ready: ``run`` maps images to logits; ``exact`` ways do the net's own arithmetic."""

    run: Callable[[Tensor], Tensor]
    bytes: int
    by: str
    exact: bool


def as_it_is(model: nn.Module | None = None, *, exact: bool = True) -> Shipped:
    """A model in eager mode, shipped as a safetensors file."""
    model = (model or digit_network()).eval()
    return Shipped(model, len(save(model.state_dict())), _torch(), exact)


def compiled() -> Shipped:
    """``torch.compile``, which ships nothing: it compiles where it runs."""
    eager = as_it_is()
    torch.compiler.reset()
    return eager._replace(run=torch.compile(eager.run, dynamic=False))


def exported() -> Shipped:
    """``torch.export``'s file, loaded and run by PyTorch."""
    buffer = io.BytesIO()
    torch.export.save(_program(), buffer)
    buffer.seek(0)
    module = torch.export.load(buffer).module()
    return Shipped(lambda images: module(images=images), len(buffer.getvalue()), _torch(), True)


def ahead_of_time() -> Shipped:
    """AOTInductor: the exported program compiled into a library, for this kind of machine."""
    with tempfile.TemporaryDirectory() as folder:
        package = str(Path(folder, "digits.pt2"))
        torch._inductor.aoti_compile_and_package(_program(), package_path=package)
        size = Path(package).stat().st_size
        loaded = torch._inductor.aoti_load_package(package)
    return Shipped(lambda images: loaded(images=images), size, _torch(), True)


def onnx_runtime() -> Shipped:
    """ONNX Runtime on the ONNX file."""
    return _session(_onnx(), exact=True)


def int8_by_hand() -> Shipped:
    """The book's own whole numbers, in eager mode."""
    return as_it_is(quantize_model(digit_network(), _examples()), exact=False)


def int8_by_torchao() -> Shipped:
    """torchao's quantisation of the exported program, compiled."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e
        from torchao.quantization.pt2e.quantizer import x86_inductor_quantizer as x86

        # Seven bits for inputs: right on processors without VNNI too, whose int16 sums would saturate.
        config = x86.get_default_x86_inductor_quantization_config(reduce_range=True)
        quantizer = x86.X86InductorQuantizer().set_global(config)
        watched = prepare_pt2e(_program().module(), quantizer)
        watched(images=_examples())
        whole = convert_pt2e(watched)
    # The float weights are still there, but no operation reads them.
    read = {node.target for node in whole.graph.nodes if node.op == "get_attr"}
    kept = {name: tensor for name, tensor in whole.state_dict().items() if name in read}
    size = len(save({name: tensor.contiguous() for name, tensor in kept.items()}))
    torch.compiler.reset()
    compiled_model = torch.compile(whole, dynamic=False)

    def run(images: Tensor) -> Tensor:
        with torch._inductor.config.patch(freezing=True):
            return compiled_model(images=images)

    return Shipped(run, size, f"torchao {version('torchao')}", False)


def int8_by_onnx_runtime() -> Shipped:
    """ONNX Runtime on what its own quantiser makes of the ONNX file."""
    return _session(quantize_onnx(_onnx(), {"images": _examples()}), exact=False)


def half_the_weights() -> Shipped:
    """Every second weight, the smaller ones, set to 0."""
    return as_it_is(prune_weights(digit_network(), 0.5), exact=False)


def half_the_channels() -> Shipped:
    """Every second channel, the weaker ones, gone; then one epoch of training."""
    set_seed(0)
    model = prune_channels(digit_network(), CHAIN, 0.5)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    batches = Jittered(Batches(*load_digits("train"), batch_size=64))
    fit(model, batches, F.cross_entropy, optimizer, epochs=1, progress=False)
    return as_it_is(model, exact=False)


WAYS: dict[str, Callable[[], Shipped]] = {
    "torch.compile": compiled,
    "torch.export": exported,
    "AOTInductor": ahead_of_time,
    "ONNX Runtime": onnx_runtime,
    "int8, by hand": int8_by_hand,
    "int8, torchao": int8_by_torchao,
    "int8, ONNX Runtime": int8_by_onnx_runtime,
    "half the weights 0": half_the_weights,
    "half the channels": half_the_channels,
}


def _examples() -> Tensor:
    return load_digits("train").images[:100]


def _program() -> torch.export.ExportedProgram:
    with torch.no_grad():
        return torch.export.export(
            digit_network(), (), {"images": _examples()[:2].clone()}, dynamic_shapes=SHAPES
        )


def _onnx() -> bytes:
    buffer = io.BytesIO()
    torch.onnx.export(
        _program(),
        dynamo=True,
        external_data=False,
        input_names=["images"],
        output_names=["logits"],
        verbose=False,
    ).save(buffer)
    return buffer.getvalue()


def _session(content: bytes, *, exact: bool) -> Shipped:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])

    def run(images: Tensor) -> Tensor:
        return torch.from_numpy(session.run(None, {"images": images.numpy()})[0])

    return Shipped(run, len(content), f"onnxruntime {version('onnxruntime')}", exact)


def _torch() -> str:
    return f"torch {torch.__version__.split('+')[0]}"
