"""From a model in Python to a file that runs without it: torch.export, ONNX, ONNX Runtime."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

OPSET = 20
"""The version of ONNX's operators that files are written for."""

_LIMIT = "limit."
_DTYPES = {"tensor(float)": torch.float32, "tensor(int64)": torch.int64}
Axes = Mapping[str, Mapping[int, str]]


def export_program(
    model: nn.Module,
    example: Mapping[str, Tensor],
    *,
    axes: Axes | None = None,
    limits: Mapping[str, int] | None = None,
) -> ExportedProgram:
    """Trace a model into one graph of tensor operations, its weights beside it.

    Args:
        model: in eval mode: what dropout does while training is not to be shipped.
        example: the inputs by the names they have in ``forward``; an axis that is to vary should be longer
            than 1.
        axes: for each input the axes that may vary, by position, with a name: ``{"images": {0: "batch"}}``.
            Equal names are equal sizes. All others keep the example's size.
        limits: the largest size of a named axis, such as a GPT's context.

    Returns:
        The program. ``torch.export.save`` writes it, ``.module()`` runs it.

    Raises:
        ValueError: if the model is in train mode, ``example`` is empty, ``axes`` name an input or a position
            that is not there, or ``limits`` an axis that is not named.

    Source: PyTorch's documentation of ``torch.export``.
    Taught in: "Shipping a model".
    """
    axes, limits = axes or {}, limits or {}
    if model.training:
        raise ValueError("model must be in eval mode, call model.eval() first")
    if not example:
        raise ValueError("example must hold at least one input, got none")
    for name, positions in axes.items():
        if name not in example:
            raise ValueError(f"axes must name inputs of example ({', '.join(example)}), got {name!r}")
        beyond = [axis for axis in positions if not 0 <= axis < example[name].ndim]
        if beyond:
            raise ValueError(f"axes of {name!r} must be from 0 to {example[name].ndim - 1}, got {beyond[0]}")
    named = {axis for positions in axes.values() for axis in positions.values()}
    if limits.keys() - named:
        raise ValueError(
            f"limits must be of axes named in axes, got {', '.join(sorted(limits.keys() - named))}"
        )
    sizes = {axis: Dim(axis, min=1, max=limits.get(axis)) for axis in named}
    shapes = {
        name: {position: sizes[axis] for position, axis in axes.get(name, {}).items()} for name in example
    }
    # The program keeps its example, and a slice would keep the storage of all it was cut from: copy.
    copies = {name: tensor.detach().clone() for name, tensor in example.items()}
    with torch.no_grad():
        return torch.export.export(model, (), copies, dynamic_shapes=shapes)


def to_onnx(
    model: nn.Module,
    example: Mapping[str, Tensor],
    *,
    axes: Axes | None = None,
    limits: Mapping[str, int] | None = None,
    outputs: Sequence[str] = ("logits",),
) -> bytes:
    """Translate a model, by way of ``export_program``, into an ONNX file of one piece.

    Args:
        model: as for ``export_program``.
        example: as for ``export_program``.
        axes: as for ``export_program``.
        limits: as for ``export_program``; they are written into the file too.
        outputs: names of what ``forward`` returns.

    Returns:
        The file's content, weights included, for opset 20; nothing in it depends on where Python's files lie.

    Raises:
        ImportError: if ``onnx`` or ``onnxscript`` is not installed.
        ValueError: as ``export_program``.

    Source: the ONNX specification, IR version 10.
    Taught in: "Shipping a model".
    """
    try:
        import onnx
        import onnxscript  # noqa: F401, torch.onnx asks for it in the middle of its work
    except ImportError as error:
        raise ImportError(
            f"writing ONNX needs {error.name}, which is not installed: python -m pip install onnx onnxscript"
        ) from error
    program = export_program(model, example, axes=axes, limits=limits)
    named = {name: dict((axes or {}).get(name, {})) for name in example}
    written = torch.onnx.export(
        program,
        kwargs=dict(example),
        dynamic_shapes=named,
        dynamo=True,
        opset_version=OPSET,
        external_data=False,
        input_names=list(example),
        output_names=list(outputs),
        verbose=False,
    )
    buffer = io.BytesIO()
    written.save(buffer)
    proto = onnx.load_from_string(buffer.getvalue())
    for node in proto.graph.node:
        del node.metadata_props[:]  # the lines of Python it came from, with this machine's folders
    onnx.helper.set_model_props(proto, {_LIMIT + axis: str(size) for axis, size in (limits or {}).items()})
    onnx.checker.check_model(proto)
    return proto.SerializeToString(deterministic=True)


class OnnxModel:
    """An ONNX file, run by ONNX Runtime on the CPU.

    Args:
        content: the file's bytes.
        threads: of one operation, at least 1.

    Raises:
        ImportError: if ``onnxruntime`` is not installed.
        ValueError: if ``content`` is no ONNX model or ``threads`` < 1.

    Taught in: "Shipping a model".
    """

    def __init__(self, content: bytes, *, threads: int = 1) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise ImportError(
                "running ONNX needs onnxruntime, which is not installed: python -m pip install onnxruntime"
            ) from error
        if threads < 1:
            raise ValueError(f"threads must be at least 1, got {threads}")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        try:
            self.session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's exceptions share no base class but this
            raise ValueError(f"content must be an ONNX model, got {len(content)} bytes: {error}") from error
        self.inputs = {each.name: each for each in self.session.get_inputs()}
        properties = self.session.get_modelmeta().custom_metadata_map
        self.limits = {
            name.removeprefix(_LIMIT): int(size)
            for name, size in properties.items()
            if name.startswith(_LIMIT)
        }

    def __call__(self, **inputs: Tensor) -> Tensor:
        """Run the model.

        Args:
            inputs: a tensor for each input, by its name in the file; on the CPU, of the file's dtype.

        Returns:
            The first output.

        Raises:
            TypeError: if an input has another dtype than the file's.
            ValueError: if inputs are missing or unknown, or a shape is not the file's.
        """
        if inputs.keys() != self.inputs.keys():
            raise ValueError(f"inputs must be {', '.join(self.inputs)}, got {', '.join(inputs) or 'none'}")
        sizes: dict[str, int] = {}
        for name, tensor in inputs.items():
            self._check(name, tensor, sizes)
        arrays = {name: tensor.detach().numpy() for name, tensor in inputs.items()}
        return torch.from_numpy(self.session.run(None, arrays)[0])

    def _check(self, name: str, tensor: Tensor, sizes: dict[str, int]) -> None:
        wanted = self.inputs[name]
        dtype = _DTYPES.get(wanted.type)
        if tensor.dtype != dtype:
            raise TypeError(f"{name} must be {dtype}, got {tensor.dtype}")
        shape = f"({', '.join(str(size) for size in wanted.shape)})"
        if tensor.ndim != len(wanted.shape):
            raise ValueError(f"{name} must have shape {shape}, got {tuple(tensor.shape)}")
        for size, expected in zip(tensor.shape, wanted.shape, strict=True):
            limit = self.limits.get(expected, size) if isinstance(expected, str) else expected
            fits = 1 <= size <= limit if isinstance(expected, str) else size == expected
            if not fits or sizes.setdefault(str(expected), size) != size:
                most = "".join(f", {axis} at most {most}" for axis, most in self.limits.items())
                raise ValueError(f"{name} must have shape {shape}{most}, got {tuple(tensor.shape)}")
