"""What a request to a server passes on its way: a limit of its size, a line in the log, a batch."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING
from urllib.parse import quote

import numpy as np
from fastapi.responses import JSONResponse

if TYPE_CHECKING:
    import onnxruntime

LOG = logging.getLogger("course_lib.deploy.server")


class BodyLimit:
    """ASGI middleware that refuses bodies above ``most`` bytes, counted as they arrive, not as announced."""

    def __init__(self, app, most: int) -> None:
        self.app, self.most = app, most

    async def __call__(self, scope, receive, send) -> None:
        """Read the whole body first; hand it on in one piece, or answer 413."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                return  # the client has gone
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > self.most:
                refusal = JSONResponse({"detail": f"the body must have at most {self.most:,} bytes"}, 413)
                await refusal(scope, receive, send)
                return
        handed_on = False

        async def whole():
            nonlocal handed_on
            if handed_on:
                return await receive()
            handed_on = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self.app(scope, whole, send)


class RequestLog:
    """ASGI middleware that logs a line for each request: method, path, status, milliseconds, images."""

    def __init__(self, app) -> None:
        self.app = app

    async def __call__(self, scope, receive, send) -> None:
        """Answer one request, then log it; 499 stands for a client who left before the answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begin, status = time.perf_counter(), 499
        state = scope.setdefault("state", {})

        async def noting(message):
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, noting)
        except Exception:
            status = 500
            raise
        finally:
            # Quoted: a path may hold the end of a line, and would forge the next.
            line = f"{scope['method']} {quote(scope['path'])} {status}"
            passed = 1000 * (time.perf_counter() - begin)
            LOG.info("%s %.1f ms images=%d", line, passed, state.get("images", 0))


class Batcher:
    """Batching: gathers images that arrive within milliseconds, and runs the session once for all of them.

    ``session``: images (batch, 1, 28, 28) → logits (batch, 10), float32. A run holds at most ``most`` ≥ 1
    images; a request of more runs alone. The first waits ``wait`` ≥ 0 seconds for others.
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
        """Wait for a run that these images have a part in; gives their logits, float32, (n, 10).

        Raised is what the session raises for these images; for another request's, they are run again.
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
