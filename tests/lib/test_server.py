"""The digit server: right answers, clear refusals, a start that says what is wrong."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from digit_session import Session, digit_session
from fastapi.testclient import TestClient

from course_lib.data.digits import load_digits
from course_lib.deploy import server
from course_lib.deploy.server import create_app, export, main, open_model, open_socket, warnings_about
from course_lib.foundations.rounding import additions, rounding_bound
from course_lib.models import image_classifiers
from course_lib.pretrained.digit_network import digit_network

LIMIT = 100_000
BLANK = [[0.0] * 28 for _ in range(28)]


@pytest.fixture(scope="module")
def client():
    with TestClient(create_app(digit_session(), most_bytes=LIMIT), raise_server_exceptions=False) as opened:
        yield opened


@pytest.fixture(scope="module")
def digits():
    """Images, PyTorch's probabilities, and how far rounding may move those.

    If no logit moves by more than d, no probability moves by more than 2·p·(1 − p)·d ≤ d / 2.
    """
    images = load_digits("test").images[:40]
    with torch.no_grad():
        logits = digit_network()(images)
    off = rounding_bound(logits, terms=additions(digit_network())) / 2
    return images[:, 0].tolist(), logits.double().softmax(1).tolist(), off


def test_health_says_what_is_served_and_how_often(digits):
    client = TestClient(create_app(digit_session(), name="mine.onnx"))
    assert client.get("/health").json() == {"status": "ok", "model": "mine.onnx", "images": 0, "runs": 0}
    client.post("/predict_batch", json={"images": digits[0][:5]})
    client.post("/predict", json={"pixels": digits[0][0]})
    assert client.get("/health").json() == {"status": "ok", "model": "mine.onnx", "images": 6, "runs": 2}


def test_one_image_is_answered_as_pytorch_would(client, digits):
    images, expected, off = digits
    for image, probabilities in zip(images[:5], expected, strict=False):
        answer = client.post("/predict", json={"pixels": image})
        assert answer.status_code == 200
        assert answer.json()["probabilities"] == pytest.approx(probabilities, rel=0, abs=off)
        assert answer.json()["digit"] == probabilities.index(max(probabilities))
        assert answer.json()["warnings"] == []


def test_a_batch_is_answered_in_its_order(client, digits):
    images, expected, off = digits
    found = client.post("/predict_batch", json={"images": images[:5]}).json()["predictions"]
    assert [each["probabilities"] for each in found] == [
        pytest.approx(row, rel=0, abs=off) for row in expected[:5]
    ]


def test_clients_who_come_together_share_runs_and_get_their_own_answers(digits):
    images, expected, off = digits
    session = Session()
    with (
        TestClient(create_app(session, wait=0.05)) as client,
        ThreadPoolExecutor(len(images)) as pool,
    ):
        answers = list(pool.map(lambda image: client.post("/predict", json={"pixels": image}).json(), images))
    assert [each["probabilities"] for each in answers] == [
        pytest.approx(row, rel=0, abs=off) for row in expected
    ]
    assert sum(session.sizes) == len(images) + 1  # and the warm-up
    assert len(session.sizes) < len(images) / 2


def test_an_image_that_the_model_fails_on_fails_alone(digits, caplog):
    def run_one(image):
        if image[0, 0, 0] == 1:
            raise RuntimeError("a corner of ink")
        return np.eye(10, dtype=np.float32)[3] * image.max()

    blot = [[1.0] * 28] * 28
    with (
        TestClient(create_app(Session(run_one), wait=0.1), raise_server_exceptions=False) as client,
        ThreadPoolExecutor(9) as pool,
        caplog.at_level(logging.INFO),
    ):
        sent = [*digits[0][:4], blot, *digits[0][4:8]]
        answers = list(pool.map(lambda image: client.post("/predict", json={"pixels": image}), sent))
    assert [each.status_code for each in answers] == [200] * 4 + [500] + [200] * 4
    assert {each.json()["digit"] for each in answers if each.status_code == 200} == {3}
    assert [line for line in lines(caplog) if line.startswith("POST /predict 500")]


def test_ready_means_that_the_model_has_answered():
    go_on = threading.Event()

    def run_one(_image):
        go_on.wait(30)
        return np.zeros(10, np.float32)

    with TestClient(create_app(Session(run_one))) as client:
        answer = client.get("/ready")
        assert (answer.status_code, answer.json()["detail"][:9]) == (503, "the model")
        assert client.get("/health").status_code == 200
        go_on.set()
        assert until_ready(client)


def test_a_model_that_fails_its_warm_up_is_never_ready(caplog):
    def run_one(_image):
        raise RuntimeError("no such kernel")

    with TestClient(create_app(Session(run_one))) as client:
        assert not until_ready(client, seconds=0.3)
    assert "the model did not answer the warm-up" in caplog.text
    assert "no such kernel" in caplog.text


def until_ready(client: TestClient, seconds: float = 30) -> bool:
    end = time.monotonic() + seconds
    while (status := client.get("/ready").status_code) == 503 and time.monotonic() < end:
        time.sleep(0.01)
    return status == 200


def lines(caplog) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.name == "course_lib.deploy.server"]


def test_each_request_is_a_line_in_the_log(client, digits, caplog):
    with caplog.at_level(logging.INFO):
        client.get("/health")
        client.post("/predict_batch", json={"images": digits[0][:3]})
        client.post("/predict", json={"pixels": BLANK[:27]})
        client.post("/predict", content=" " * (LIMIT + 1))
        client.get("/no%0AGET%20/forged")
    patterns = [
        r"GET /health 200 \d+\.\d ms images=0",
        r"POST /predict_batch 200 \d+\.\d ms images=3",
        r"POST /predict 422 \d+\.\d ms images=0",
        r"POST /predict 413 \d+\.\d ms images=0",
        r"GET /no%0AGET%20/forged 404 \d+\.\d ms images=0",
    ]
    for pattern, line in zip(patterns, lines(caplog), strict=True):
        assert re.fullmatch(pattern, line)


def test_no_digit_looks_blank_or_inverted_and_every_negative_does():
    for part in ("train", "test"):
        for image in load_digits(part).images[:, 0].numpy():
            assert warnings_about(image) == []
            [warning] = warnings_about(1 - image)
            assert warning.startswith("looks inverted: ")


@pytest.mark.parametrize(
    ("grey", "words"),
    [
        (0.0, ["looks blank: the pixels differ by 0.00 at most"]),
        (0.4, ["looks blank"]),
        (1.0, ["looks blank", "looks inverted: 100% ink, where 0 is paper and 1 is ink"]),
    ],
)
def test_an_image_without_a_digit_is_answered_with_a_warning(client, grey, words):
    image = [[grey] * 28] * 28
    answers = [
        client.post("/predict", json={"pixels": image}).json(),
        client.post("/predict_batch", json={"images": [image]}).json()["predictions"][0],
    ]
    for answer in answers:
        for found, expected in zip(answer["warnings"], words, strict=True):
            assert found.startswith(expected)


@pytest.mark.parametrize("kind", [None, "application/x-www-form-urlencoded", "text/plain", "image/png"])
def test_a_body_not_announced_as_json_is_told_which_header_to_add(client, kind):
    body = json.dumps({"pixels": BLANK})
    answer = client.post("/predict", content=body, headers={"content-type": kind} if kind else {})
    assert answer.status_code == 415
    assert "add the header 'content-type: application/json'" in answer.json()["detail"]
    assert (kind or "got none") in answer.json()["detail"]


@pytest.mark.parametrize(
    "kind", ["application/json; charset=utf-8", "Application/JSON", "application/a+json"]
)
def test_json_by_any_of_its_names_is_read(client, kind):
    for body, status in ((json.dumps({"pixels": BLANK}), 200), ("{}", 422)):
        assert client.post("/predict", content=body, headers={"content-type": kind}).status_code == status


def test_docs_describe_every_path(client):
    page = client.get("/docs")
    assert (page.status_code, "/openapi.json" in page.text) == (200, True)
    assert set(client.get("/openapi.json").json()["paths"]) == {
        "/health", "/ready", "/predict", "/predict_batch"
    }  # fmt: skip


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
    client = TestClient(create_app(digit_session()))
    answer = client.post("/predict_batch", json={"images": [BLANK] * count})
    assert (answer.status_code, words in answer.json()["detail"]) == (422, True)


def test_the_most_images_of_the_longest_pixels_fit_the_default_limit():
    client = TestClient(create_app(digit_session()))
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
    assert client.get("/").status_code == 404


def test_a_model_that_drops_out_and_limits_of_nothing_are_refused(tmp_path):
    with pytest.raises(ValueError, match="eval mode"):
        export(digit_network().train(), tmp_path / "digits.onnx")
    with pytest.raises(ValueError, match="most_bytes must be at least 1, got 0"):
        create_app(digit_session(), most_bytes=0)
    for wait in (-0.1, float("nan")):
        with pytest.raises(ValueError, match=f"wait must be at least 0, got {wait}"):
            create_app(digit_session(), wait=wait)


IMAGES, LOGITS = ("tensor(float)", ["batch", 1, 28, 28]), ("tensor(float)", ["batch", 10])


@pytest.mark.parametrize(
    ("inputs", "outputs", "words"),
    [
        ([("tensor(float)", [1, 1, 28, 28])], [LOGITS], "takes 1 images only: export with dynamic_shapes="),
        ([("tensor(int64)", ["batch", "seq"])], [LOGITS], r"must map \(batch, 1, 28, 28\) to \(batch, 10\)"),
        ([("tensor(double)", ["batch", 1, 28, 28])], [LOGITS], "must map .* got .*double"),
        ([IMAGES, IMAGES], [LOGITS], "must map"),
        ([IMAGES], [("tensor(float)", ["batch", 100])], "must map"),
        ([IMAGES], [LOGITS, LOGITS], "must map"),
    ],
)
def test_a_model_that_reads_no_digits_is_refused(inputs, outputs, words):
    def described(each):
        return [SimpleNamespace(name="x", type=kind, shape=shape) for kind, shape in each]

    session = SimpleNamespace(get_inputs=lambda: described(inputs), get_outputs=lambda: described(outputs))
    with pytest.raises(ValueError, match=words):
        create_app(session)


def test_a_model_is_opened_for_one_thread():
    options = digit_session().get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)


@pytest.mark.parametrize("content", [None, b"", b"no model"])
def test_a_file_that_is_no_model_is_refused(tmp_path, content):
    path = tmp_path / "digits.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=f"model must be an ONNX file, got {re.escape(str(path))}: "):
        open_model(path)


def test_the_server_s_sizes_are_the_model_s():
    assert (server.SIDE, server.CLASSES) == (image_classifiers.SIDE, image_classifiers.CLASSES)


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


def told(monkeypatch, capsys, *arguments: object) -> str:
    """The one line with which the command ends."""
    monkeypatch.setattr(sys, "argv", ["server", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    complaint = capsys.readouterr().err
    assert (ended.value.code, complaint.count("\n")) == (2, 1)
    return complaint


def test_a_port_out_of_range_ends_with_one_line(monkeypatch, capsys):
    assert "port must be from 0 to 65535, got -3" in told(monkeypatch, capsys, "--port", -3)


def test_a_model_or_a_folder_that_is_missing_ends_with_one_line(monkeypatch, capsys, tmp_path):
    missing = tmp_path / "none" / "digits.onnx"
    assert f"--model {missing} cannot be used" in told(monkeypatch, capsys, "--port", 0, "--model", missing)
    assert f"--export {missing} cannot be written" in told(monkeypatch, capsys, "--export", missing)


def test_importing_the_server_loads_no_notebook_and_no_pytorch():
    """Who serves digits in production needs no widgets, no IPython, and ONNX Runtime instead of torch."""
    program = (
        "import sys, course_lib.deploy.server\n"
        "unwanted = ('anywidget', 'ipywidgets', 'IPython', 'matplotlib', 'torch')\n"
        "print([name for name in unwanted if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"
