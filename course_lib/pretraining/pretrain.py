"""Pretrain a GPT on an embedded corpus, on a CPU, a GPU, or several; a killed run goes on with --resume.

    python -m course_lib.pretraining --corpus moby --out runs/moby
    torchrun --standalone --nproc-per-node 2 -m course_lib.pretraining --corpus moby --out runs/moby

The folder gets settings.json, tokenizer.json, a checkpoint (everything a resumed run needs),
best.safetensors (the parameters of the least validation loss) and, at the end, result.json.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time

import torch
import torch.distributed as dist
from torch import Tensor

from course_lib.data.batches import RandomWindows
from course_lib.files import write_in_one_step
from course_lib.models.fast_linear import convolve_linears
from course_lib.models.gpt import GPT
from course_lib.pretraining import arguments
from course_lib.pretraining.arguments import SETTINGS, check, goes_on, settings
from course_lib.pretraining.corpora import Encoded, corpus_text, encode_split, make_tokenizer
from course_lib.pretraining.run_folder import Progress, Run, resume
from course_lib.pretraining.training import train
from course_lib.records import machine
from course_lib.text.evaluation import bits_per_byte, model_loss
from course_lib.text.tokenizers import Tokenizer
from course_lib.training.distributed.group import World, equal_share, process_group
from course_lib.training.steps import adamw

TOKENIZER, RESULT = "tokenizer.json", "result.json"


def parser() -> argparse.ArgumentParser:
    """The command's arguments; the defaults are those of the shipped English model."""
    return arguments.parser(__doc__)


def pretrain(arguments: argparse.Namespace) -> dict[str, object]:
    """Make tokenizer, model and batches, train, and write the folder.

    Under torchrun each process takes an equal share of every batch; the first one writes.

    Args:
        arguments: what ``parser`` made.

    Returns:
        What ``result.json`` holds.

    Raises:
        ValueError: as ``check``, or if the corpus is too short for the context; nothing is written then.
        FileNotFoundError: as ``check``.
        FloatingPointError: if the loss diverges.
        ConnectionError: if the processes do not find each other.
    """
    check(arguments)
    with process_group(arguments.device) as world:
        return _pretrain(arguments, world)


def _pretrain(arguments: argparse.Namespace, world: World) -> dict[str, object]:
    if arguments.threads is not None:
        torch.set_num_threads(arguments.threads)
    training_text = corpus_text(arguments.corpus, "train")
    tokenizer = make_tokenizer(arguments.tokenizer, training_text, arguments.vocab_size)
    training_ids = torch.tensor(tokenizer.encode(training_text), dtype=torch.int64)
    validation = encode_split(tokenizer, corpus_text(arguments.corpus, "validation"))
    torch.manual_seed(arguments.seed)
    run, parameters = _run(arguments, world, tokenizer.vocab_size, training_ids, validation)
    progress = resume(run, arguments.out) if goes_on(arguments) else Progress()
    if progress.step == 0 and world.rank == 0:
        _begin(arguments, tokenizer)
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


def main(words: list[str] | None = None) -> int:
    """Run the command.

    Args:
        words: its arguments; ``None`` means the command line's.

    Returns:
        Exit status: 0; 1 where the training diverged, 2 where an argument is bad or the processes do not find
        each other, 130 where it was stopped.
    """
    arguments = parser().parse_args(words)
    try:
        result = pretrain(arguments)
    except (ValueError, FileNotFoundError, ConnectionError) as error:
        print(f"pretrain: {error}", file=sys.stderr)
        return 2
    except FloatingPointError as error:
        print(f"pretrain: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            f"pretrain: stopped; add --resume to go on from the checkpoint in {arguments.out}",
            file=sys.stderr,
        )
        return 130
    if os.environ.get("RANK", "0") == "0":
        print(
            f"{arguments.out}: least validation loss {result['validation_loss']:.4f} nats per token, "
            f"{result['bits_per_byte']:.4f} bits per byte"
        )
    return 0


def _begin(arguments: argparse.Namespace, tokenizer: Tokenizer) -> None:
    arguments.out.mkdir(parents=True, exist_ok=True)
    kept = json.dumps(settings(arguments), indent=1) + "\n"
    write_in_one_step(arguments.out / SETTINGS, kept.encode())
    write_in_one_step(arguments.out / TOKENIZER, tokenizer.to_json().encode())
