"""The built pages, read as files: sizes, links, pictures, downloads, and no markup left over."""

from __future__ import annotations

import re
from pathlib import Path

import built_site
import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.usefixtures("site")
PAGES = built_site.pages()
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
CHAPTERS = [path for path in NOTEBOOKS if path.name[:2].isdigit()]
LEFT_OVER = re.compile(
    r":::|```|\{(?:exercise|prediction|tip|note|eq|ref|cite|math|explorable)\}|\$\$|^:label:", re.M
)


@pytest.fixture(params=PAGES)
def page(request: pytest.FixtureRequest) -> str:
    """One page after the other."""
    return request.param


def test_there_are_pages():
    assert len(PAGES) >= 8


def test_links_lead_somewhere(page: str):
    assert not built_site.broken_links(page)


def test_nothing_is_loaded_from_elsewhere(page: str):
    assert not built_site.outside_resources(page)


def test_no_markup_is_left_over(page: str):
    article = built_site.article(page)
    texts = [
        text
        for text in article.find_all(string=True)
        if not text.find_parent(["script", "style", "pre", "code"]) and not text.find_parent(class_="math")
    ]
    found = [text for text in texts if LEFT_OVER.search(text)]
    assert not found


def test_no_page_names_a_folder_of_the_machine_that_built_it(page: str):
    html = (built_site.SITE / page).read_text("utf8")
    assert str(ROOT) not in html
    assert str(Path.home()) + "/" not in html


def test_pictures_have_words(page: str):
    pictures = built_site.article(page).find_all("img")
    assert not [str(picture)[:200] for picture in pictures if len(picture.get("alt", "").split()) < 4]


def test_a_page_is_at_most_1_mb(page: str):
    assert (built_site.SITE / page).stat().st_size <= 1_000_000


def test_the_site_is_at_most_25_mb_and_what_waits_for_a_click_40(site: Path):
    vendor = site / "_static" / "vendor"
    on_click = [site / "onnx", site / "_static" / "answers"]
    on_click += [vendor / name for name in ("onnxruntime", "pyodide", "codemirror")]
    sizes = {path: path.stat().st_size for path in site.rglob("*") if path.is_file()}
    later = {path for path in sizes if any(folder in path.parents for folder in on_click)}
    assert sum(sizes[path] for path in sizes.keys() - later) <= 25_000_000
    assert 0 < sum(sizes[path] for path in later) <= 40_000_000


def test_one_title_a_page(page: str):
    assert len(built_site.article(page).find_all("h1")) == 1


def test_sources_with_hidden_cells_are_not_shipped(site: Path):
    assert not (site / "_sources").exists()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_download_is_the_chapter_in_plain_markdown_without_outputs(site: Path, path: Path):
    source = nbformat.read(path, as_version=4)
    download = nbformat.read(site / "downloads" / path.name, as_version=4)
    assert [cell.cell_type for cell in download.cells] == [cell.cell_type for cell in source.cells]
    assert [cell.metadata for cell in download.cells] == [cell.metadata for cell in source.cells]
    assert download.metadata == source.metadata
    code = [cell for cell in download.cells if cell.cell_type == "code"]
    assert [cell.source for cell in code] == [c.source for c in source.cells if c.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_opens_with_part_title_promise_strip(path: Path):
    article = built_site.article(f"notebooks/{path.stem}.html")
    assert article.find(class_="chapter-part").get_text(strip=True).startswith("Part ")
    title = article.find("h1")
    promise, strip = title.find_next_siblings()[:2]
    assert promise.name == "p"
    assert "chapter-strip" in strip["class"]
    assert re.search(r"\d+ minutes", strip.get_text())
    assert strip.find("a", download=True)["href"] == f"../downloads/{path.name}"
    made = nbformat.read(path, as_version=4).metadata["verified"]
    line = f"Verified with torch {made['torch']} and Python {made['python']} on {made['date']}."
    assert strip.find(class_="chapter-verified").get_text() == line


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_every_exercise_has_its_solution_folded_below(path: Path):
    article = built_site.article(f"notebooks/{path.stem}.html")
    boxes = article.find_all(lambda tag: {"exercise", "solution"} & set(tag.get("class", [])))
    exercises, solutions = boxes[0::2], boxes[1::2]
    assert exercises
    assert len(exercises) == len(solutions)
    for place, (exercise, solution) in enumerate(zip(exercises, solutions, strict=True), start=1):
        assert exercise.get_text().strip().startswith(f"Exercise {int(path.stem[:2])}.{place} ")
        assert {"solution", "dropdown"} <= set(solution["class"])
        assert re.search(r"\bdef |\blambda\b", solution.find("pre").get_text())


def test_landing_page_opens_with_an_explorable_and_three_doors():
    hero = built_site.article("book/intro.html").find(class_="hero")
    assert len(hero.find_all(class_="explorable")) == 1 or "explorable" in str(hero.find("script"))
    doors = hero.find(class_="doors").find_all("p")
    assert [door.find("a").get_text() for door in doors] == ["Read", "Run", "Teach"]
