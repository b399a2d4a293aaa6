"""Pretrain a GPT on an embedded corpus, on a CPU, a GPU, or several; a killed run goes on with --resume.

    python -m course_lib.pretraining --corpus moby --out runs/moby
    torchrun --standalone --nproc-per-node 2 -m course_lib.pretraining --corpus moby --out runs/moby

The folder gets settings.json, tokenizer.json, a checkpoint (everything a resumed run needs),
best.safetensors (the parameters of the least validation loss) and, at the end, result.json.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from pathlib import Path
from typing import NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor

from course_lib.command_line import OneLineParser
from course_lib.data.batches import RandomWindows
from course_lib.data.text import MOBY_DICK_SHA256, TANG_SHA256, load_moby_dick, load_tang, quatrains_as_text
from course_lib.files import write_in_one_step
from course_lib.models.fast_linear import convolve_linears
from course_lib.models.gpt import GPT
from course_lib.pretraining.training import Progress, Run, find_checkpoint, resume, train
from course_lib.records import machine
from course_lib.runtime import get_device
from course_lib.text.evaluation import bits_per_byte, model_loss
from course_lib.text.tokenizers import BytePairTokenizer, CharacterTokenizer, Tokenizer
from course_lib.training.distributed.group import World, equal_share, launched, process_group
from course_lib.training.steps import adamw

CORPORA = {"moby": MOBY_DICK_SHA256, "tang": TANG_SHA256}  # name → SHA-256 of its file
PARAGRAPH_BREAK = "\n\n"
SETTINGS, TOKENIZER, RESULT = "settings.json", "tokenizer.json", "result.json"
# What a resumed run need not repeat.
_NOT_SETTINGS = ("out", "resume", "checkpoint_every", "device", "threads", "quiet", "sharding")


class Encoded(NamedTuple):
    """A text as token ids.

    ``ids``: int64, (n,). ``text``: what they stand for. ``left_out``: paragraphs or poems of the split that
    are not in it, because they hold a character the tokenizer does not know.
    """

    ids: Tensor
    text: str
    left_out: int


def corpus_text(name: str, split: str) -> str:
    """Load a split, ``"train"`` or ``"validation"``, of ``"moby"`` or ``"tang"`` as one text."""
    if name not in CORPORA:
        raise ValueError(f"name must be one of {', '.join(CORPORA)}, got {name!r}")
    return load_moby_dick(split) if name == "moby" else quatrains_as_text(load_tang(split))


def encode_split(tokenizer: Tokenizer, content: str) -> Encoded:
    """Encode what a tokenizer can read of a text: with characters, not the paragraphs that hold others.

    Paragraphs, or poems, have an empty line between them.
    """
    left_out = 0
    if isinstance(tokenizer, CharacterTokenizer):
        known = set(tokenizer.alphabet)
        paragraphs = content.split(PARAGRAPH_BREAK)
        readable = [paragraph for paragraph in paragraphs if known.issuperset(paragraph)]
        left_out = len(paragraphs) - len(readable)
        content = PARAGRAPH_BREAK.join(readable)
    return Encoded(torch.tensor(tokenizer.encode(content), dtype=torch.int64), content, left_out)


def parser() -> argparse.ArgumentParser:
    """The command's arguments; the defaults are those of the shipped English model."""
    found = OneLineParser(
        prog="pretrain", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    found.add_argument("--corpus", choices=sorted(CORPORA), default="moby")
    found.add_argument("--tokenizer", choices=("bpe", "characters"), default="bpe")
    found.add_argument("--vocab-size", type=int, default=1024, help="tokens of --tokenizer bpe")
    found.add_argument("--layers", type=int, default=4)
    found.add_argument("--heads", type=int, default=4)
    found.add_argument("--d-model", type=int, default=128)
    found.add_argument("--context", type=int, default=256, help="tokens the model can read at once")
    found.add_argument("--batch-size", type=int, default=8, help="windows per update")
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


def pretrain(arguments: argparse.Namespace) -> dict[str, object]:
    """Make tokenizer, model and batches, train, and write the folder.

    Under torchrun each process takes an equal share of every batch; the first one writes. ``arguments`` are
    those of ``parser``. Gives what ``result.json`` holds. Before anything is written: ``ValueError`` names an
    argument out of range, a folder that does not fit, a corpus too short for the context;
    ``FileNotFoundError`` if there is nothing to resume; ``ConnectionError`` if the processes do not find each
    other. ``FloatingPointError`` if the loss diverges.
    """
    _check(arguments)
    with process_group(arguments.device) as world:
        return _pretrain(arguments, world)


def main(words: list[str] | None = None) -> int:
    """Run the command; ``words`` are its arguments, ``None`` the command line's.

    Exit status: 0; 1 where the training diverged, 2 where an argument is bad or the processes do not find
    each other, 130 where it was stopped.
    """
    arguments = parser().parse_args(words)
    try:
        result = pretrain(arguments)
    except (ValueError, FileNotFoundError, ConnectionError, FloatingPointError) as error:
        print(f"pretrain: {error}", file=sys.stderr)
        return 1 if isinstance(error, FloatingPointError) else 2
    except KeyboardInterrupt:
        advice = f"add --resume to go on from the checkpoint in {arguments.out}"
        print(f"pretrain: stopped; {advice}", file=sys.stderr)
        return 130
    if os.environ.get("RANK", "0") == "0":
        print(
            f"{arguments.out}: least validation loss {result['validation_loss']:.4f} nats per token, "
            f"{result['bits_per_byte']:.4f} bits per byte"
        )
    return 0


def _check(arguments: argparse.Namespace) -> None:
    """Refuse numbers out of range, and folders that do not fit."""
    counts = ("layers", "heads", "d_model", "context", "batch_size", "steps", "threads")
    counts += ("evaluate_every", "checkpoint_every")
    for name, lowest in {**dict.fromkeys(counts, 1), "warmup": 0, "seed": 0, "vocab_size": 256}.items():
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
    if _goes_on(arguments):
        _check_resumed(arguments)
    elif find_checkpoint(out, several=several):
        raise ValueError(f"--out {out} holds a run already: add --resume to go on, or choose another folder")


def _check_resumed(arguments: argparse.Namespace) -> None:
    path = arguments.out / SETTINGS
    if not path.is_file() or find_checkpoint(arguments.out, several=launched()) is None:
        raise FileNotFoundError(f"--resume finds no checkpoint in {arguments.out}")
    saved = json.loads(path.read_text("utf-8"))
    for name, value in _settings(arguments).items():
        if saved.get(name) != value:
            raise ValueError(f"{_flag(name)} must be {saved.get(name)!r} as in {path}, got {value!r}")


def _goes_on(arguments: argparse.Namespace) -> bool:
    """Whether the run starts from a checkpoint: it was told to, or torchrun has restarted its processes."""
    restarted = int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0
    return arguments.resume or (restarted and find_checkpoint(arguments.out, several=True) is not None)


def _settings(arguments: argparse.Namespace) -> dict[str, object]:
    """What a resumed run must repeat, and the corpus's hash."""
    given = {name: value for name, value in vars(arguments).items() if name not in _NOT_SETTINGS}
    return {**given, "data_sha256": CORPORA[arguments.corpus]}


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _pretrain(arguments: argparse.Namespace, world: World) -> dict[str, object]:
    if arguments.threads is not None:
        torch.set_num_threads(arguments.threads)
    training_text = corpus_text(arguments.corpus, "train")
    if arguments.tokenizer == "characters":
        tokenizer = CharacterTokenizer.from_text(training_text)
    else:
        tokenizer = BytePairTokenizer.train(training_text, arguments.vocab_size)
    training_ids = torch.tensor(tokenizer.encode(training_text), dtype=torch.int64)
    validation = encode_split(tokenizer, corpus_text(arguments.corpus, "validation"))
    torch.manual_seed(arguments.seed)
    run, parameters = _run(arguments, world, tokenizer.vocab_size, training_ids, validation)
    progress = resume(run, arguments.out) if _goes_on(arguments) else Progress()
    if progress.step == 0 and world.rank == 0:
        arguments.out.mkdir(parents=True, exist_ok=True)
        kept = json.dumps(_settings(arguments), indent=1) + "\n"
        write_in_one_step(arguments.out / SETTINGS, kept.encode())
        write_in_one_step(arguments.out / TOKENIZER, tokenizer.to_json().encode())
    if world.launched:
        dist.barrier()  # nobody trains before the folder is there
    started, first = time.perf_counter(), progress.step
    train(
        run,
        progress,
        arguments.out,
        steps=arguments.steps,
        learning_rate=arguments.learning_rate,
        warmup=arguments.warmup,
        evaluate_every=arguments.evaluate_every,
        checkpoint_every=arguments.checkpoint_every,
        show=world.rank == 0 and not arguments.quiet,
    )
    seconds = time.perf_counter() - started
    result = {
        "history": progress.history,
        "validation_loss": progress.best,
        "bits_per_byte": bits_per_byte(progress.best, len(validation.ids) - 1, validation.text),
        "validation_left_out": validation.left_out,
        "parameters": parameters,
        "training_tokens": len(training_ids),
        "machine": {**machine(), "device": str(world.device), "processes": world.size},
        "seconds": round(seconds, 1),
        "tokens_per_second": round(
            (arguments.steps - first) * arguments.batch_size * arguments.context / seconds
        ),
    }
    if world.rank == 0:
        write_in_one_step(arguments.out / RESULT, (json.dumps(result, indent=1) + "\n").encode())
    return result


def _run(
    arguments: argparse.Namespace, world: World, vocab_size: int, ids: Tensor, validation: Encoded
) -> tuple[Run, int]:
    """The run of one process, and the whole model's number of parameters."""
    model = GPT(
        vocab_size,
        context=arguments.context,
        d_model=arguments.d_model,
        heads=arguments.heads,
        layers=arguments.layers,
        dropout=arguments.dropout,
    ).to(world.device)
    if world.device.type == "cpu":
        convolve_linears(model)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    generator = torch.Generator().manual_seed(arguments.seed)
    windows = RandomWindows(
        ids, context=arguments.context, batch_size=arguments.batch_size, generator=generator
    )
    own = equal_share(arguments.batch_size, world.rank, world.size)
    trained, before = model, None
    if world.launched:
        from course_lib.training.distributed.data_parallel import (
            arrange_buckets,
            seed_update,
            wrap_data_parallel,
        )

        trained = wrap_data_parallel(model, world, arguments.sharding, model.blocks)
        arrange_buckets(trained, torch.zeros(1, arguments.context, dtype=torch.int64, device=world.device))

        def before(step: int) -> None:
            seed_update(arguments.seed, step, world.rank)

    def draw() -> tuple[Tensor, Tensor]:
        # All draw the whole batch, from the same state, and keep their share: any number of them sees it all.
        inputs, targets = windows.draw()
        return inputs[own].to(world.device), targets[own].to(world.device)

    def evaluate() -> float:
        loss = torch.tensor(model_loss(model, validation.ids, context=arguments.context), dtype=torch.float64)
        if world.launched:  # the first one's, so that all agree on which is the least
            loss = loss.to(world.device)
            dist.broadcast(loss, 0)
        return loss.item()

    optimizer = adamw(
        trained.parameters(), learning_rate=arguments.learning_rate, weight_decay=arguments.weight_decay
    )
    return Run(trained, optimizer, draw, generator, evaluate, before), parameters
