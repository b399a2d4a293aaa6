"""Three classifiers of 28×28 digits, from one matrix to a small convolutional network.

Each maps images, float (batch, 1, 28, 28), to *logits* (batch, 10), in nats, whose softmax is the model's
probability of each digit. Other dtypes raise ``TypeError``, other shapes ``ValueError``.
"""

import torch
from torch import Tensor, nn

SIDE = 28
CLASSES = 10


class SoftmaxRegression(nn.Module):
    """Softmax regression, one linear map to logits: z = W·x + b, with x the image's 784 pixels in a row.

    Parameters: W (10, 784) and b (10,), 7,850 in all.
    """

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(SIDE * SIDE, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        """Compute logits."""
        return self.linear(_checked(images).flatten(1))


class MLP(nn.Module):
    """Multi-layer perceptron, two linear maps with ReLU between them: z = W₂·max(0, W₁·x + b₁) + b₂.

    Parameters: 785·hidden + 10·(hidden + 1); 101,770 for the default. ``ValueError`` if ``hidden`` < 1.
    """

    def __init__(self, hidden: int = 128) -> None:
        super().__init__()
        if hidden < 1:
            raise ValueError(f"hidden must be at least 1, got {hidden}")
        self.first = nn.Linear(SIDE * SIDE, hidden)
        self.second = nn.Linear(hidden, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        """Compute logits."""
        return self.second(torch.relu(self.first(_checked(images).flatten(1))))


class ConvNet(nn.Module):
    """Three convolutions without padding, two of them halved by max-pooling, and one linear map; 23,258
    parameters.

        (1, 28, 28) → conv 5×5 → (16, 24, 24) → pool, ReLU → (16, 12, 12)
                    → conv 3×3 → (32, 10, 10) → pool, ReLU → (32, 5, 5)
                    → conv 3×3 → (48, 3, 3) → ReLU → flatten, dropout → 432 → linear → 10

    Pooling comes before the ReLU: the maximum and max(0, ·) commute, so the result is the same and the ReLU
    has a quarter of the work.

    In train mode each of the 432 features is dropped (set to 0) with probability 0.3 and the others are
    divided by 0.7; in eval mode nothing is dropped, and logits depend on the image alone.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, kernel_size=5)
        self.conv2 = nn.Conv2d(16, 32, kernel_size=3)
        self.conv3 = nn.Conv2d(32, 48, kernel_size=3)
        self.pool = nn.MaxPool2d(2)
        self.dropout = nn.Dropout(0.3)
        self.linear = nn.Linear(48 * 3 * 3, CLASSES)

    def features(self, images: Tensor) -> Tensor:
        """Compute what the last linear map sees: activations ≥ 0, (batch, 48, 3, 3)."""
        maps = torch.relu(self.pool(self.conv1(_checked(images))))
        maps = torch.relu(self.pool(self.conv2(maps)))
        return torch.relu(self.conv3(maps))

    def forward(self, images: Tensor) -> Tensor:
        """Compute logits."""
        return self.linear(self.dropout(self.features(images).flatten(1)))


def _checked(images: Tensor) -> Tensor:
    if images.ndim != 4 or images.shape[1:] != (1, SIDE, SIDE):
        raise ValueError(f"images must have shape (batch, 1, 28, 28), got {tuple(images.shape)}")
    if not images.is_floating_point():
        raise TypeError(f"images must be floating point, in [0, 1], got {images.dtype}")
    return images
