"""A server that reads digits: ``python -m course_lib.deploy.server --port 8000``.

    GET  /health          what is served
    POST /predict         {"pixels": [[… 28 numbers …], … 28 rows …]}    → {"digit": 3, "probabilities": […]}
    POST /predict_batch   {"images": [[[…], …], … 64 at most …]}         → {"predictions": [{…}, …]}

Pixels are ink from 0 (paper) to 1 (full stroke). Whatever else comes is answered with a status from 400 to
499 and a sentence that says what was expected. ``/openapi.json`` describes it all.
"""

from __future__ import annotations

import socket
import sys
from typing import Annotated

import torch
import uvicorn
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from torch import Tensor, nn

from course_lib.commands.one_line_parser import OneLineParser
from course_lib.files import print_in_any_encoding
from course_lib.models.image_classifiers import CLASSES, SIDE
from course_lib.widgets.draw_digit import digit_network

MOST_IMAGES = 64
"""Images in one request."""
MOST_BYTES = 2**21
"""Bytes of one request's body: 64 images of 20 characters a pixel, and to spare."""

Pixel = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False, strict=True)]
Row = Annotated[list[Pixel], Field(min_length=SIDE, max_length=SIDE)]
Image = Annotated[list[Row], Field(min_length=SIDE, max_length=SIDE)]


class OneImage(BaseModel):
    """What ``/predict`` takes."""

    pixels: Image


class Images(BaseModel):
    """What ``/predict_batch`` takes."""

    images: Annotated[list[Image], Field(min_length=1, max_length=MOST_IMAGES)]


class Prediction(BaseModel):
    """The likeliest digit, and the model's probability of each."""

    digit: Annotated[int, Field(ge=0, lt=CLASSES)]
    probabilities: Annotated[list[float], Field(min_length=CLASSES, max_length=CLASSES)]


class Predictions(BaseModel):
    """One prediction an image, in the order they came."""

    predictions: list[Prediction]


class Health(BaseModel):
    """What the server serves."""

    status: str
    model: str
    parameters: int


class Problem(BaseModel):
    """What was wrong with a request, in a sentence."""

    detail: str


class BodyLimit:
    """Refuses bodies above a number of bytes, counted as they arrive and not as they announce themselves.

    Args:
        app: what handles the others.
        most: bytes.

    Taught in: "Shipping a model".
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


def create_app(model: nn.Module, *, most_bytes: int = MOST_BYTES) -> FastAPI:
    """Put a server around a digit classifier.

    Args:
        model: in eval mode, (batch, 1, 28, 28) → logits (batch, 10).
        most_bytes: of a request's body, at least 1.

    Returns:
        An ASGI application.

    Raises:
        ValueError: if the model is in train mode or ``most_bytes`` < 1.

    Taught in: "Shipping a model".
    """
    if model.training:
        raise ValueError("model must be in eval mode, call model.eval() first")
    if most_bytes < 1:
        raise ValueError(f"most_bytes must be at least 1, got {most_bytes}")
    problems = {status: {"model": Problem} for status in (400, 413, 422)}
    # The pages /docs and /redoc would load scripts from elsewhere.
    app = FastAPI(title="Digits", version="1.0.0", docs_url=None, redoc_url=None)
    app.add_middleware(BodyLimit, most=most_bytes)
    app.add_exception_handler(RequestValidationError, explain)
    health = Health(
        status="ok", model=type(model).__name__, parameters=sum(p.numel() for p in model.parameters())
    )

    @app.get("/health")
    def read_health() -> Health:
        return health

    # Plain functions, no coroutines: FastAPI runs them in threads, and the network does not hold up the loop.
    @app.post("/predict", responses=problems)
    def predict(request: OneImage) -> Prediction:
        return _predictions(model, torch.tensor([request.pixels]))[0]

    @app.post("/predict_batch", responses=problems)
    def predict_batch(request: Images) -> Predictions:
        return Predictions(predictions=_predictions(model, torch.tensor(request.images)))

    return app


def _predictions(model: nn.Module, images: Tensor) -> list[Prediction]:
    """Read (batch, 28, 28) images."""
    with torch.inference_mode():
        probabilities = model(images.unsqueeze(1)).double().softmax(dim=1)
    return [
        Prediction(digit=max(range(CLASSES), key=p.__getitem__), probabilities=p)
        for p in probabilities.tolist()
    ]


async def explain(_request: Request, error: RequestValidationError) -> JSONResponse:
    """Answer 422 with the first thing that is wrong.

    FastAPI's own answer repeats the input, and one that holds NaN cannot be written as JSON: a 500.
    """
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    others = len(error.errors()) - 1
    more = f" (and {others} more)" if others else ""
    return JSONResponse({"detail": f"{place}: {first['msg']}{more}"}, 422)


def open_socket(host: str, port: int) -> socket.socket:
    """Take a port before anything is loaded.

    Args:
        host: an address of this machine.
        port: 0 … 65535; 0 takes any that is free.

    Returns:
        The bound socket.

    Raises:
        ValueError: if the port is out of range.
        OSError: if it is in use, or not this user's to take.

    Taught in: "Shipping a model".
    """
    if not 0 <= port <= 65535:
        raise ValueError(f"port must be from 0 to 65535, got {port}")
    opened = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((host, port))
        opened.listen(512)
    except OSError:
        opened.close()
        raise
    return opened


def main() -> None:
    """Serve the digit net that runs in the book's page."""
    parser = OneLineParser(prog="course_lib.deploy.server", description="Serve the digit net over HTTP.")
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: this machine only)"
    )
    parser.add_argument("--port", type=int, default=8000, help="0 takes any free one (default 8000)")
    arguments = parser.parse_args()
    try:
        opened = open_socket(arguments.host, arguments.port)
    except (ValueError, OSError) as error:
        parser.error(f"--port {arguments.port} cannot be used: {error}")
    torch.set_num_threads(1)
    app = create_app(digit_network())
    print(f"http://{arguments.host}:{opened.getsockname()[1]}", flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[opened])


if __name__ == "__main__":
    print_in_any_encoding()
    sys.exit(main())
