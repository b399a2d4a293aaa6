"""Tokenizers: text to token ids and back, per character or by byte-pair encoding (BPE)."""

from __future__ import annotations

import heapq
import itertools
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Self

PIECES = re.compile(r" ?[A-Za-z]+| ?[0-9]+| ?[^ \n\r\tA-Za-z0-9]+|[ \n\r\t]+")
BYTES = 256

Pair = tuple[int, int]


def _check_text(text: str) -> None:
    if not isinstance(text, str):
        raise TypeError(f"text must be a string, got {type(text).__name__}")


def _checked_ids(ids: Sequence[int], vocab_size: int) -> list[int]:
    checked = [int(index) for index in ids]
    for position, index in enumerate(checked):
        if not 0 <= index < vocab_size:
            raise ValueError(f"ids[{position}] must be from 0 to {vocab_size - 1}, got {index}")
    return checked


def _printable(content: bytes) -> str:
    """A token's text; control characters, and bytes that are no UTF-8, as escapes."""
    text = content.decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class CharacterTokenizer:
    """One token per character; the id is the character's place in the alphabet.

    ``TypeError`` if ``alphabet`` is not a string; ``ValueError`` if it is empty, or holds a character twice.
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
        return [_printable(character.encode("utf-8", "surrogatepass")) for character in self.alphabet]

    def encode(self, text: str) -> list[int]:
        """Turn a text into ids, one per character; ``ValueError`` names one that is not in the alphabet."""
        _check_text(text)
        try:
            return [self._ids[character] for character in text]
        except KeyError as error:
            unknown = error.args[0]
            raise ValueError(
                f"text has the character {unknown!r} at position {text.index(unknown)}, "
                f"which is not in the alphabet of {self.vocab_size}"
            ) from None

    def decode(self, ids: Sequence[int]) -> str:
        """Turn ids from 0 to vocab_size − 1 into a text; ``ValueError`` names one that is out of range."""
        return "".join(self.alphabet[index] for index in _checked_ids(ids, self.vocab_size))

    def to_json(self) -> str:
        """Write the tokenizer as JSON: ``{"kind": "characters", "alphabet": …}``."""
        return json.dumps({"kind": "characters", "alphabet": self.alphabet}, ensure_ascii=False)


def split_pieces(text: str) -> list[str]:
    """Pre-tokenise: cut a text into pieces no merge may cross (words with a space before, digits, signs).

    The pattern, ``PIECES``, means the same in Python, Rust and JavaScript, and together the pieces are the
    text.

    Source: A. Radford et al., "Language Models are Unsupervised Multitask Learners" (2019), section 2.2; the
        pattern here is simpler.
    """
    return PIECES.findall(text)


def join_pair(tokens: list[int], pair: Pair, joined: int) -> list[int]:
    """Replace each occurrence of two neighbours by the token ``joined``, from left to right."""
    result, position = [], 0
    while position < len(tokens):
        if position + 1 < len(tokens) and (tokens[position], tokens[position + 1]) == pair:
            result.append(joined)
            position += 2
        else:
            result.append(tokens[position])
            position += 1
    return result


def learn_merges(text: str, count: int) -> list[Pair]:
    r"""Train byte-pair encoding: merge the most frequent pair of neighbours, again and again.

    $$(a, b)_k = \arg\max_{(a, b)} \operatorname{count}_k(ab), \qquad \text{id of } ab = 256 + k$$

    Of equally frequent pairs the one with the smaller ids goes first (left id, then right id). Pieces are
    counted once; a merge then touches only the pieces that hold its pair, and a heap of counts, whose
    outdated entries are skipped, finds the next pair. There are fewer than ``count`` where no two neighbours
    are left to join.

    Source: R. Sennrich, B. Haddow and A. Birch, "Neural Machine Translation of Rare Words with Subword
        Units", ACL 2016, algorithm 1.
    """
    if count < 0:
        raise ValueError(f"count must be at least 0, got {count}")
    pieces = Counter(split_pieces(text))
    words = [list(piece.encode("utf-8")) for piece in pieces]
    times = list(pieces.values())
    counts: Counter[Pair] = Counter()
    places: defaultdict[Pair, set[int]] = defaultdict(set)
    for index, word in enumerate(words):
        for pair in itertools.pairwise(word):
            counts[pair] += times[index]
            places[pair].add(index)
    heap = [(-number, pair) for pair, number in counts.items()]
    heapq.heapify(heap)

    merges: list[Pair] = []
    while heap and len(merges) < count:
        number, best = heapq.heappop(heap)
        if counts[best] != -number or number == 0:
            continue
        joined = BYTES + len(merges)
        merges.append(best)
        changed: set[Pair] = set()
        for index in places.pop(best):
            before, after = words[index], join_pair(words[index], best, joined)
            words[index] = after
            for pair in itertools.pairwise(before):
                counts[pair] -= times[index]
                changed.add(pair)
            for pair in itertools.pairwise(after):
                counts[pair] += times[index]
                places[pair].add(index)
                changed.add(pair)
        for pair in changed:
            heapq.heappush(heap, (-counts[pair], pair))
    return merges


class BytePairTokenizer:
    """Byte-pair encoding: a token is a byte, or a run of bytes joined by merges; no text is unknown.

    Ids 0 … 255 are the bytes, 256 + k is the k-th merge. A text is cut into pieces (``split_pieces``), a
    piece into its UTF-8 bytes; then the earliest merge that applies joins all its pairs, until none applies.

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
        """Learn merges from a text until there are so many tokens, at least 256; see ``learn_merges``."""
        _check_text(text)
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
        return [_printable(content) for content in self._bytes]

    def encode(self, text: str) -> list[int]:
        """Turn any text, maybe an empty one, into ids: as many as it has bytes in UTF-8, or fewer.

        ``UnicodeEncodeError``, a ``ValueError``, if it holds half of a surrogate pair, which UTF-8 cannot
        write.
        """
        _check_text(text)
        known: dict[str, list[int]] = {}
        ids: list[int] = []
        for piece in split_pieces(text):
            if piece not in known:
                known[piece] = self._encode_piece(piece)
            ids.extend(known[piece])
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """Turn ids from 0 to vocab_size − 1 into a text; ``ValueError`` names one that is out of range.

        Bytes that are no UTF-8, as at a cut within a character, become U+FFFD.
        """
        content = b"".join(self._bytes[index] for index in _checked_ids(ids, self.vocab_size))
        return content.decode("utf-8", "replace")

    def to_json(self) -> str:
        """Write the tokenizer as JSON: ``{"kind": "byte-pairs", "merges": [[left, right], …]}``."""
        return json.dumps({"kind": "byte-pairs", "merges": self.merges})

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
    """Read what ``to_json`` of either kind wrote; ``ValueError`` if it is neither."""
    try:
        fields = json.loads(content)
    except json.JSONDecodeError as error:
        raise ValueError(f"content must be JSON: {error}") from error
    match fields:
        case {"kind": "characters", "alphabet": alphabet}:
            return CharacterTokenizer(alphabet)
        case {"kind": "byte-pairs", "merges": [*merges]} if all(isinstance(each, list) for each in merges):
            return BytePairTokenizer(merges)
    raise ValueError(
        "content must be of kind 'characters' with an alphabet or of kind 'byte-pairs' with merges as a list "
        f"of pairs, got {content[:60]}"
    )
