"""What both tokenizers check and print alike."""

import json
from collections.abc import Sequence


def check_text(text: str) -> None:
    """Refuse what is not a string (``TypeError``)."""
    if not isinstance(text, str):
        raise TypeError(f"text must be a string, got {type(text).__name__}")


def checked_ids(ids: Sequence[int], vocab_size: int) -> list[int]:
    """The ids as ints; ``ValueError`` names the first that is not from 0 to vocab_size − 1, and its place."""
    checked = [int(index) for index in ids]
    for position, index in enumerate(checked):
        if not 0 <= index < vocab_size:
            raise ValueError(f"ids[{position}] must be from 0 to {vocab_size - 1}, got {index}")
    return checked


def printable(content: bytes) -> str:
    """A token's text; control characters, and bytes that are no UTF-8, as escapes."""
    text = content.decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def parsed_object(content: str) -> dict[str, object]:
    """The JSON object in a text; ``ValueError`` if there is none."""
    try:
        parsed = json.loads(content)
    except json.JSONDecodeError as error:
        raise ValueError(f"content must be JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise ValueError(f"content must be a JSON object, got {type(parsed).__name__}")
    return parsed


def field(content: str, kind: str, name: str) -> object:
    """One field of a tokenizer's JSON; ``ValueError`` if it is of another kind or lacks the field."""
    parsed = parsed_object(content)
    if parsed.get("kind") != kind or name not in parsed:
        raise ValueError(f"content must be of kind {kind!r} with {name}, got kind {parsed.get('kind')!r}")
    return parsed[name]
