"""The batcher alone, with a session that notes what it is given."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from digit_session import Session

from course_lib.deploy.requests import Batcher


def finished(coroutine: Coroutine) -> Any:
    """What a coroutine gives, in a thread of its own: a browser's test leaves a loop going in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


def numbered(first: int, count: int) -> np.ndarray:
    """Images of which each is full of its own number."""
    return np.arange(first, first + count, dtype=np.float32)[:, None, None, None] * np.ones((1, 28, 28), "f")


def logits_of(image: np.ndarray) -> np.ndarray:
    if image[0, 0, 0] == 99:
        raise RuntimeError("99 is too much")
    return image[0, 0, :10] * 2


def together(session: Session, counts: list[int], most: int, *, first: int = 0) -> list:
    """What requests of so many images get that come at the same time."""
    batcher = Batcher(session, most, wait=0.02)
    starts = [first + sum(counts[:place]) for place in range(len(counts))]

    async def ask():
        asked = [batcher.logits(numbered(*each)) for each in zip(starts, counts, strict=True)]
        async with asyncio.timeout(60):  # a request without an answer would wait for ever
            return await asyncio.gather(*asked, return_exceptions=True)

    return finished(ask())


@pytest.mark.parametrize(
    ("counts", "most", "sizes"),
    [
        ([1] * 10, 4, [4, 4, 2]),
        ([1] * 10, 64, [10]),
        ([3, 3, 2], 4, [3, 3, 2]),
        ([3, 1, 2], 4, [4, 2]),
        ([1, 4, 1], 4, [1, 4, 1]),
        ([6, 1], 4, [6, 1]),  # more than fit: alone
        ([2], 1, [2]),
    ],
)
def test_runs_take_whole_requests_in_order_as_many_as_fit(counts, most, sizes):
    session = Session(logits_of)
    answers = together(session, counts, most)
    assert session.sizes == sizes
    np.testing.assert_array_equal(np.concatenate(answers)[:, 0], 2 * np.arange(sum(counts)))
    assert [len(each) for each in answers] == counts


@pytest.mark.parametrize(
    ("most", "wait", "words"), [(0, 1, "most must be .* 1, got 0"), (1, -1, "wait must .* got -1")]
)
def test_a_batch_of_nothing_and_a_time_before_now_are_refused(most, wait, words):
    with pytest.raises(ValueError, match=words):
        Batcher(Session(logits_of), most, wait)


def test_an_error_stays_with_its_request():
    session = Session(logits_of)
    answers = together(session, [2, 2, 2], 64, first=97)
    assert str(answers[1]) == "99 is too much"
    np.testing.assert_array_equal([answers[0][:, 0], answers[2][:, 0]], [[194, 196], [202, 204]])
    assert session.sizes == [6, 2, 2, 2]


def test_whoever_comes_while_a_run_goes_on_waits_for_the_next():
    session = Session(logits_of)
    batcher = Batcher(session, 64, wait=0)

    async def visit():
        first = asyncio.create_task(batcher.logits(numbered(0, 1)))
        while not session.sizes:
            await asyncio.sleep(0)
        return await asyncio.gather(first, *(batcher.logits(numbered(n, 1)) for n in range(1, 6)))

    answers = finished(visit())
    assert np.concatenate(answers)[:, 0].tolist() == [0, 2, 4, 6, 8, 10]
    assert session.sizes[0] == 1
    assert len(session.sizes) < 6


def test_a_client_who_leaves_keeps_no_one_waiting():
    session = Session(logits_of)
    batcher = Batcher(session, 64, wait=0.02)

    async def visit():
        gone, failing, stays = (asyncio.create_task(batcher.logits(numbered(n, 1))) for n in (1, 99, 3))
        await asyncio.sleep(0)
        gone.cancel()
        failing.cancel()
        return await stays

    assert finished(visit())[0, 0] == 6


def test_a_batcher_outlives_its_event_loop():
    session = Session(logits_of)
    batcher = Batcher(session, 64, wait=0)
    assert [finished(batcher.logits(numbered(n, 1)))[0, 0] for n in (1, 2, 3)] == [2, 4, 6]
    assert (batcher.runs, batcher.images) == (3, 3)
