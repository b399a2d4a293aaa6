"""A server that reads digits with ONNX Runtime, and needs no PyTorch for it.

    python -m course_lib.deploy.server --export digits.onnx    # the book's digit net, or bring your own file
    python -m course_lib.deploy.server --model digits.onnx

    GET  /health          what is served, images and session runs so far
    GET  /ready           200 as soon as the model has answered a warm-up, 503 before
    GET  /docs            all of this in a page, whose script comes from a CDN
    POST /predict         {"pixels": [[… 28 numbers …], … 28 rows …]}
    → {"digit": 3, "probabilities": […], "warnings": []}
    POST /predict_batch   {"images": [[[…], …], … 64 at most …]}  → {"predictions": [{…}, …]}

Pixels are ink from 0 (paper) to 1 (full stroke). From a shell:

    python -c "import json; print(json.dumps(
    {'pixels': [[0] * 13 + [1, 1] + [0] * 13] * 28}))" > digit.json
    curl http://127.0.0.1:8000/ready
    curl -H "content-type: application/json" -d @digit.json http://127.0.0.1:8000/predict

Whatever else comes is answered with a status from 400 to 499 and a sentence that says what was expected; an
image that is one, but looks blank or inverted, with a prediction and a warning.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import onnxruntime
import uvicorn
from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from course_lib.command_line import OneLineParser
from course_lib.deploy.requests import LOG, Batcher, BodyLimit, RequestLog
from course_lib.files import print_in_any_encoding

if TYPE_CHECKING:
    from torch import nn

SIDE, CLASSES = 28, 10
"""As in `course_lib.models.image_classifiers`, which would load PyTorch."""
MOST_IMAGES = 64
"""Images in one request, and in one run of the session."""
MOST_BYTES = 2**21
"""Bytes of one request's body: 64 images of 20 characters per pixel, and to spare."""
WAIT = 0.003
"""Seconds that the first image of a batch waits for company."""
LEAST_CONTRAST, MOST_INK = 0.2, 0.5
"""MNIST's digits have a contrast above 0.99, and ink on 3% to 34% of the paper."""

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
    """The likeliest digit, the model's probability of each, and what speaks against believing it."""

    digit: Annotated[int, Field(ge=0, lt=CLASSES)]
    probabilities: Annotated[list[float], Field(min_length=CLASSES, max_length=CLASSES)]
    warnings: list[str]


class Predictions(BaseModel):
    """One prediction per image, in the order they came."""

    predictions: list[Prediction]


class Health(BaseModel):
    """What the server serves, and how often it has."""

    status: str
    model: str
    images: int
    runs: int


class Problem(BaseModel):
    """What was wrong, in a sentence."""

    detail: str


def open_model(path: str | Path) -> onnxruntime.InferenceSession:
    """Open an ONNX file for one thread of the CPU; ``ValueError`` if ONNX Runtime cannot read it."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime's errors share no other class
        reason = str(error).splitlines()[0]
        raise ValueError(f"model must be an ONNX file, got {path}: {reason}") from error


def export(model: nn.Module, path: str | Path) -> None:
    """Write a digit classifier in eval mode (else ``ValueError``) as an ONNX file for any batch."""
    import torch

    if model.training:
        raise ValueError("model must be in eval mode, call model.eval() first")
    program = torch.onnx.export(
        model,
        (torch.zeros(2, 1, SIDE, SIDE),),
        dynamo=True,
        input_names=["images"],
        output_names=["logits"],
        dynamic_shapes=({0: "batch"},),
        verbose=False,
    )
    program.save(path)


def warnings_about(image: np.ndarray) -> list[str]:
    """Say how an image, (28, 28), differs from a digit on paper: hardly any contrast, more ink than paper."""
    found = []
    if np.ptp(image) < LEAST_CONTRAST:
        found.append(f"looks blank: the pixels differ by {np.ptp(image):.2f} at most")
    if image.mean() > MOST_INK:
        found.append(f"looks inverted: {image.mean():.0%} ink, where 0 is paper and 1 is ink")
    return found


def create_app(
    session: onnxruntime.InferenceSession,
    *,
    name: str = "digits.onnx",
    most_bytes: int = MOST_BYTES,
    wait: float = WAIT,
) -> FastAPI:
    """Put a server, an ASGI application, around a digit classifier.

    ``session``: images (batch, 1, 28, 28) → logits (batch, 10), float32, for any batch; ``/health`` calls it
    ``name``. A request's body has at most ``most_bytes``; the first image of a batch waits ``wait`` seconds
    for others. ``ValueError`` if the session takes or gives something else, ``most_bytes`` < 1 or
    ``wait`` < 0.
    """
    taken, given = ([(e.type, e.shape) for e in es] for es in (session.get_inputs(), session.get_outputs()))
    shapes = [[shape[1:] for kind, shape in each if kind == "tensor(float)"] for each in (taken, given)]
    if len(taken) != 1 or shapes != [[[1, SIDE, SIDE]], [[CLASSES]]]:
        raise ValueError(f"session must map (batch, 1, 28, 28) to (batch, 10), got {taken} and {given}")
    if isinstance(taken[0][1][0], int):
        example = "{'images': {0: 'batch'}}"
        raise ValueError(f"session takes {taken[0][1][0]} images only: export with dynamic_shapes={example}")
    if most_bytes < 1:
        raise ValueError(f"most_bytes must be at least 1, got {most_bytes}")
    batcher = Batcher(session, MOST_IMAGES, wait)

    async def warm_up() -> None:
        try:
            await batcher.logits(np.zeros((1, 1, SIDE, SIDE), np.float32))
        except Exception:
            LOG.exception("the model did not answer the warm-up")

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        first = asyncio.create_task(warm_up())
        yield
        first.cancel()

    app = FastAPI(title="Digits", version="1.0.0", redoc_url=None, lifespan=lifespan)
    app.add_middleware(BodyLimit, most=most_bytes)
    app.add_middleware(RequestLog)
    app.add_exception_handler(RequestValidationError, explain)
    problems = {status: {"model": Problem} for status in (400, 413, 415, 422)}

    async def predictions(request: Request, pixels: list) -> list[Prediction]:
        request.state.images = len(pixels)
        images = np.array(pixels, np.float32)[:, None]
        logits = (await batcher.logits(images)).astype(np.float64)
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities = odds / odds.sum(axis=1, keepdims=True)
        return [
            Prediction(digit=p.argmax(), probabilities=p.tolist(), warnings=warnings_about(image[0]))
            for image, p in zip(images, probabilities, strict=True)
        ]

    @app.get("/health")
    async def health() -> Health:
        return Health(status="ok", model=name, images=batcher.images, runs=batcher.runs)

    @app.get("/ready", responses={503: {"model": Problem}})
    async def ready() -> dict[str, str]:
        if not batcher.runs:
            raise HTTPException(503, "the model has not answered its warm-up yet")
        return {"status": "ready"}

    @app.post("/predict", responses=problems)
    async def predict(image: OneImage, request: Request) -> Prediction:
        return (await predictions(request, [image.pixels]))[0]

    @app.post("/predict_batch", responses=problems)
    async def predict_batch(images: Images, request: Request) -> Predictions:
        return Predictions(predictions=await predictions(request, images.images))

    return app


async def explain(request: Request, error: RequestValidationError) -> JSONResponse:
    """Answer 422 with the first thing that is wrong, or 415 if the body was not announced as JSON.

    FastAPI's own answer repeats the input, and one that holds NaN cannot be written as JSON: a 500.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    if not re.fullmatch(r"application/(.+\+)?json", kind, re.IGNORECASE):
        got = f"{kind[:60]!r}" if kind else "none"
        advice = f"add the header 'content-type: application/json' (got {got})"
        return JSONResponse({"detail": f"the body must be JSON and say so: {advice}"}, 415)
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    others = len(error.errors()) - 1
    more = f" (and {others} more)" if others else ""
    return JSONResponse({"detail": f"{place}: {first['msg']}{more}"}, 422)


def open_socket(host: str, port: int) -> socket.socket:
    """Take a port, 0 … 65535 (0: any that is free), before anything is loaded.

    ``OSError`` if it is in use, or not this user's to take.
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
    """Serve an ONNX file, or the digit net that runs in the book's page."""
    parser = OneLineParser(prog="course_lib.deploy.server", description="Serve a digit net over HTTP.")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--model", type=Path, help="ONNX file (default: the book's digit net, exported now)")
    source.add_argument("--export", type=Path, help="write the book's digit net to this file, and end")
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: this machine only)"
    )
    parser.add_argument("--port", type=int, default=8000, help="0 takes any free one (default 8000)")
    arguments = parser.parse_args()
    if arguments.export:
        try:
            _write_digit_network(arguments.export)
        except OSError as error:
            parser.error(f"--export {arguments.export} cannot be written: {error}")
        return
    try:
        opened = open_socket(arguments.host, arguments.port)
    except (ValueError, OSError) as error:
        parser.error(f"--port {arguments.port} cannot be used: {error}")
    with tempfile.TemporaryDirectory() as folder:
        path = arguments.model or Path(folder, "digits.onnx")
        if not arguments.model:
            _write_digit_network(path)
        try:
            app = create_app(open_model(path), name=path.name)
        except ValueError as error:
            opened.close()
            parser.error(f"--model {path} cannot be used: {error}")
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s")
    LOG.setLevel(logging.INFO)
    print(f"http://{arguments.host}:{opened.getsockname()[1]}", flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[opened])


def _write_digit_network(path: Path) -> None:
    from course_lib.pretrained.digit_network import digit_network

    export(digit_network(), path)


if __name__ == "__main__":
    print_in_any_encoding()
    sys.exit(main())
