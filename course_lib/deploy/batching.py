"""Requests that arrive together are run together: one call of the model for a batch of strangers."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import onnxruntime


class Batcher:
    """Gathers the images that arrive within a few milliseconds, and runs the session once for all of them.

    Args:
        session: images (batch, 1, 28, 28) → logits (batch, 10), float32.
        most: images in one run; a request of more runs alone.
        wait: seconds that the first waits for others, at least 0.

    Raises:
        ValueError: if ``most`` < 1 or ``wait`` < 0.
    """

    def __init__(self, session: onnxruntime.InferenceSession, most: int, wait: float) -> None:
        if most < 1:
            raise ValueError(f"most must be at least 1, got {most}")
        if not wait >= 0:
            raise ValueError(f"wait must be at least 0, got {wait}")
        self.session, self.most, self.wait = session, most, wait
        self.input = session.get_inputs()[0].name
        self.images = self.runs = 0
        self.worker: asyncio.Task | None = None

    async def logits(self, images: np.ndarray) -> np.ndarray:
        """Wait for a run that these images have a part in.

        Args:
            images: float32, (n, 1, 28, 28).

        Returns:
            Their logits, float32, (n, 10).

        Raises:
            Exception: what the session raises for these images; for another request's, they are run again.
        """
        loop = asyncio.get_running_loop()
        if self.worker is None or self.worker.done() or self.worker.get_loop() is not loop:
            self.queue = asyncio.Queue()
            self.worker = loop.create_task(self._work(self.queue))
        answer = loop.create_future()
        self.queue.put_nowait((images, answer))
        return await answer

    async def _work(self, queue: asyncio.Queue) -> None:
        left_over = None
        while True:
            batch, left_over = [left_over or await queue.get()], None
            room = self.most - len(batch[0][0])
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.wait):
                    while room > 0 and left_over is None:
                        images, answer = await queue.get()
                        if len(images) <= room:
                            batch.append((images, answer))
                            room -= len(images)
                        else:
                            left_over = images, answer
            await self._answer(batch)

    async def _answer(self, batch: list[tuple[np.ndarray, asyncio.Future]]) -> None:
        images = np.concatenate([images for images, _ in batch])
        try:  # in a thread: the loop goes on taking requests
            [logits] = await asyncio.to_thread(self.session.run, None, {self.input: images})
        except Exception as error:
            if len(batch) > 1:  # one request's error is no other's: each on its own
                for each in batch:
                    await self._answer([each])
            elif not batch[0][1].done():
                batch[0][1].set_exception(error)
            return
        self.runs += 1
        self.images += len(images)
        for images, answer in batch:
            if not answer.done():  # its client may have gone
                answer.set_result(logits[: len(images)])
            logits = logits[len(images) :]
