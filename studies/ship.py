"""Measure a pretrained model and write it into the library (a maintainer's script).

    python -m studies.ship --run runs/moby --name moby

Takes the run's parameters of least validation loss, rounds them to float16, measures these very values, and
writes pretrained/files/NAME.safetensors and NAME.json.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
from pathlib import Path

import torch
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes

from course_lib.files import print_in_any_encoding, write_in_one_step
from course_lib.models.gpt import GPT
from course_lib.pretrained.gpts import FILES, SHIPPED
from course_lib.pretraining.pretrain import RESULT, SETTINGS, TOKENIZER, corpus_text, encode_split
from course_lib.pretraining.training import BEST
from course_lib.records import machine
from course_lib.text.evaluation import (
    bigram_loss,
    bits_per_byte,
    model_loss,
    quatrain_share,
    unigram_loss,
)
from course_lib.text.generation import generate
from course_lib.text.tokenizers import Tokenizer, tokenizer_from_json
from studies.sample_words import CharacterBigrams, known_word_share, words

TEMPERATURE = 0.8
SAMPLE_SEED = 0
SAMPLES, SAMPLE_TOKENS = 16, 500
BREAK = "\n\n"
PROMPTS = {"moby": BREAK + "The", "tang": BREAK}


def validation_losses(model: GPT, tokenizer: Tokenizer, corpus: str) -> dict[str, object]:
    """Measure the model, and what only counts, on the same validation tokens.

    Args:
        model: the model.
        tokenizer: its tokenizer.
        corpus: name of the corpus.

    Returns:
        ``nats_per_token`` and ``bits_per_byte``, each by ``model``, ``bigram`` and ``unigram``; the number of
        ``tokens`` predicted, and of paragraphs ``left_out`` for a character the tokenizer does not know.
    """
    train_ids = torch.tensor(tokenizer.encode(corpus_text(corpus, "train")), dtype=torch.int64)
    ids, text, left_out = encode_split(tokenizer, corpus_text(corpus, "validation"))
    nats = {
        "model": model_loss(model, ids, context=model.context),
        "bigram": bigram_loss(train_ids, ids, tokenizer.vocab_size),
        "unigram": unigram_loss(train_ids, ids, tokenizer.vocab_size),
    }
    bits = {name: bits_per_byte(loss, len(ids) - 1, text) for name, loss in nats.items()}
    return {"nats_per_token": nats, "bits_per_byte": bits, "tokens": len(ids) - 1, "left_out": left_out}


def write_samples(
    model: GPT, tokenizer: Tokenizer, prompt: str, *, samples: int = SAMPLES, tokens: int = SAMPLE_TOKENS
) -> list[str]:
    """Let the model go on from a prompt, at temperature 0.8, several texts side by side.

    Args:
        model: the model.
        tokenizer: its tokenizer.
        prompt: the same for all; not empty.
        samples: texts, at least 1.
        tokens: tokens a text, at least 0.

    Returns:
        The texts without the prompt, each cut after its last empty line or, where there is none, its last
        space: the end of a text may fall within a word.
    """
    ids = torch.tensor([tokenizer.encode(prompt)] * samples)
    generator = torch.Generator().manual_seed(SAMPLE_SEED)
    rows = generate(model, ids, tokens, context=model.context, temperature=TEMPERATURE, generator=generator)
    texts = [tokenizer.decode(row[ids.shape[1] :].tolist()) for row in rows]
    return [_whole(text) for text in texts]


def _whole(text: str) -> str:
    """The text up to its last space; poems have none and end after an empty line."""
    if " " in text:
        return text[: text.rindex(" ")]
    return text[: text.rfind(BREAK) + len(BREAK)]


def english_form(texts: list[str], training_text: str, validation_text: str) -> dict[str, float | int]:
    """Measure how many of the samples' words the training text knows, beside a control and real text.

    Args:
        texts: the samples.
        training_text: its words are the vocabulary; its character pairs make the control.
        validation_text: real text not trained on.

    Returns:
        ``words``: words in the samples; ``known_words``, ``known_words_of_character_bigrams`` and
        ``known_words_of_validation_text``: shares from 0 to 1.
    """
    vocabulary = set(words(training_text))
    sample = "\n".join(texts)
    control = CharacterBigrams(training_text).write(
        len(sample), start="\n", generator=torch.Generator().manual_seed(SAMPLE_SEED)
    )
    return {
        "words": len(words(sample)),
        "known_words": known_word_share(sample, vocabulary),
        "known_words_of_character_bigrams": known_word_share(control, vocabulary),
        "known_words_of_validation_text": known_word_share(validation_text, vocabulary),
    }


def poem_form(texts: list[str], training_text: str) -> dict[str, float | int]:
    """Measure how many of the samples' poems are four lines of seven characters, beside a control.

    Args:
        texts: the samples, each ending after a whole poem.
        training_text: its character pairs make the control.

    Returns:
        ``poems``: poems in the samples; ``quatrains`` and ``quatrains_of_character_bigrams``: shares from 0
        to 1; ``copied_poems``: poems that stand in the training text as they are.
    """
    sample = "".join(texts)
    control = CharacterBigrams(training_text).write(
        len(sample), start="\n", generator=torch.Generator().manual_seed(SAMPLE_SEED)
    )
    known = set(training_text.split(BREAK)) - {""}
    poems = sample.split(BREAK)[:-1]
    return {
        "poems": len(poems),
        "quatrains": quatrain_share(sample),
        "quatrains_of_character_bigrams": quatrain_share(control + BREAK),
        "copied_poems": sum(poem in known for poem in poems),
    }


def ship(run: Path, name: str, folder: Path = FILES) -> dict[str, str]:
    """Round, measure and write a run's best parameters.

    Args:
        run: folder that ``pretrain`` wrote; a run still under way is fine.
        name: of the files.
        folder: where to write.

    Returns:
        SHA-256 by file name.

    Raises:
        FileNotFoundError: if the folder lacks a file.
    """
    settings = json.loads((run / SETTINGS).read_text("utf-8"))
    tokenizer_json = (run / TOKENIZER).read_text("utf-8")
    tokenizer = tokenizer_from_json(tokenizer_json)
    shape = {
        "vocab_size": tokenizer.vocab_size,
        **{key: settings[key] for key in ("context", "d_model", "heads", "layers")},
    }
    rounded = {key: tensor.half().contiguous() for key, tensor in load_file(run / BEST).items()}
    model = GPT(**shape).eval()
    model.load_state_dict({key: tensor.float() for key, tensor in rounded.items()})
    training_text = corpus_text(settings["corpus"], "train")
    prompt = PROMPTS[settings["corpus"]]
    texts = write_samples(model, tokenizer, prompt)
    if settings["corpus"] == "moby":
        form = english_form(texts, training_text, corpus_text("moby", "validation"))
    else:
        form = poem_form(texts, training_text)
    result = run / RESULT
    card = {
        "command": _command(settings),
        "ship_command": f"python -m studies.ship --run RUN --name {name}",
        "seed": settings["seed"],
        "data_sha256": settings["data_sha256"],
        "date": datetime.date.today().isoformat(),
        "model": shape,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "training": json.loads(result.read_text("utf-8")) if result.is_file() else None,
        "validation": validation_losses(model, tokenizer, settings["corpus"]),
        "samples": {
            "prompt": prompt,
            "temperature": TEMPERATURE,
            "seed": SAMPLE_SEED,
            **form,
            "first": texts[0][:600],
        },
        "machine": machine(),
        "tokenizer": json.loads(tokenizer_json),
    }
    contents = {
        f"{name}.safetensors": to_bytes(rounded),
        f"{name}.json": (json.dumps(card, ensure_ascii=False, indent=1) + "\n").encode("utf-8"),
    }
    for file, content in contents.items():
        write_in_one_step(folder / file, content)
    return {file: hashlib.sha256(content).hexdigest() for file, content in contents.items()}


def main() -> None:
    """Ship a run and say whether ``pretrained/gpts.py`` expects these files."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", type=Path, required=True, help="folder that pretrain wrote")
    parser.add_argument("--name", choices=sorted(SHIPPED), required=True)
    parser.add_argument("--folder", type=Path, default=FILES, help="where to write (default: the library)")
    arguments = parser.parse_args()
    hashes = ship(arguments.run, arguments.name, arguments.folder)
    for file, sha256 in hashes.items():
        print(f"{arguments.folder / file}: {(arguments.folder / file).stat().st_size:,} bytes, {sha256}")
    if tuple(hashes.values()) != SHIPPED[arguments.name]:
        raise SystemExit(f"gpts.SHIPPED[{arguments.name!r}] has other hashes: set it to those above")


def _command(settings: dict[str, object]) -> str:
    words = (
        f"--{name.replace('_', '-')} {value}" for name, value in settings.items() if name != "data_sha256"
    )
    return f"python -m course_lib.pretraining {' '.join(words)} --out RUN"


if __name__ == "__main__":
    print_in_any_encoding()
    main()
