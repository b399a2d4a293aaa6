"""Train the ConvNet that reads drawn digits in the page, and write its weights (a maintainer's script).

    python -m studies.digit_weights

The file is in safetensors format, every tensor float16, little-endian, row-major:

    conv1.weight (16, 1, 5, 5)    conv1.bias (16,)
    conv2.weight (32, 16, 3, 3)   conv2.bias (32,)
    conv3.weight (48, 32, 3, 3)   conv3.bias (48,)
    linear.weight (10, 432)       linear.bias (10,)

No padding, stride 1: image (28, 28) in [0, 1] → conv1 (16, 24, 24) → 2×2 max-pool, ReLU (16, 12, 12) → conv2
(32, 10, 10) → 2×2 max-pool, ReLU (32, 5, 5) → conv3 (48, 3, 3) → ReLU → flatten as (channel, row, column) 432
→ linear (10) logits. A convolution here is PyTorch's: a cross-correlation, the kernel not flipped. The
metadata tell command, seed, versions, the data's hash, and the accuracy of these very float16 weights.
"""

import argparse
from pathlib import Path

import torch
from safetensors.torch import save
from torch import nn

from course_lib.data.digits import EMBEDDED_SHA256, load_digits
from course_lib.files import print_in_any_encoding, write_in_one_step
from course_lib.models.image_classifiers import ConvNet
from course_lib.pretrained.digit_network import WEIGHTS
from studies.recipes import RECIPES, measure_accuracy


def write_weights(model: nn.Module, path: Path, seed: int) -> float:
    """Round a trained ConvNet to float16 and write it with its provenance, replacing the file in one step.

    Args:
        model: a trained ``ConvNet``; its own parameters are left alone.
        path: the file to write.
        seed: the seed it was trained with, for the record.

    Returns:
        The rounded weights' accuracy on the embedded test digits, 0 … 1.
    """
    rounded = {name: tensor.detach().half().contiguous() for name, tensor in model.state_dict().items()}
    reader = ConvNet()
    reader.load_state_dict({name: tensor.float() for name, tensor in rounded.items()})
    accuracy = measure_accuracy(reader)
    provenance = {
        "command": f"python -m studies.digit_weights --seed {seed}",
        "seed": str(seed),
        "torch": torch.__version__.split("+")[0],
        "data_sha256": EMBEDDED_SHA256,
        "test_accuracy": f"{accuracy:.4f}",
    }
    write_in_one_step(path, save(rounded, metadata=provenance))
    return accuracy


def main() -> None:
    """Train with the recipe of ``mnist.convnet.accuracy`` and write the weights."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=WEIGHTS)
    arguments = parser.parse_args()
    recipe = RECIPES["mnist.convnet.accuracy"]
    model = recipe.train(load_digits("train"), arguments.seed, recipe.learning_rate)
    accuracy = write_weights(model, arguments.output, arguments.seed)
    print(f"{arguments.output}: {arguments.output.stat().st_size:,} bytes, test accuracy {accuracy:.4f}")


if __name__ == "__main__":
    print_in_any_encoding()
    main()
