"""A square to draw a digit in, and the book's own convolutional network reading it in the page."""

from __future__ import annotations

from typing import ClassVar

import torch
import traitlets

from course_explorables.base import Explorable
from course_lib.data.digits import load_digits
from course_lib.models.image_classifiers import ConvNet
from course_lib.pretrained.digit_network import WEIGHTS, digit_network

# The forward pass as the page runs it: one word a layer, the named ones with weight and bias.
_LAYERS = ("conv1", "pool", "relu", "conv2", "pool", "relu", "conv3", "relu", "linear")

_CODE = '''\
import torch
from course_lib.pretrained.digit_network import digit_network

# the 28 x 28 pixels the network sees, two hexadecimal digits each
rows = """
«rows»
""".split()
image = torch.tensor([list(bytes.fromhex(row)) for row in rows], dtype=torch.float32) / 255

model = digit_network()
with torch.no_grad():
    probabilities = model(image.view(1, 1, 28, 28)).softmax(dim=1)[0]
print(probabilities.argmax().item(), [round(p, 4) for p in probabilities.tolist()])
'''


class DrawDigit(Explorable):
    """Draw a digit by mouse, finger or keys; see the image the network receives and what it makes of it.

    The strokes are prepared as MNIST's were: scaled into 20×20, their centre of mass moved to the middle of
    28×28. The forward pass is JavaScript on the committed weights, within 1e-5 of PyTorch. In the book's own
    pages, served, a click also asks ONNX Runtime and shows how far the two are apart.

    Args:
        example: the digit whose example is shown first, 0 to 9; −1 for an empty square.
        title: what to try.

    Raises:
        ValueError: if `example` is not a whole number from −1 to 9, or the weights' file is not whole.

    Source: LeCun et al., *Gradient-based learning applied to document recognition*, 1998, section III.A.
    """

    modules: ClassVar[tuple[str, ...]] = ("network.mjs", "onnx_engine.mjs", "draw_digit.mjs")
    settings: ClassVar[tuple[str, ...]] = ("strokes", "example")

    strokes = traitlets.List().tag(sync=True, own=True, echo_update=False)
    example = traitlets.Int().tag(sync=True, own=True, echo_update=False)
    pixels = traitlets.Bytes(bytes(28 * 28)).tag(sync=True, echo_update=False)
    layers = traitlets.List().tag(sync=True, own=True)
    weights = traitlets.Bytes().tag(sync=True, own=True)
    examples = traitlets.Bytes().tag(sync=True, own=True)

    def __init__(
        self, example: int = 3, *, title: str = "Draw a digit, then something the network cannot decide on"
    ) -> None:
        if isinstance(example, bool) or not isinstance(example, int) or not -1 <= example <= 9:
            raise ValueError(f"example must be a whole number from -1 to 9, got {example!r}")
        layers, weights = _packed(digit_network())
        examples = _examples()
        super().__init__(
            title=title,
            strokes=[],
            example=example,
            layers=layers,
            weights=weights,
            examples=examples,
            code_template=_CODE,
        )
        if example >= 0:
            self.pixels = examples[example * 784 : (example + 1) * 784]

    def image(self) -> torch.Tensor:
        """Return what the network sees at present, float32 (1, 1, 28, 28) in [0, 1]; needs a kernel."""
        seen = torch.frombuffer(bytearray(self.pixels), dtype=torch.uint8)
        return seen.view(1, 1, 28, 28).float() / 255

    def code_values(self) -> dict[str, object]:
        """Return the image as 28 rows of hexadecimal pixels."""
        return {"rows": "\n".join(self.pixels[row : row + 28].hex() for row in range(0, 784, 28))}


def _packed(model: ConvNet) -> tuple[list[list[object]], bytes]:
    """The network as the page reads it: each layer's name and shape, and all weights in one float16 row."""
    layers: list[list[object]] = []
    parts = []
    for word in _LAYERS:
        if word in ("pool", "relu"):
            layers.append([word])
            continue
        layer = getattr(model, word)
        layers.append(["linear" if word == "linear" else "conv", *layer.weight.shape])
        parts += [layer.weight.detach().flatten(), layer.bias.detach()]
    flat = torch.cat(parts)
    halves = flat.half()
    if not torch.equal(halves.float(), flat):
        raise ValueError(f"path must hold weights that float16 represents exactly, got others in {WEIGHTS}")
    return layers, halves.numpy().astype("<f2").tobytes()


def _examples() -> bytes:
    """One test digit of each kind, the first of its label in the embedded test set, one byte per pixel."""
    images, labels = load_digits("test")
    first = [int((labels == digit).nonzero()[0]) for digit in range(10)]
    return (images[first] * 255).round().to(torch.uint8).numpy().tobytes()
