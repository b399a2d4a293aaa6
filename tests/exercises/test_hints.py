"""A hint is proof-read once and then kept: a changed, lost or swapped one turns this red until read again.

`hints.txt` holds one line a misconception: exercise, misconception, and a digest of what its author is told.
After reading a changed hint in place, renew the list: `python tests/exercises/test_hints.py`.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from every_exercise import EXERCISES

KEPT = Path(__file__).with_name("hints.txt")


def present() -> list[str]:
    """The lines that `hints.txt` should hold."""
    lines = []
    for name, exercise in EXERCISES.items():
        for misconception, wrong in (exercise.misconceptions | exercise.slips).items():
            digest = hashlib.sha256(wrong.hint.encode()).hexdigest()[:12]
            lines.append(f"{name} | {misconception} | {digest}")
    return sorted(lines)


def test_every_hint_is_the_one_that_was_read():
    kept, now = set(KEPT.read_text("utf8").splitlines()), set(present())
    assert len(now) >= 100
    assert not now - kept, "changed or new, to be read in place"
    assert not kept - now, "no longer there"


if __name__ == "__main__":
    KEPT.write_text("\n".join(present()) + "\n", "utf8")
