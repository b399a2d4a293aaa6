"""In a real JupyterLab: a typed function recomputed by the kernel, later kinds alive, a still one's words."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from explorable_page import Shown, as_number, drag
from playwright.sync_api import TimeoutError as NotThere
from playwright.sync_api import expect
from touch_everything import by_keys

from course_explorables.base import STILL
from course_explorables.fit_line import FitLine

_CELL = """\
import torch
from course_explorables.tangent import Tangent
Tangent(f=lambda x: torch.where(x > 0, torch.erf(x), 0.2 * x**3), x=0.5, domain=(-2, 2))"""
_KINDS = """\
from course_explorables.adapter import Adapter
from course_explorables.attention import Attention
from course_explorables.broadcasting import Broadcasting
from course_explorables.descent_map import DescentMap
from course_explorables.fit_line import FitLine
from course_explorables.gpt_page import GPTInPage
from course_explorables.mini_batches import MiniBatches
from course_explorables.optimiser_race import OptimiserRace
from course_explorables.policy_gradient import PolicyGradient
from course_explorables.positional_encoding import PositionalEncoding
from course_explorables.ring_all_reduce import RingAllReduce
from course_explorables.strides import Strides
from course_explorables.teacher_forcing import TeacherForcing
from course_explorables.through_time import ThroughTime
from course_explorables.two_losses import TwoLosses
display(Broadcasting(), Strides(), DescentMap(), FitLine(), OptimiserRace())
display(ThroughTime(), TwoLosses(), MiniBatches())
display(RingAllReduce(), PolicyGradient(), TeacherForcing(), Adapter())
display(Attention(), PositionalEncoding(), GPTInPage())"""


def typed(x: torch.Tensor) -> torch.Tensor:
    """The function typed in the cell. torch.fx cannot follow it: the page alone could not know its slope."""
    return torch.where(x > 0, torch.erf(x), 0.2 * x**3)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[str]:
    """The address of a JupyterLab that serves some notebooks and writes nowhere else."""
    folder = tmp_path / "work"
    folder.mkdir()
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    stored = {"output_type": "display_data", "metadata": {}, "data": {"text/html": FitLine().to_html()}}
    for name, source, outputs in (("typed", _CELL, []), ("kinds", _KINDS, []), ("stored", "1", [stored])):
        cell = {
            "cell_type": "code",
            "id": "one",
            "execution_count": None,
            "metadata": {},
            "outputs": outputs,
            "source": source,
        }
        notebook = {"cells": [cell], "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
        (folder / f"{name}.ipynb").write_text(json.dumps(notebook))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    places = (
        "JUPYTER_RUNTIME_DIR",
        "JUPYTER_CONFIG_DIR",
        "JUPYTERLAB_WORKSPACES_DIR",
        "JUPYTERLAB_SETTINGS_DIR",
    )
    with (tmp_path / "lab.log").open("w") as log:
        server = subprocess.Popen(
            [
                *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1"),
                *(
                    f"--port={address.rsplit(':', 1)[1]}",
                    "--ServerApp.port_retries=0",
                    "--IdentityProvider.token=",
                ),
                "--LabApp.check_for_updates_class=jupyterlab.handlers.announcements.NeverCheckForUpdate",
                *(
                    "--LabApp.news_url=",
                    "--LabApp.extension_manager=readonly",
                    f"--ServerApp.root_dir={folder}",
                ),
            ],
            env={**os.environ, **{name: str(tmp_path / name) for name in places}},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_for(f"{address}/api", server)
            yield address
        finally:
            server.terminate()
            try:
                server.wait(timeout=30)
            except subprocess.TimeoutExpired:  # it waits for a kernel that is still starting
                server.kill()
                server.wait()


def _wait_for(address: str, server: subprocess.Popen) -> None:
    for _ in range(200):
        assert server.poll() is None, "JupyterLab ended at once; see lab.log"
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.3)
    pytest.fail("JupyterLab did not answer within a minute")


def open_and_run(lab: str, offline_page: object, name: str = "typed", height: int = 1000) -> Shown:
    """Open the notebook, run its cell; keys pressed before the kernel is ready are lost, so press again."""
    watched = offline_page(viewport={"width": 1200, "height": height})
    page = watched.page
    # On a busy machine Lab may ask something before the notebook is ready; say yes, as a reader would.
    asked = page.locator("dialog.jp-Dialog")
    page.add_locator_handler(asked, lambda dialog: dialog.locator("button.jp-mod-accept").click())
    page.goto(f"{lab}/lab/tree/{name}.ipynb")
    page.locator(".jp-Notebook .jp-CodeCell").first.wait_for(timeout=60_000)
    shown = Shown(watched, page.locator(".jp-OutputArea .explorable"))
    for _ in range(6):
        page.locator(".jp-CodeCell .cm-content").first.click()
        page.keyboard.press("Shift+Enter")
        try:
            shown.root.locator(".xp-buttons").first.wait_for(timeout=9000)
        except NotThere:
            continue
        expect(page.locator(".jp-InputPrompt").first).not_to_contain_text("*", timeout=60_000)
        return shown
    pytest.fail("the cell did not show an explorable")


def assert_kernel_agrees(shown: Shown) -> float:
    """Wait until the readings are torch's for the point's place; returns that place."""
    x = float(shown.root.locator(".xp-handle").get_attribute("aria-valuenow"))
    h = as_number(shown.root.locator(".xp-number").text_content())
    place = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    value = typed(place)
    value.backward()
    with torch.no_grad():
        quotient = ((typed(place + h) - typed(place - h)) / (2 * h)).item()
    expected = {"y": value.item(), "autograd": place.grad.item(), "difference": quotient}
    deadline = time.monotonic() + 15
    while True:
        found = {key: shown.number(key) for key in expected}
        if found == pytest.approx(expected, abs=1e-5):
            return x
        assert time.monotonic() < deadline, f"at x = {x} the page shows {found}, torch computes {expected}"
        shown.page.wait_for_timeout(100)


def test_the_kernel_recomputes_a_typed_function_as_the_point_moves(lab, offline_page, chance):
    shown = open_and_run(lab, offline_page)
    assert assert_kernel_agrees(shown) == 0.5
    drag(shown.page, shown.root.locator(".xp-mark"), chance.uniform(-180, -60), 0)
    dragged = assert_kernel_agrees(shown)
    assert dragged < 0.4
    presses = chance.randint(2, 6)
    for _ in range(presses):
        shown.page.keyboard.press("ArrowRight")
    assert assert_kernel_agrees(shown) == pytest.approx(dragged + 0.04 * presses, abs=1e-6)
    slider = shown.root.get_by_label("Step h")
    slider.focus()
    shown.page.keyboard.press("ArrowRight")
    assert_kernel_agrees(shown)
    shown.reset()
    assert assert_kernel_agrees(shown) == 0.5
    assert not shown.watched.outside


def test_the_later_kinds_live_in_lab_and_answer_the_keys(lab, offline_page):
    shown = open_and_run(lab, offline_page, "kinds", height=15_500)
    roots = shown.page.locator(".jp-OutputArea .explorable")
    expect(roots.locator(".xp-buttons")).to_have_count(15, timeout=60_000)
    expect(roots).to_have_count(15)
    for place in range(15):
        one = Shown(shown.watched, roots.nth(place))
        start = one.everything()
        assert by_keys(one) >= 1
        one.reset()
        assert one.everything() == start
    # The last has its weights from the kernel: no script, and it writes.
    one.root.get_by_role("button", name="Continue").click()
    one.root.locator(".xp-chip.written").nth(119).wait_for(state="attached")
    assert shown.page.locator('script[src*="gpt/"]').count() == 0
    assert not shown.watched.outside


def test_in_a_notebook_that_lab_does_not_trust_a_figure_says_what_helps(lab, offline_page):
    page = offline_page(viewport={"width": 1200, "height": 1000}).page
    page.goto(f"{lab}/lab/tree/stored.ipynb")
    still = page.locator(".jp-OutputArea .explorable")
    still.wait_for(timeout=60_000)
    assert still.locator("p").all_inner_texts() == [FitLine().title, STILL]
