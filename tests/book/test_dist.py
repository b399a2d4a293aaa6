"""Zip, EPUB and PDF, made by the command from a few pages of the built site, and opened."""

from __future__ import annotations

import os
import posixpath
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

import built_site
import pypdf
import pytest
from chromium import find_chromium
from zero_dist.archive import zip_folder
from zero_dist.browser import without_glyph
from zero_dist.whole import Book, listed, read_pages

NAMES = ("book/how_to_use", "notebooks/02_autograd", "book/glossary")
BOOK = Book.read()
XHTML = "{http://www.w3.org/1999/xhtml}"
MATHML = "{http://www.w3.org/1998/Math/MathML}"
OPF = "{http://www.idpf.org/2007/opf}"
TEX = re.compile(r"\\[([]|\$[^$]*\\")


def make_dist(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "zero_dist", *arguments],
        cwd=built_site.SITE.parents[1],
        env=os.environ | {"PYTHONPATH": "book/_ext"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def made(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with all three, of a few pages."""
    if find_chromium() is None:
        pytest.skip("no Chromium found")
    out = tmp_path_factory.mktemp("dist")
    done = make_dist("--site", str(site), "--out", str(out), *NAMES)
    assert done.returncode == 0, done.stderr
    assert [line.split(":")[0] for line in done.stdout.splitlines()[:3]] == [
        str(out / f"pytorch-from-zero{ending}") for ending in ("-site.zip", ".epub", ".pdf")
    ]
    return out


# --- the zip ------------------------------------------------------------------------------------------------


def test_the_zip_holds_the_site(made: Path, site: Path):
    with zipfile.ZipFile(made / "pytorch-from-zero-site.zip") as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert archive.read("index.html") == (site / "index.html").read_bytes()
        assert {entry.date_time[:3] for entry in archive.infolist()} == {
            (BOOK.date.year, BOOK.date.month, BOOK.date.day)
        }
    assert names == sorted(names)
    assert set(names) == {path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()}


def test_a_zip_does_not_know_when_it_was_made(tmp_path: Path):
    made = []
    for place, order in enumerate(("ab", "ba")):
        folder = tmp_path / str(place)
        folder.mkdir()
        for name in order:
            (folder / name).write_text(name)
            os.utime(folder / name, (1e9 * (place + 1),) * 2)
        zip_folder(tmp_path / f"{place}.zip", folder, BOOK.date)
        made.append((tmp_path / f"{place}.zip").read_bytes())
    assert made[0] == made[1]


# --- the EPUB -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def epub(made: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(made / "pytorch-from-zero.epub")


@pytest.fixture(scope="module")
def texts(epub: zipfile.ZipFile) -> dict[str, ElementTree.Element]:
    """Every file of XHTML, parsed: each is well-formed."""
    return {
        name: ElementTree.fromstring(epub.read(name)) for name in epub.namelist() if name.endswith(".xhtml")
    }


@pytest.fixture(scope="module")
def package(epub: zipfile.ZipFile) -> ElementTree.Element:
    return ElementTree.fromstring(epub.read("book/package.opf"))


def file_of(name: str) -> str:
    return f"book/{name.replace('/', '-')}.xhtml"


def test_the_epub_says_first_what_it_is(epub: zipfile.ZipFile):
    assert epub.testzip() is None
    first = epub.infolist()[0]
    assert (first.filename, first.compress_type, first.extra) == ("mimetype", zipfile.ZIP_STORED, b"")
    assert epub.read("mimetype") == b"application/epub+zip"
    assert b'full-path="book/package.opf"' in epub.read("META-INF/container.xml")


def test_every_file_is_listed_and_every_listed_file_is_there(epub: zipfile.ZipFile, package):
    items = {item.get("id"): item.get("href") for item in package.iter(f"{OPF}item")}
    assert {f"book/{path}" for path in items.values()} == {
        name for name in epub.namelist() if name.startswith("book/") and name != "book/package.opf"
    }
    order = [f"book/{items[each.get('idref')]}" for each in package.iter(f"{OPF}itemref")]
    assert order == ["book/cover.xhtml", "book/nav.xhtml", *map(file_of, NAMES)]


def test_the_package_describes_the_book(package):
    said = " ".join(text.strip() for text in package.itertext() if text.strip())
    for text in (BOOK.title, BOOK.author, str(BOOK.date), "MathML", "alternativeText", "CC BY 4.0"):
        assert text in said


def test_links_and_pictures_of_the_epub_lead_somewhere(epub: zipfile.ZipFile, texts):
    ids = {}
    for name, text in texts.items():
        found = [node.get("id") for node in text.iter() if node.get("id")]
        assert len(found) == len(set(found)), name
        ids[name] = set(found)
    internal = 0
    for name, text in texts.items():
        for node in text.iter():
            address = urlsplit(node.get("href") or node.get("src") or "")
            if address.scheme or not (address.path or address.fragment):
                continue
            target = (
                posixpath.normpath(posixpath.join("book", unquote(address.path))) if address.path else name
            )
            assert target in epub.namelist(), (name, address)
            assert not address.fragment or unquote(address.fragment) in ids[target], (name, address)
            internal += 1
    assert internal > 30
    across = texts[file_of("notebooks/02_autograd")].iter(f"{XHTML}a")
    assert any(link.get("href", "").startswith("book-glossary.xhtml#") for link in across)


def test_nothing_in_the_epub_waits_for_a_script_or_a_hand(texts):
    for name, text in texts.items():
        tags = {node.tag.removeprefix(XHTML) for node in text.iter()}
        assert not tags & {"script", "style", "button", "input", "textarea", "form", "details", "summary"}, (
            name
        )
        assert not [tag for tag in tags if tag.startswith("mjx")], name
        assert not [key for node in text.iter() for key in node.attrib if key.startswith("on")], name


def prose(node: ElementTree.Element) -> str:
    """The text of a node without its code."""
    own = node.text or "" if node.tag not in {f"{XHTML}pre", f"{XHTML}code"} else None
    return ("" if own is None else own + "".join(map(prose, node))) + (node.tail or "")


@pytest.mark.parametrize("name", NAMES)
def test_every_formula_is_mathml_and_no_tex_is_left(texts, name: str):
    text = texts[file_of(name)]
    formulas = list(text.iter(f"{MATHML}math"))
    assert len(formulas) == len(built_site.article(f"{name}.html").select(".math"))
    assert all(len(formula) and formula.get("alttext") for formula in formulas)
    assert not list(text.iter(f"{MATHML}merror"))
    assert not TEX.search(prose(text))


def test_headings_code_and_figures_of_a_chapter_are_in_the_epub(texts):
    article = built_site.article("notebooks/02_autograd.html")
    text = texts[file_of("notebooks/02_autograd")]
    written = " ".join("".join(text.itertext()).split())
    headings = [heading.get_text().removesuffix("#") for heading in article.find_all(["h1", "h2", "h3"])]
    assert [heading for heading in headings if heading not in written] == []
    images = list(text.iter(f"{XHTML}img"))
    assert len(images) == len(article.find_all("img")) + len(article.select(".explorable"))
    assert all(len(image.get("alt", "").split()) >= 4 for image in images)
    assert written.count("Alive at “2 · Autograd") == len(article.select(".explorable"))
    shown = article.select(".cell_input pre")
    hidden = article.select("details.above-input .cell_input pre")
    solutions = article.select(".solution pre")
    assert sum(1 for _ in text.iter(f"{XHTML}pre")) >= len(shown) - len(hidden) + len(solutions)


def test_the_contents_name_parts_and_pages(texts):
    (top,) = texts["book/nav.xhtml"].iter(f"{XHTML}nav")
    parts = {"".join(part.itertext()) for part in top.iter(f"{XHTML}span")}
    assert parts == {part for name, part in listed() if name in NAMES}
    links = {link.get("href"): "".join(link.itertext()) for link in top.iter(f"{XHTML}a")}
    assert list(links) == [file_of(name).removeprefix("book/") for name in NAMES]
    assert links["notebooks-02_autograd.xhtml"] == "2 · Autograd, by hand and by machine"


# --- the PDF ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pdf(made: Path) -> pypdf.PdfReader:
    return pypdf.PdfReader(made / "pytorch-from-zero.pdf")


def titles(outline) -> list[str]:
    return [
        title for entry in outline for title in (titles(entry) if isinstance(entry, list) else [entry.title])
    ]


def test_the_outline_has_parts_chapters_and_sections(pdf: pypdf.PdfReader):
    top = [entry.title for entry in pdf.outline if not isinstance(entry, list)]
    assert top == ["Contents", "Before you start", "Part I · Foundations", "For looking up"]
    chapters = [entry.title for entry in pdf.outline[4] if not isinstance(entry, list)]
    assert chapters == ["2 · Autograd, by hand and by machine"]
    sections = [
        heading.get_text().rstrip("#") for heading in built_site.article("notebooks/02_autograd.html")("h2")
    ]
    assert set(sections) <= set(titles(pdf.outline))


def test_the_contents_say_on_which_page_a_chapter_begins(pdf: pypdf.PdfReader):
    begins = {entry[0].title: entry[0].page for entry in pdf.outline if isinstance(entry, list)}
    lines = pdf.pages[1].extract_text().splitlines()
    for title, page in begins.items():
        number = pdf.get_page_number(page.get_object()) + 1
        assert any(line.startswith(title) and line.endswith(f"{number}") for line in lines), (title, lines)


def test_the_pdf_holds_the_text_within_the_paper(pdf: pypdf.PdfReader):
    outside, text = [], []

    def look(piece: str, cm, tm, _font, _size) -> None:
        x = tm[4] * cm[0] + cm[4]
        if piece.strip() and not 0 < x < width:
            outside.append(piece)

    for page in pdf.pages:
        width, height = float(page.mediabox.width), float(page.mediabox.height)
        assert (round(width), round(height)) == (595, 842), "A4"
        text.append(page.extract_text(visitor_text=look))
    assert not outside
    words = re.sub(r"\s+", "", "".join(text))
    for page in read_pages(built_site.SITE, NAMES):
        for heading in page.article.find_all(["h1", "h2", "h3"]):
            assert re.sub(r"\s+", "", heading.get_text().removesuffix("#")) in words
    first = re.sub(r"\s+", " ", text[0])
    assert BOOK.title in first
    assert BOOK.author in first
    assert "CC BY 4.0" in first
    assert re.search(r"\b4\b", text[3]), "pages are numbered"


def test_every_font_of_the_pdf_is_embedded(pdf: pypdf.PdfReader):
    fonts = {}
    for page in pdf.pages:
        for font in page["/Resources"].get("/Font", {}).values():
            fonts[font.get_object().get("/BaseFont")] = font.get_object()
    assert len(fonts) > 3
    for name, font in fonts.items():
        held = font["/DescendantFonts"][0].get_object() if "/DescendantFonts" in font else font
        described = held.get("/FontDescriptor", {})
        assert held["/Subtype"] == "/Type3" or {"/FontFile", "/FontFile2", "/FontFile3"} & set(described), (
            name
        )


def test_links_of_the_pdf_stay_in_it(pdf: pypdf.PdfReader):
    inside, outside = 0, []
    for page in pdf.pages:
        for annotation in page.get("/Annots", []):
            note = annotation.get_object()
            if note.get("/Subtype") != "/Link":
                continue
            address = note.get("/A", {}).get("/URI")
            inside += address is None
            outside += [address] if address else []
    assert inside > 20
    assert not [address for address in outside if "127.0.0.1" in address or "whole-book" in address]


def test_the_pdf_says_what_it_is(pdf: pypdf.PdfReader):
    assert pdf.metadata.title == BOOK.title
    assert pdf.metadata.creation_date.date() == BOOK.date
    assert pdf.trailer["/Root"]["/MarkInfo"]["/Marked"] == True  # noqa: E712, pypdf's own truth value
    assert pdf.trailer["/Root"]["/Lang"].lower().startswith("en")


def test_letters_without_a_font_are_named(offline_page):
    page = offline_page().page
    page.set_content("<p>\ue5e6</p><article>An é and a \ue5e7.</article>")
    assert without_glyph(page) == "\ue5e7"


# --- what is missing ----------------------------------------------------------------------------------------


def test_a_missing_site_says_what_to_run(tmp_path: Path):
    done = make_dist("--site", str(tmp_path), "--out", str(tmp_path / "dist"))
    assert done.returncode == 1
    assert "make book" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "dist").exists()


def test_a_missing_chromium_says_so(site: Path, tmp_path: Path):
    done = make_dist("--site", str(site), "--out", str(tmp_path / "dist"), CHROMIUM=str(tmp_path / "none"))
    assert done.returncode == 1
    assert "no Chromium" in done.stderr
    assert "CHROMIUM" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_page_is_refused(site: Path, tmp_path: Path):
    done = make_dist("--site", str(site), "--out", str(tmp_path / "dist"), "notebooks/99_nothing")
    assert done.returncode == 1
    assert "99_nothing" in done.stderr
