"""Pretrain a GPT on an embedded corpus, on a CPU or a GPU; a killed run goes on with --resume.

    python -m course_lib.commands.pretrain --corpus moby --out runs/moby

The folder gets settings.json, tokenizer.json, checkpoint.safetensors (everything a resumed run needs),
best.safetensors (the parameters of the least validation loss) and, at the end, result.json.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from pathlib import Path

import torch

from course_lib.commands.corpora import CORPORA, corpus_text, encode_split, make_tokenizer
from course_lib.commands.next_token_training import CHECKPOINT, Progress, Run, adamw, resume, train
from course_lib.commands.one_line_parser import OneLineParser
from course_lib.commands.provenance import machine
from course_lib.files import write_in_one_step
from course_lib.models.convolved_linear import convolve_linears
from course_lib.models.gpt import GPT
from course_lib.runtime import get_device
from course_lib.text.measures import bits_per_byte, model_loss
from course_lib.text.tokenizers import Tokenizer
from course_lib.text.windows import RandomWindows

SETTINGS, TOKENIZER, RESULT = "settings.json", "tokenizer.json", "result.json"
_NOT_SETTINGS = ("out", "resume", "checkpoint_every", "device", "threads", "quiet")


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

    Taught in: "Pretraining a GPT".
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
    out = arguments.out
    if out.exists() and not out.is_dir():
        raise ValueError(f"--out must be a folder, {out} is a file")
    if arguments.resume:
        _check_resumed(arguments)
    elif (out / CHECKPOINT).exists():
        raise ValueError(f"--out {out} holds a run already: add --resume to go on, or choose another folder")


def pretrain(arguments: argparse.Namespace) -> dict[str, object]:
    """Make tokenizer, model and batches, train, and write the folder.

    Args:
        arguments: what ``parser`` made.

    Returns:
        What ``result.json`` holds.

    Raises:
        ValueError: as ``check``, or if the corpus is too short for the context; nothing is written then.
        FileNotFoundError: as ``check``.
        FloatingPointError: if the loss diverges.

    Taught in: "Pretraining a GPT".
    """
    check(arguments)
    if arguments.threads is not None:
        torch.set_num_threads(arguments.threads)
    device = get_device(arguments.device)
    training_text = corpus_text(arguments.corpus, "train")
    tokenizer = make_tokenizer(arguments.tokenizer, training_text, arguments.vocab_size)
    training_ids = torch.tensor(tokenizer.encode(training_text), dtype=torch.int64)
    validation = encode_split(tokenizer, corpus_text(arguments.corpus, "validation"))

    torch.manual_seed(arguments.seed)
    model = GPT(
        tokenizer.vocab_size,
        context=arguments.context,
        d_model=arguments.d_model,
        heads=arguments.heads,
        layers=arguments.layers,
        dropout=arguments.dropout,
    ).to(device)
    if device.type == "cpu":
        convolve_linears(model)
    generator = torch.Generator().manual_seed(arguments.seed)
    windows = RandomWindows(
        training_ids, context=arguments.context, batch_size=arguments.batch_size, generator=generator
    )
    run = Run(
        model=model,
        optimizer=adamw(
            model.parameters(), learning_rate=arguments.learning_rate, weight_decay=arguments.weight_decay
        ),
        draw=lambda: tuple(batch.to(device) for batch in windows.draw()),
        generator=generator,
        evaluate=lambda: model_loss(model, validation.ids, context=arguments.context),
    )
    progress = resume(run, arguments.out) if arguments.resume else Progress()
    if not arguments.resume:
        _begin(arguments, tokenizer)
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
        show=not arguments.quiet,
    )
    seconds = time.perf_counter() - started
    result = {
        "history": progress.history,
        "validation_loss": progress.best,
        "bits_per_byte": bits_per_byte(progress.best, len(validation.ids) - 1, validation.text),
        "validation_left_out": validation.left_out,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "training_tokens": len(training_ids),
        "machine": {**machine(), "device": str(device)},
        "seconds": round(seconds, 1),
        "tokens_per_second": round(
            (arguments.steps - first) * arguments.batch_size * arguments.context / seconds
        ),
    }
    write_in_one_step(arguments.out / RESULT, (json.dumps(result, indent=1) + "\n").encode())
    return result


def main(words: list[str] | None = None) -> int:
    """Run the command.

    Args:
        words: its arguments; ``None`` means the command line's.

    Returns:
        Exit status: 0; 1 where the training diverged, 2 where an argument is bad, 130 where it was stopped.
    """
    arguments = parser().parse_args(words)
    try:
        result = pretrain(arguments)
    except (ValueError, FileNotFoundError) as error:
        print(f"pretrain: {error}", file=sys.stderr)
        return 2
    except FloatingPointError as error:
        print(f"pretrain: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"pretrain: stopped; add --resume to go on from {arguments.out / CHECKPOINT}", file=sys.stderr)
        return 130
    print(
        f"{arguments.out}: least validation loss {result['validation_loss']:.4f} nats a token, "
        f"{result['bits_per_byte']:.4f} bits a byte"
    )
    return 0


def _settings(arguments: argparse.Namespace) -> dict[str, object]:
    given = {name: value for name, value in vars(arguments).items() if name not in _NOT_SETTINGS}
    return {**given, "data_sha256": CORPORA[arguments.corpus]}


def _begin(arguments: argparse.Namespace, tokenizer: Tokenizer) -> None:
    arguments.out.mkdir(parents=True, exist_ok=True)
    settings = json.dumps(_settings(arguments), indent=1) + "\n"
    write_in_one_step(arguments.out / SETTINGS, settings.encode())
    write_in_one_step(arguments.out / TOKENIZER, tokenizer.to_json().encode())


def _check_resumed(arguments: argparse.Namespace) -> None:
    path = arguments.out / SETTINGS
    if not path.is_file() or not (arguments.out / CHECKPOINT).is_file():
        raise FileNotFoundError(f"--resume finds no checkpoint in {arguments.out}")
    saved = json.loads(path.read_text("utf-8"))
    for name, value in _settings(arguments).items():
        if saved.get(name) != value:
            raise ValueError(f"{_flag(name)} must be {saved.get(name)!r} as in {path}, got {value!r}")


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


if __name__ == "__main__":
    sys.exit(main())
