"""Byte-pair encoding (BPE), trained on a text: which two neighbouring tokens to merge, in which order."""

import heapq
import itertools
import re
from collections import Counter, defaultdict

PIECES = re.compile(r" ?[A-Za-z]+| ?[0-9]+| ?[^ \n\r\tA-Za-z0-9]+|[ \n\r\t]+")
BYTES = 256

Pair = tuple[int, int]


def split_pieces(text: str) -> list[str]:
    """Pre-tokenise: cut a text into pieces no merge may cross (words with a space before, digits, signs).

    The pattern, ``PIECES``, means the same in Python, Rust and JavaScript, and together the pieces are the
    text.

    Args:
        text: any string.

    Returns:
        The pieces in order; none for an empty text.

    Source: A. Radford et al., "Language Models are Unsupervised Multitask Learners" (2019), section 2.2; the
        pattern here is simpler.
    """
    return PIECES.findall(text)


def join_pair(tokens: list[int], pair: Pair, joined: int) -> list[int]:
    """Replace each occurrence of two neighbours by one token, from left to right.

    Args:
        tokens: token ids.
        pair: the neighbours.
        joined: the id that takes their place.

    Returns:
        A new list, at most as long.
    """
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
    outdated entries are skipped, finds the next pair.

    Args:
        text: the text to learn from.
        count: merges, at least 0.

    Returns:
        The pairs in order; fewer than ``count`` where no two neighbours are left to join.

    Raises:
        ValueError: if ``count`` < 0.

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
