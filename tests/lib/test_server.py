"""The digit server: right answers, clear refusals, a start that says what is wrong."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys

import pytest
import torch
from fastapi.testclient import TestClient

from course_lib.data.digits import load_digits
from course_lib.deploy.server import create_app, main, open_socket
from course_lib.widgets.draw_digit import digit_network

LIMIT = 100_000
BLANK = [[0.0] * 28 for _ in range(28)]


@pytest.fixture(scope="module")
def client():
    with TestClient(create_app(digit_network(), most_bytes=LIMIT), raise_server_exceptions=False) as opened:
        yield opened


@pytest.fixture(scope="module")
def digits():
    images = load_digits("test").images[:5]
    with torch.no_grad():
        return images[:, 0].tolist(), digit_network()(images).double().softmax(1).tolist()


def test_health_says_what_is_served(client):
    assert client.get("/health").json() == {"status": "ok", "model": "ConvNet", "parameters": 23_258}


def test_one_image_is_answered_as_pytorch_would(client, digits):
    images, expected = digits
    for image, probabilities in zip(images, expected, strict=True):
        answer = client.post("/predict", json={"pixels": image})
        assert answer.status_code == 200
        assert answer.json()["probabilities"] == pytest.approx(probabilities, abs=1e-6)
        assert answer.json()["digit"] == probabilities.index(max(probabilities))


def test_a_batch_is_answered_in_its_order(client, digits):
    images, expected = digits
    found = client.post("/predict_batch", json={"images": images}).json()["predictions"]
    assert [each["probabilities"] for each in found] == [pytest.approx(row, abs=1e-6) for row in expected]


def _with(pixel: object) -> str:
    """A body whose first pixel is whatever is given; ``json`` writes NaN and Infinity as such."""
    return json.dumps({"pixels": [[pixel, *BLANK[0][1:]], *BLANK[1:]]})


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (_with(float("nan")), 422, "body.pixels.0.0: Input should be a finite number"),
        (_with(float("inf")), 422, "body.pixels.0.0: Input should be a finite number"),
        (_with(1.5), 422, "body.pixels.0.0: Input should be less than or equal to 1"),
        (_with(-0.1), 422, "greater than or equal to 0"),
        (_with("0.5"), 422, "body.pixels.0.0: Input should be a valid number"),
        (_with(True), 422, "valid number"),
        (_with(None), 422, "valid number"),
        (_with(10**400), 422, "body.pixels.0.0"),
        (json.dumps({"pixels": BLANK[:27]}), 422, "body.pixels: List should have at least 28 items"),
        (json.dumps({"pixels": [*BLANK, BLANK[0]]}), 422, "at most 28 items"),
        (json.dumps({"pixels": [row[:27] for row in BLANK]}), 422, "pixels.0: List should have at least 28"),
        (json.dumps({"pixels": [row[:27] for row in BLANK]}), 422, "(and 27 more)"),
        (json.dumps({"image": BLANK}), 422, "body.pixels: Field required"),
        (json.dumps(BLANK), 422, "valid dictionary"),
        ("{", 422, "JSON decode error"),
        ("", 422, "Field required"),
        (b"\xff\xfe\x00", 400, "error parsing the body"),
        ("[" * 50_000, 400, "error parsing the body"),
        (" " * (LIMIT + 1), 413, "the body must have at most 100,000 bytes"),
    ],
)  # fmt: skip
def test_what_is_no_image_is_refused_in_a_sentence(client, body, status, words):
    answer = client.post("/predict", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == status
    assert isinstance(answer.json()["detail"], str)
    assert words in answer.json()["detail"]


@pytest.mark.parametrize(("count", "words"), [(0, "at least 1 item"), (65, "at most 64 items")])
def test_batches_have_their_bounds(count, words):
    client = TestClient(create_app(digit_network()))
    answer = client.post("/predict_batch", json={"images": [BLANK] * count})
    assert (answer.status_code, words in answer.json()["detail"]) == (422, True)


def test_the_most_images_of_the_longest_pixels_fit_the_default_limit():
    client = TestClient(create_app(digit_network()))
    image = [[0.12345678901234568] * 28] * 28
    answer = client.post("/predict_batch", json={"images": [image] * 64})
    assert (answer.status_code, len(answer.json()["predictions"])) == (200, 64)


def test_a_body_is_counted_as_it_arrives_whatever_it_announces(client):
    def pieces():
        for _ in range(LIMIT // 1000 + 1):
            yield b" " * 1000

    answer = client.post("/predict", content=pieces(), headers={"content-type": "application/json"})
    assert answer.status_code == 413


def test_other_paths_and_methods_are_refused(client):
    assert client.get("/predict").status_code == 405
    assert client.get("/docs").status_code == 404


def test_a_model_that_drops_out_and_a_limit_of_nothing_are_refused():
    with pytest.raises(ValueError, match="eval mode"):
        create_app(digit_network().train())
    with pytest.raises(ValueError, match="most_bytes must be at least 1, got 0"):
        create_app(digit_network(), most_bytes=0)


def test_a_port_that_is_no_port_is_refused():
    with pytest.raises(ValueError, match="port must be from 0 to 65535, got 70000"):
        open_socket("127.0.0.1", 70_000)


def test_a_port_in_use_ends_with_one_line():
    with contextlib.closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = subprocess.run(
            [sys.executable, "-m", "course_lib.deploy.server", "--port", str(port)],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert f"--port {port} cannot be used" in ended.stderr
    assert "in use" in ended.stderr


def test_a_port_out_of_range_ends_with_one_line(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["server", "--port", "-3"])
    with pytest.raises(SystemExit) as ended:
        main()
    complaint = capsys.readouterr().err
    assert (ended.value.code, complaint.count("\n")) == (2, 1)
    assert "port must be from 0 to 65535, got -3" in complaint
