"""What the studies' tests share.

What the fixtures need is imported when they are asked for: most tests here do without.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from small_snippets import Watched


@pytest.fixture
def watched() -> Watched:
    """A task of fine-tuning that keeps a record of what was asked of it."""
    from small_snippets import Watched

    return Watched()


@pytest.fixture
def few_candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let fine-tuning try two settings a method at most."""
    from studies.fine_tuning_methods import CANDIDATES

    for method, candidates in CANDIDATES.items():
        monkeypatch.setitem(CANDIDATES, method, candidates[:2])
