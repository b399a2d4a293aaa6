"""Tokenizers: text to token ids and back, per character or by byte-pair encoding (BPE)."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Sequence
from typing import Self

from course_lib.text.byte_pairs import BYTES, Pair, join_pair, learn_merges, split_pieces


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


class CharacterTokenizer:
    """One token per character; the id is the character's place in the alphabet.

    Args:
        alphabet: the characters there are, each once, at least one.

    Raises:
        TypeError: if ``alphabet`` is not a string.
        ValueError: if it is empty, or holds a character twice.
    """

    def __init__(self, alphabet: str) -> None:
        if not isinstance(alphabet, str):
            raise TypeError(f"alphabet must be a string, got {alphabet!r}")
        if not alphabet:
            raise ValueError("alphabet must hold at least one character, got ''")
        self.alphabet = alphabet
        self._ids = {character: index for index, character in enumerate(alphabet)}
        if len(self._ids) < len(alphabet):
            twice = next(character for character in alphabet if alphabet.count(character) > 1)
            raise ValueError(f"alphabet must hold each character once, has {twice!r} twice")

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Make a tokenizer of a text's characters in code point order; ``ValueError`` if there is none."""
        if not text:
            raise ValueError("text must hold at least one character, got ''")
        return cls("".join(sorted(set(text))))

    @property
    def vocab_size(self) -> int:
        """How many ids there are: 0 … vocab_size − 1."""
        return len(self.alphabet)

    @property
    def tokens(self) -> list[str]:
        """What to print for each id; control characters as escapes such as ``\\n``."""
        return [printable(character.encode("utf-8", "surrogatepass")) for character in self.alphabet]

    def encode(self, text: str) -> list[int]:
        """Turn a text over the alphabet, maybe an empty one, into ids, one per character.

        Raises:
            TypeError: if ``text`` is not a string.
            ValueError: if it holds a character outside the alphabet; names it and its place.
        """
        check_text(text)
        try:
            return [self._ids[character] for character in text]
        except KeyError as error:
            unknown = error.args[0]
            raise ValueError(
                f"text has the character {unknown!r} at position {text.index(unknown)}, "
                f"which is not in the alphabet of {self.vocab_size}"
            ) from None

    def decode(self, ids: Sequence[int]) -> str:
        """Turn ids from 0 to vocab_size − 1 into a text: the inverse of ``encode``.

        Raises:
            ValueError: if an id is out of range; names it and its place.
        """
        return "".join(self.alphabet[index] for index in checked_ids(ids, self.vocab_size))

    def to_json(self) -> str:
        """Write the tokenizer as JSON: ``{"kind": "characters", "alphabet": …}``."""
        return json.dumps({"kind": "characters", "alphabet": self.alphabet}, ensure_ascii=False)

    @classmethod
    def from_json(cls, content: str) -> Self:
        """Read what ``to_json`` wrote.

        Raises:
            ValueError: if it is no JSON of a character tokenizer.
        """
        return cls(field(content, "characters", "alphabet"))


class BytePairTokenizer:
    """Byte-pair encoding: a token is a byte, or a run of bytes joined by merges; no text is unknown.

    Ids 0 … 255 are the bytes, 256 + k is the k-th merge. A text is cut into pieces (``split_pieces``), a
    piece into its UTF-8 bytes; then the earliest merge that applies joins all its pairs, until none applies.

    Args:
        merges: pairs of ids; the k-th may name only ids below 256 + k. No pair twice.

    Raises:
        ValueError: if a merge names an id that does not exist yet, or occurs twice; names it.

    Source: R. Sennrich, B. Haddow and A. Birch, ACL 2016, section 3.2, on bytes as in GPT-2.
    """

    def __init__(self, merges: Iterable[Pair]) -> None:
        self.merges: list[Pair] = []
        self._joined: dict[Pair, int] = {}
        self._bytes = [bytes([value]) for value in range(BYTES)]
        for merge in merges:
            pair = tuple(merge)
            known = len(self._bytes)
            if len(pair) != 2 or not all(type(index) is int and 0 <= index < known for index in pair):
                raise ValueError(f"merges[{len(self.merges)}] must be two ids below {known}, got {pair}")
            if pair in self._joined:
                raise ValueError(f"merges[{len(self.merges)}] repeats the pair {pair}")
            self.merges.append(pair)
            self._joined[pair] = known
            self._bytes.append(self._bytes[pair[0]] + self._bytes[pair[1]])

    @classmethod
    def train(cls, text: str, vocab_size: int) -> Self:
        """Learn merges from a text until there are so many tokens; see ``learn_merges``.

        Args:
            text: what to learn from.
            vocab_size: tokens wanted, at least 256.

        Returns:
            The tokenizer; smaller than asked for where the text has no more pairs to join.

        Raises:
            TypeError: if ``text`` is not a string.
            ValueError: if ``vocab_size`` < 256.
        """
        check_text(text)
        if vocab_size < BYTES:
            raise ValueError(f"vocab_size must be at least {BYTES}, the bytes, got {vocab_size}")
        return cls(learn_merges(text, vocab_size - BYTES))

    @property
    def vocab_size(self) -> int:
        """How many ids there are: 0 … vocab_size − 1."""
        return len(self._bytes)

    @property
    def tokens(self) -> list[str]:
        """What to print for each id: its text; control characters and lone bytes as escapes."""
        return [printable(content) for content in self._bytes]

    def encode(self, text: str) -> list[int]:
        """Turn any text, maybe an empty one, into ids: as many as it has bytes in UTF-8, or fewer.

        Raises:
            TypeError: if ``text`` is not a string.
            UnicodeEncodeError: if it holds half of a surrogate pair, which UTF-8 cannot write; a ValueError.
        """
        check_text(text)
        known: dict[str, list[int]] = {}
        ids: list[int] = []
        for piece in split_pieces(text):
            if piece not in known:
                known[piece] = self._encode_piece(piece)
            ids.extend(known[piece])
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """Turn ids from 0 to vocab_size − 1 into a text: the inverse of ``encode``.

        Bytes that are no UTF-8, as at a cut within a character, become U+FFFD.

        Raises:
            ValueError: if an id is out of range; names it and its place.
        """
        content = b"".join(self._bytes[index] for index in checked_ids(ids, self.vocab_size))
        return content.decode("utf-8", "replace")

    def to_json(self) -> str:
        """Write the tokenizer as JSON: ``{"kind": "byte-pairs", "merges": [[left, right], …]}``."""
        return json.dumps({"kind": "byte-pairs", "merges": self.merges})

    @classmethod
    def from_json(cls, content: str) -> Self:
        """Read what ``to_json`` wrote.

        Raises:
            ValueError: if it is no JSON of a byte-pair tokenizer, or a merge is impossible.
        """
        merges = field(content, "byte-pairs", "merges")
        if not isinstance(merges, list) or not all(isinstance(merge, list) for merge in merges):
            raise ValueError("content must hold merges as a list of pairs")
        return cls(merges)

    def _encode_piece(self, piece: str) -> list[int]:
        tokens = list(piece.encode("utf-8"))
        while len(tokens) > 1:
            pairs = {pair for pair in itertools.pairwise(tokens) if pair in self._joined}
            if not pairs:
                break
            first = min(pairs, key=self._joined.__getitem__)
            tokens = join_pair(tokens, first, self._joined[first])
        return tokens


Tokenizer = CharacterTokenizer | BytePairTokenizer


def tokenizer_from_json(content: str) -> Tokenizer:
    """Read what ``to_json`` of either kind wrote.

    Raises:
        ValueError: if it is neither.
    """
    kinds = {"characters": CharacterTokenizer, "byte-pairs": BytePairTokenizer}
    kind = parsed_object(content).get("kind")
    if kind not in kinds:
        raise ValueError(f"content must be of kind {' or '.join(kinds)}, got {kind!r}")
    return kinds[kind].from_json(content)
