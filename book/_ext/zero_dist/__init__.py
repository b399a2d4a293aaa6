"""The book to carry away: `make dist` writes the site as a zip, an EPUB and a PDF.

browser.py   Chromium, a server for it, and waiting until a page is at rest
whole.py     every page of the table of contents in one document; whole.css sets it as a book
epub.py      the EPUB: epub.js turns what Chromium shows into XHTML, MathML and pictures; epub.css
archive.py   zip files that are the same whenever they are made
__main__.py  the command

EPUB and PDF are both taken from the one document in Chromium, with formulas typeset, explorables drawn, and
book.js at work, which lays every page out for paper.
"""
