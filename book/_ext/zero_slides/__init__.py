"""A deck of slides for each chapter, for reveal.js, from the chapter's own notebook.

tags.py         what a cell's tag says about slides
markdown.py     a chapter's text, cut into headings, formulas, boxes and prose, without directives
leads.py        the sentence that leads to a formula, the one that names its letters
slides.py       cells in, slides out: what is shown, what is shown later, what only the speaker reads
deck.py         the step of nbconvert that lays out a notebook as slides
folder.py       all decks in one folder of the site, with everything they load

`make slides` writes the folder. One chapter goes through nbconvert's own command as well:

    PYTHONPATH=book/_ext jupyter nbconvert --to slides --template slides \\
        --TemplateExporter.extra_template_basedirs=book/templates \\
        --output-dir _build/html/slides --output 09_attention notebooks/09_attention.ipynb

A book's paragraphs make bad slides: what stands on a slide is a heading, a question, a formula, a few lines
of code, what they print and what they draw. The prose between goes to the speaker's notes (key S).
"""
