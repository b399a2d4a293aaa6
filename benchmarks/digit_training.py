"""What the book claims about speed: batches from memory and the library's loop, each against its peer."""

import logging
import warnings
from collections.abc import Iterable

import pytorch_lightning as lightning
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset
from torchvision.transforms import ToTensor

from benchmarks.pairs import Comparison, compare
from course_lib.data.batches import Batches
from course_lib.data.digits import Digits
from course_lib.models.image_classifiers import ConvNet, SoftmaxRegression
from course_lib.training.loop import fit

BATCH_SIZE = 64
LEARNING_RATE = 0.01


class ClassicDigits(Dataset[tuple[Tensor, int]]):
    """Digits as ``torchvision.datasets.MNIST`` serves them: bytes to a PIL image, through ``ToTensor``, one
    by one.

    Args:
        digits: the examples; their pixels go back to bytes.
    """

    def __init__(self, digits: Digits) -> None:
        self.pixels = (digits.images.squeeze(1) * 255).round().to(torch.uint8)
        self.labels = digits.labels
        self.transform = ToTensor()

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """One image, float32 (1, 28, 28) in [0, 1], and its label."""
        image = Image.fromarray(self.pixels[index].numpy())
        return self.transform(image), int(self.labels[index])


def bare_loop(model: nn.Module, batches: Iterable[tuple[Tensor, ...]], epochs: int) -> list[float]:
    """Train with the loop one writes by hand: SGD on cross-entropy, a mean loss an epoch.

    Args:
        model: images to logits.
        batches: ``(images, labels)``, re-iterable.
        epochs: passes.

    Returns:
        Mean training loss over the examples, epoch by epoch.
    """
    optimizer = torch.optim.SGD(model.parameters(), lr=LEARNING_RATE)
    history = []
    for _ in range(epochs):
        model.train()
        loss_sum, examples = 0.0, 0
        for images, labels in batches:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(images), labels)
            loss.backward()
            optimizer.step()
            loss_sum += loss.item() * len(labels)
            examples += len(labels)
        history.append(loss_sum / examples)
    return history


def library_loop(model: nn.Module, batches: Iterable[tuple[Tensor, ...]], epochs: int) -> list[float]:
    """Train the same way with ``training.loop.fit``.

    Args:
        model: images to logits.
        batches: ``(images, labels)``, re-iterable.
        epochs: passes.

    Returns:
        Mean training loss over the examples, epoch by epoch.
    """
    optimizer = torch.optim.SGD(model.parameters(), lr=LEARNING_RATE)
    return fit(model, batches, F.cross_entropy, optimizer, epochs=epochs, progress=False)["train_loss"]


class LightningDigits(lightning.LightningModule):
    """The same training as a LightningModule.

    Args:
        model: images to logits.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def training_step(self, batch: tuple[Tensor, Tensor], _place: int) -> Tensor:
        """The loss of one batch, logged as the epoch's mean."""
        images, labels = batch
        loss = F.cross_entropy(self.model(images), labels)
        self.log("train_loss", loss, on_step=False, on_epoch=True, batch_size=len(labels))
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """SGD as in ``bare_loop``."""
        return torch.optim.SGD(self.model.parameters(), lr=LEARNING_RATE)


def lightning_loop(model: nn.Module, batches: Iterable[tuple[Tensor, ...]], epochs: int) -> float:
    """Train the same way with Lightning's trainer, everything off that can be: no files, bars or checks.

    Args:
        model: images to logits.
        batches: ``(images, labels)``, re-iterable.
        epochs: passes.

    Returns:
        The last epoch's mean training loss.
    """
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    trainer = lightning.Trainer(
        accelerator="cpu",
        max_epochs=epochs,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer.fit(LightningDigits(model), batches)
    return trainer.callback_metrics["train_loss"].item()


def batches_against_dataloader(digits: Digits, *, epochs: int = 1, pairs: int = 5) -> list[Comparison]:
    """Time softmax regression end to end (784→10, batch 64, SGD 0.01), fed in three ways, equally many
    updates.

    Args:
        digits: the examples.
        epochs: passes a timed call.
        pairs: timed calls of each.

    Returns:
        In-memory batches against the classic ``ToTensor`` pipeline, and against a ``DataLoader`` of tensors.
    """
    classic = DataLoader(ClassicDigits(digits), batch_size=BATCH_SIZE, shuffle=True)
    tensors = DataLoader(TensorDataset(*digits), batch_size=BATCH_SIZE, shuffle=True)
    ours = Batches(*digits, batch_size=BATCH_SIZE)
    candidate = ("data.batches", lambda: bare_loop(SoftmaxRegression(), ours, epochs))
    return [
        compare(
            "softmax regression, end to end",
            (name, lambda loader=loader: bare_loop(SoftmaxRegression(), loader, epochs)),
            candidate,
            pairs=pairs,
        )
        for name, loader in (("DataLoader, ToTensor", classic), ("DataLoader, TensorDataset", tensors))
    ]


def loop_against_others(digits: Digits, *, epochs: int = 5, pairs: int = 5) -> list[Comparison]:
    """Time the library's loop against the bare one, and against Lightning's, on the same in-memory batches.

    Args:
        digits: the examples.
        epochs: passes a timed call of softmax regression; the ConvNet makes a tenth of them, at least one.
        pairs: timed calls of each.

    Returns:
        Two comparisons for softmax regression, the cheapest step there is, and two for the ConvNet.
    """
    batches = Batches(*digits, batch_size=BATCH_SIZE)
    settings = ((SoftmaxRegression, epochs, 10), (ConvNet, max(1, epochs // 10), 3))
    return [
        compare(
            f"{kind.__name__}, {passes} epoch{'s' if passes > 1 else ''}",
            (name, lambda loop=loop, kind=kind, passes=passes: loop(kind(), batches, passes)),
            ("training.loop.fit", lambda kind=kind, passes=passes: library_loop(kind(), batches, passes)),
            pairs=pairs,
            best_of=best_of,
        )
        for kind, passes, best_of in settings
        for name, loop in (("bare loop", bare_loop), ("Lightning", lightning_loop))
    ]
