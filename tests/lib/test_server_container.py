"""The digit server's container: what its file copies and installs is there, and enough to serve."""

from __future__ import annotations

import importlib.metadata
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from packaging.requirements import Requirement

from course_lib.data.digits import load_digits
from course_lib.deploy.server import export
from course_lib.pretrained.digit_network import digit_network

ROOT = Path(__file__).resolve().parents[2]


def instructions() -> list[tuple[str, list[str]]]:
    """The container file's instructions, each with its words."""
    text = (ROOT / "book" / "server.Dockerfile").read_text("utf-8").replace("\\\n", " ")
    found = [line.partition(" ") for line in text.splitlines() if line and not line.startswith("#")]
    return [(name, re.findall(r'"([^"]*)"', rest) or shlex.split(rest)) for name, _, rest in found]


def words_of(wanted: str) -> list[list[str]]:
    return [words for name, words in instructions() if name == wanted]


def installed() -> set[str]:
    """What its pip installs, with all that those packages require in turn."""
    [words] = words_of("RUN")
    assert words[:2] == ["pip", "install"]
    todo = [
        word for place, word in enumerate(words) if place > 1 and word[0] != "-" and words[place - 1] != "-c"
    ]
    found: set[str] = set()
    while todo:
        name = todo.pop()
        if name.lower() not in found:
            found.add(name.lower())
            asked = map(Requirement, importlib.metadata.requires(name) or [])
            todo += [each.name for each in asked if not each.marker or each.marker.evaluate({"extra": ""})]
    return found


@pytest.fixture(scope="module")
def image(tmp_path_factory) -> Path:
    """The folders that building would fill: what is copied, and links to the packages."""
    folder = tmp_path_factory.mktemp("image")
    for *sources, target in words_of("COPY"):
        (folder / target.strip("/")).mkdir(parents=True, exist_ok=True)
        for source in sources:
            shutil.copy(ROOT / source, folder / target.strip("/"))
    packages = folder / "packages"
    packages.mkdir()
    for name in installed():
        distribution = importlib.metadata.distribution(name)
        for top in {file.parts[0] for file in distribution.files or [] if file.parts[0] != ".."}:
            if not (packages / top).exists():
                (packages / top).symlink_to(distribution.locate_file(top))
    return folder


def test_it_pins_what_it_installs():
    pinned = (ROOT / "constraints.txt").read_text("utf-8")
    [words] = words_of("RUN")
    assert words[words.index("-c") + 1] == "/constraints.txt"
    assert not [
        name for name in installed() if not re.search(rf"(?mi)^{re.sub('[-_.]', '[-_.]', name)}==", pinned)
    ]


def test_what_it_copies_and_installs_is_enough_to_serve(image, tmp_path):
    export(digit_network(), tmp_path / "digits.onnx")
    [entry], [command] = words_of("ENTRYPOINT"), words_of("CMD")
    assert (entry[0], command) == ("python", ["--model", "/digits.onnx"])
    [folder] = words_of("WORKDIR")
    process = subprocess.Popen(
        # -S: without the packages of this environment
        [sys.executable, "-S", *entry[1:], "--model", tmp_path / "digits.onnx", "--port", "0"],
        cwd=image / folder[0].strip("/"),
        env={"PYTHONPATH": str(image / "packages")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        started = process.stdout.readline().strip()
        assert started, process.communicate(timeout=60)[1]
        pixels = load_digits("test").images[0, 0].tolist()
        address = started.replace("0.0.0.0", "127.0.0.1")
        answer = httpx.post(f"{address}/predict", json={"pixels": pixels}, trust_env=False)
        assert answer.json()["digit"] == load_digits("test").labels[0]
        [[_, _, program]] = words_of("HEALTHCHECK")
        check = program.replace("http://127.0.0.1:8000", address)
        subprocess.run([sys.executable, "-c", check], check=True, timeout=60)
    finally:
        process.terminate()
        process.communicate(timeout=60)
