"""The digit server in a process of its own: two hundred clients at once, and bodies nobody would send."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import schemathesis
import torch
from hypothesis import HealthCheck, settings
from schemathesis.checks import CHECKS, load_all_checks

from course_lib.data.digits import load_digits
from course_lib.deploy.server import create_app
from course_lib.widgets.draw_digit import digit_network

CLIENTS, EACH = 200, 3


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A server on a free port, as the command starts it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "course_lib.deploy.server", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        _, complaints = process.communicate(timeout=60)
    assert "Traceback" not in complaints


def test_two_hundred_clients_at_once_get_their_own_answers(address):
    images = load_digits("test").images[: CLIENTS * EACH]
    with torch.no_grad():
        expected = digit_network()(images).double().softmax(1)
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
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)
    assert together == CLIENTS


def test_the_server_is_still_well_afterwards(address):
    assert httpx.get(f"{address}/health", trust_env=False).json()["status"] == "ok"


load_all_checks()
schema = schemathesis.openapi.from_asgi("/openapi.json", create_app(digit_network()))
# Its list of boundary cases, written out for 64·28·28 pixels when tests are collected, takes minutes.
schema.config.phases.coverage.enabled = False


@schema.parametrize()
@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_whatever_its_own_description_makes_up_never_ends_in_a_server_error(case):
    wanted = ("not_a_server_error", "status_code_conformance", "response_schema_conformance")
    case.call_and_validate(checks=CHECKS.get_by_names(wanted))
