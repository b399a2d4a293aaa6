"""What is vendored is what the manifest says, with its licence beside it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import vendor


def test_committed_files_match_the_manifest():
    assert json.loads(vendor.MANIFEST.read_text("utf8")) == vendor.describe()


def test_every_package_brings_its_licence():
    for package in vendor.PACKAGES:
        assert (vendor.VENDOR / package.folder / "LICENSE").stat().st_size > 1000


def test_one_changed_byte_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    copy = tmp_path / "vendor"
    shutil.copytree(vendor.VENDOR, copy)
    monkeypatch.setattr(vendor, "VENDOR", copy)
    manifest = json.loads(vendor.MANIFEST.read_text("utf8"))
    assert vendor.describe() == manifest
    script = copy / "mathjax" / "tex-chtml.js"
    script.write_bytes(script.read_bytes() + b" ")
    assert vendor.describe() != manifest
