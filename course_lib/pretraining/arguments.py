"""The pretraining command's arguments, their checks, and what a resumed run must repeat."""

from __future__ import annotations

import argparse
import json
import math
import os
from pathlib import Path

from course_lib.command_line import OneLineParser
from course_lib.pretraining.corpora import CORPORA
from course_lib.pretraining.run_folder import find_checkpoint
from course_lib.runtime import get_device
from course_lib.training.distributed.group import launched

SETTINGS = "settings.json"
_NOT_SETTINGS = ("out", "resume", "checkpoint_every", "device", "threads", "quiet", "sharding")


def parser(description: str) -> argparse.ArgumentParser:
    """Make the command's parser; the defaults are those of the shipped English model.

    Args:
        description: for its help.

    Returns:
        The parser.
    """
    found = OneLineParser(
        prog="pretrain", description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    found.add_argument("--corpus", choices=sorted(CORPORA), default="moby")
    found.add_argument("--tokenizer", choices=("bpe", "characters"), default="bpe")
    found.add_argument("--vocab-size", type=int, default=1024, help="tokens of --tokenizer bpe")
    found.add_argument("--layers", type=int, default=4)
    found.add_argument("--heads", type=int, default=4)
    found.add_argument("--d-model", type=int, default=128)
    found.add_argument("--context", type=int, default=256, help="tokens the model can read at once")
    found.add_argument("--batch-size", type=int, default=8, help="windows an update")
    found.add_argument("--steps", type=int, default=8000, help="updates")
    found.add_argument("--learning-rate", type=float, default=2e-3)
    found.add_argument("--warmup", type=int, default=150, help="updates of rising learning rate")
    found.add_argument("--dropout", type=float, default=0.1)
    found.add_argument("--weight-decay", type=float, default=0.1)
    found.add_argument("--seed", type=int, default=0)
    found.add_argument("--evaluate-every", type=int, default=250, help="updates between validation losses")
    found.add_argument("--checkpoint-every", type=int, default=250, help="updates between checkpoints")
    found.add_argument("--out", type=Path, required=True, help="folder for what the run writes")
    found.add_argument("--resume", action="store_true", help="go on from the folder's checkpoint")
    found.add_argument(
        "--sharding",
        choices=("ddp", "fsdp"),
        default="ddp",
        help="under torchrun: each process holds the whole model, or a shard",
    )
    found.add_argument("--device", help="cpu, cuda, … (default: what there is)")
    found.add_argument("--threads", type=int, help="threads of torch (default: torch's own choice)")
    found.add_argument("--quiet", action="store_true", help="no progress bar")
    return found


def check(arguments: argparse.Namespace) -> None:
    """Refuse numbers out of range, and folders that do not fit.

    Args:
        arguments: what ``parser`` made.

    Raises:
        ValueError: names the argument, its value and what was expected.
        FileNotFoundError: if there is nothing to resume.
    """
    least = dict.fromkeys(
        (
            "layers",
            "heads",
            "d_model",
            "context",
            "batch_size",
            "steps",
            "evaluate_every",
            "checkpoint_every",
        ),
        1,
    )
    for name, lowest in {**least, "warmup": 0, "seed": 0, "vocab_size": 256, "threads": 1}.items():
        value = getattr(arguments, name)
        if value is not None and value < lowest:
            raise ValueError(f"{_flag(name)} must be at least {lowest}, got {value}")
    if not 0 < arguments.learning_rate < math.inf:
        raise ValueError(f"--learning-rate must be finite and above 0, got {arguments.learning_rate}")
    if not 0 <= arguments.weight_decay < math.inf:
        raise ValueError(f"--weight-decay must be finite and at least 0, got {arguments.weight_decay}")
    if not 0 <= arguments.dropout < 1:
        raise ValueError(f"--dropout must be from 0 to below 1, got {arguments.dropout}")
    if arguments.d_model % arguments.heads:
        raise ValueError(
            f"--d-model must be a multiple of --heads, got {arguments.d_model} and {arguments.heads}"
        )
    if arguments.warmup > arguments.steps:
        raise ValueError(f"--warmup must be at most --steps = {arguments.steps}, got {arguments.warmup}")
    get_device(arguments.device)
    several = launched()
    if several and arguments.batch_size % (size := int(os.environ["WORLD_SIZE"])):
        raise ValueError(
            f"--batch-size must be a multiple of the {size} processes, got {arguments.batch_size}"
        )
    out = arguments.out
    if out.exists() and not out.is_dir():
        raise ValueError(f"--out must be a folder, {out} is a file")
    if goes_on(arguments):
        _check_resumed(arguments)
    elif find_checkpoint(out, several=several):
        raise ValueError(f"--out {out} holds a run already: add --resume to go on, or choose another folder")


def goes_on(arguments: argparse.Namespace) -> bool:
    """Say whether the run starts from a checkpoint: it was told to, or torchrun has restarted its processes.

    Args:
        arguments: what ``parser`` made.

    Returns:
        ``True`` with ``--resume``; after a restart, if there is a checkpoint yet.

    Raises:
        ValueError: if the folder holds a checkpoint of the other kind, see ``find_checkpoint``.
    """
    restarted = int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0
    return arguments.resume or (restarted and find_checkpoint(arguments.out, several=True) is not None)


def settings(arguments: argparse.Namespace) -> dict[str, object]:
    """List what a resumed run must repeat, and the corpus's hash.

    Args:
        arguments: what ``parser`` made.

    Returns:
        Values by name.
    """
    given = {name: value for name, value in vars(arguments).items() if name not in _NOT_SETTINGS}
    return {**given, "data_sha256": CORPORA[arguments.corpus]}


def _check_resumed(arguments: argparse.Namespace) -> None:
    path = arguments.out / SETTINGS
    if not path.is_file() or find_checkpoint(arguments.out, several=launched()) is None:
        raise FileNotFoundError(f"--resume finds no checkpoint in {arguments.out}")
    saved = json.loads(path.read_text("utf-8"))
    for name, value in settings(arguments).items():
        if saved.get(name) != value:
            raise ValueError(f"{_flag(name)} must be {saved.get(name)!r} as in {path}, got {value!r}")


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")
