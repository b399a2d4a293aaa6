"""What every request to a server passes on its way: a limit of its size, and a line in the log (ASGI)."""

from __future__ import annotations

import logging
import time
from urllib.parse import quote

from fastapi.responses import JSONResponse

LOG = logging.getLogger("course_lib.deploy.server")


class BodyLimit:
    """Refuses bodies above a number of bytes, counted as they arrive and not as they announce themselves.

    Args:
        app: what handles the others.
        most: bytes.
    """

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
    """Logs a line for each request: method, path, status, milliseconds, images.

    Args:
        app: what answers them.
    """

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
