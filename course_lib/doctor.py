"""Installation check: ``python -m course_lib.doctor`` says line by line what works and what does not.

Exit status 0: everything the book needs works. 1: something does not; each such line says how to mend it.
"""

import importlib.metadata
import platform
import sys
from collections.abc import Callable
from typing import NamedTuple

from course_lib.files import print_in_any_encoding

OLDEST_PYTHON = (3, 11)
WIDGET_PACKAGES = ("anywidget", "ipywidgets")
TINY_STEPS = 20


class Finding(NamedTuple):
    """The outcome of one check: its subject, whether all is well, and what was found or how to mend it."""

    subject: str
    sound: bool
    message: str

    def __str__(self) -> str:
        return f"{'ok' if self.sound else 'WRONG':<6}{self.subject:<18} {self.message}"


def check_python(version: tuple[int, ...] = sys.version_info[:3]) -> str:
    """See that Python is new enough."""
    shown = ".".join(map(str, version))
    if tuple(version[:2]) < OLDEST_PYTHON:
        raise RuntimeError(f"{shown} is too old: install Python 3.11 or newer")
    return f"{shown} on {platform.system()}"


def check_torch_pair() -> str:
    """See that torch and torchvision were built for each other: a compiled operator of theirs must run."""
    import torch

    versions = f"torch {torch.__version__}"
    try:
        import torchvision

        versions += f", torchvision {torchvision.__version__}"
        boxes = torch.tensor([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 1.9], [5.0, 5.0, 6.0, 6.0]])
        kept = torchvision.ops.nms(boxes, torch.tensor([0.9, 0.8, 0.7]), iou_threshold=0.5)
    except (ImportError, RuntimeError, AttributeError) as error:
        raise RuntimeError(f"{versions}: not a pair ({error}); install both anew, together") from error
    if kept.tolist() != [0, 2]:
        raise RuntimeError(
            f"{versions}: an operator gives {kept.tolist()} instead of [0, 2]; install both anew"
        )
    return versions


def check_device() -> str:
    """See that the device the notebooks choose computes; on an Apple GPU say what does not run there."""
    import torch

    from course_lib.runtime import get_device

    device = get_device()
    total = torch.ones(1000, device=device).sum().item()
    if total != 1000:
        raise RuntimeError(f"{device} adds 1000 ones to {total}: mend its driver or hide it")
    found = f"{device}, {torch.get_num_threads()} CPU thread(s)"
    if device.type == "mps":
        found += (
            "; an Apple GPU: no float64, and operations it lacks stop with NotImplementedError unless "
            "PYTORCH_ENABLE_MPS_FALLBACK=1 is set before Python starts"
        )
    return found


def check_digits() -> str:
    """See that the embedded digits are whole, byte for byte."""
    from course_lib.data.digits import load_digits

    train, test = (len(load_digits(split).labels) for split in ("train", "test"))
    return f"{train:,} + {test:,} digits, hash as expected"


def check_training() -> str:
    """See that a step trains: softmax regression on 64 digits must halve its loss, in nats, in 20 steps."""
    import torch
    import torch.nn.functional as F

    from course_lib.data.batches import Batches
    from course_lib.data.digits import load_digits
    from course_lib.models.image_classifiers import SoftmaxRegression
    from course_lib.training.loop import fit

    images, labels = load_digits("train")
    model = SoftmaxRegression()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    batches = Batches(images[:64], labels[:64], batch_size=64)
    losses = fit(model, batches, F.cross_entropy, optimizer, epochs=TINY_STEPS, progress=False)["train_loss"]
    if not losses[-1] < losses[0] / 2:
        raise RuntimeError(
            f"loss went from {losses[0]:.3f} to {losses[-1]:.3f} nats: torch does not train here"
        )
    return f"loss {losses[0]:.2f} → {losses[-1]:.2f} nats in {TINY_STEPS} steps"


def check_widgets(packages: tuple[str, ...] = WIDGET_PACKAGES) -> str:
    """See that what the explorables need in JupyterLab is there."""
    found = []
    for package in packages:
        try:
            found.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError as error:
            raise RuntimeError(f"{package} is missing: pip install {package}") from error
    return ", ".join(found)


# What was found, or an exception that says how to mend it.
CHECKS: dict[str, Callable[[], str]] = {
    "Python": check_python,
    "torch, torchvision": check_torch_pair,
    "device": check_device,
    "embedded digits": check_digits,
    "training": check_training,
    "widgets": check_widgets,
}


def examine(checks: dict[str, Callable[[], str]]) -> list[Finding]:
    """Run every check, whatever the others say; each returns what it found, or raises with what to do."""
    findings = []
    for subject, check in checks.items():
        try:
            findings.append(Finding(subject, True, check()))
        except Exception as error:  # a broken installation may raise anything
            findings.append(Finding(subject, False, f"{type(error).__name__}: {error}"))
    return findings


def main() -> int:
    """Print the findings; the exit status is 0 if all is sound, else 1."""
    findings = examine(CHECKS)
    for finding in findings:
        print(finding)
    wrong = sum(not finding.sound for finding in findings)
    advice = "All sound: `make lab` opens your notebooks."
    print(f"{wrong} of {len(findings)} checks failed." if wrong else advice)
    return 1 if wrong else 0


if __name__ == "__main__":
    print_in_any_encoding()
    sys.exit(main())
