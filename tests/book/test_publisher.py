"""Colab and Binder links are drawn once an address is named, and not before."""

from __future__ import annotations

import shutil
from pathlib import Path

import built_site
import colab
import execute_notebooks
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
    for path in (copy / "notebooks").glob("*.ipynb"):
        notebook = colab.placed(nbformat.read(path, 4), *colab.repository(copy / "_config.yml"))
        execute_notebooks.write(execute_notebooks.normalise(notebook), path)
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
        assert (
            links["Open in Colab"] == f"https://colab.research.google.com/github/reader/zero/blob/main/{path}"
        )
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


def test_in_colab_only_course_lib_is_added(published: Path):
    downloads = sorted((published / "downloads").glob("*.ipynb"))
    assert downloads
    for path in downloads:
        cell = next(c for c in nbformat.read(path, 4).cells if c.cell_type == "code")
        assert f'--no-deps "course_lib @ git+{ADDRESS}@main"' in cell.source
        assert 'if "google.colab" in sys.modules:' in cell.source
        page = (published / "notebooks" / f"{path.stem}.html").read_text("utf8")
        assert "google.colab" not in page, "the page's reader has nothing to install"


def test_without_an_address_no_notebook_names_one():
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        assert "google.colab" not in path.read_text("utf8")


def test_placing_the_cell_twice_changes_nothing_and_taking_it_out_restores():
    path = next((ROOT / "notebooks").glob("*.ipynb"))
    plain = nbformat.writes(execute_notebooks.normalise(nbformat.read(path, 4)))

    def after(text: str, address: str) -> str:
        notebook = colab.placed(nbformat.reads(text, as_version=4), address)
        return nbformat.writes(execute_notebooks.normalise(notebook))

    once = after(plain, ADDRESS)
    assert once != plain
    assert after(once, ADDRESS) == once
    assert after(once, "") == plain
