"""The digit server in a process of its own: two hundred clients at once, and bodies nobody would send."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import nbformat
import numpy as np
import pytest
import schemathesis
import torch
from digit_session import Session
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, settings
from schemathesis.checks import CHECKS, load_all_checks

from course_lib.data.digits import load_digits
from course_lib.deploy import server
from course_lib.deploy.server import create_app
from course_lib.foundations.rounding import additions, rounding_bound
from course_lib.pretrained.digit_network import digit_network

ROOT = Path(__file__).resolve().parents[2]
CLIENTS, EACH = 200, 3


@pytest.fixture(scope="module")
def log(tmp_path_factory) -> Path:
    """What the server writes to stderr: a file, since a pipe that nobody reads would stop it."""
    return tmp_path_factory.mktemp("server") / "log"


@pytest.fixture(scope="module")
def address(log: Path) -> Iterator[str]:
    """A server on a free port, as the commands start it: one writes the model, one serves it."""
    command = [sys.executable, "-m", "course_lib.deploy.server"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    model = log.with_name("mine.onnx")
    subprocess.run([*command, "--export", model], check=True, env=environment)
    with log.open("w") as written:
        process = subprocess.Popen(
            [*command, "--port", "0", "--model", model],
            stdout=subprocess.PIPE,
            stderr=written,
            text=True,
            env=environment,
        )
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()
            process.communicate(timeout=60)
    assert "Traceback" not in log.read_text("utf-8")


def test_two_hundred_clients_at_once_get_their_own_answers(address, log):
    images = load_digits("test").images[: CLIENTS * EACH]
    with torch.no_grad():
        logits = digit_network()(images)
    expected = logits.double().softmax(1)
    off = rounding_bound(logits, terms=additions(digit_network())) / 2  # probabilities move half as far
    waiting = 0
    together = 0

    async def visit(number: int) -> list[list[float]]:
        nonlocal waiting, together
        found = []
        async with httpx.AsyncClient(base_url=address, timeout=300, trust_env=False) as client:
            for turn in range(EACH):
                waiting += 1
                together = max(together, waiting)
                pixels = images[EACH * number + turn, 0].tolist()
                answer = await client.post("/predict", json={"pixels": pixels})
                waiting -= 1
                assert answer.status_code == 200, answer.text
                found.append(answer.json()["probabilities"])
        return found

    async def visits() -> list[list[list[float]]]:
        return await asyncio.gather(*(visit(number) for number in range(CLIENTS)))

    # In a thread of its own: a browser test that ran before it leaves an event loop going in this one.
    with ThreadPoolExecutor(1) as pool:
        answers = pool.submit(asyncio.run, visits()).result()
    found = torch.tensor(answers, dtype=torch.float64).flatten(0, 1)
    torch.testing.assert_close(found, expected, rtol=0, atol=off)
    assert together == CLIENTS
    served = httpx.get(f"{address}/health", trust_env=False).json()
    assert served["images"] == CLIENTS * EACH + 1  # and the warm-up
    assert served["runs"] < served["images"] / 2
    assert log.read_text("utf-8").count("INFO POST /predict 200 ") == CLIENTS * EACH


def test_the_server_is_still_well_afterwards(address):
    health = httpx.get(f"{address}/health", trust_env=False).json()
    assert (health["status"], health["model"]) == ("ok", "mine.onnx")


def typed_lines(text: str) -> list[str]:
    """What a text tells its reader to type at a server that runs: such lines, to their closing quotes."""
    return re.findall(r'^ *((?:curl|python -c) (?:\\\n|[^"\n]|"[^"]*")*)$', text, re.MULTILINE)


def chapter() -> str:
    notebook = nbformat.read(ROOT / "notebooks" / "16_shipping.ipynb", as_version=4)
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


@pytest.mark.parametrize("text", [server.__doc__, chapter()], ids=["docstring", "chapter"])
def test_what_a_reader_is_told_to_type_works(address, tmp_path, text):
    lines = typed_lines(text)
    assert sum(line.startswith("curl ") for line in lines) >= 2
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    script = "\n".join(lines).replace("http://127.0.0.1:8000", address)
    told = subprocess.run(
        ["bash", "-ec", script],
        cwd=tmp_path,
        env={**os.environ, "PATH": path, "no_proxy": "*"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    assert '"status":"ready"' in told.stdout
    assert '{"digit":1,' in told.stdout
    assert '"warnings":[]' in told.stdout


def by_pytorch(image: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        return NETWORK(torch.from_numpy(image)[None])[0].numpy()


load_all_checks()
NETWORK = digit_network()
app = create_app(Session(by_pytorch))  # tests are collected sooner than a file is exported
schema = schemathesis.openapi.from_asgi("/openapi.json", app)
# Its list of boundary cases, written out for 64·28·28 pixels when tests are collected, takes minutes.
schema.config.phases.coverage.enabled = False


@pytest.fixture(scope="module")
def warm():
    """An answer: before its first, `/ready` says 503 and is right."""
    TestClient(app).post("/predict", json={"pixels": [[0] * 28] * 28}).raise_for_status()


@schema.parametrize()
@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_whatever_its_own_description_makes_up_never_ends_in_a_server_error(case, warm):  # noqa: ARG001
    wanted = ("not_a_server_error", "status_code_conformance", "response_schema_conformance")
    case.call_and_validate(checks=CHECKS.get_by_names(wanted))
