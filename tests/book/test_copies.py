"""Copies of the chapters: plain Markdown all through, and a reader's own that no update overwrites."""

from __future__ import annotations

import random
import re
from pathlib import Path

import copies
import nbformat
import pytest
from zero_book.travelling import copy_of, number_of, plain_markdown

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
MYST = re.compile(
    r":::|^```\{|\{[a-z][\w:.-]*\}`|^:\w+: |^\([\w:.-]+\)=|^\+\+\+|\$\$ *\([\w:.-]+\) *$|\]\(\.\./",
    re.MULTILINE,
)
# The titles of boxes, and the numbers of exercises.
ADDED = {"Exercise", "Prediction", "Goes", "wrong", "In", "the", "library", "Going", "further"} | {
    str(number) for number in range(20)
}
MARKS = re.compile(r":{3,}\{[\w-]+\}|^:label:.*$|^:::$|\]\(\.\./\S*\)|[^\w]", re.MULTILINE)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_copy_has_no_mark_of_myst_and_loses_no_word(path):
    source = nbformat.read(path, as_version=4)
    copy = copy_of(source, number_of(f"notebooks/{path.stem}"))
    nbformat.validate(copy)
    for before, after in zip(source.cells, copy.cells, strict=True):
        if before.cell_type == "code":
            assert after.source == before.source
            continue
        assert not MYST.search(after.source), after.source
        words = MARKS.sub(" ", before.source).split()
        left = MARKS.sub(" ", after.source).split()
        for word in words:
            assert word in left, f"{word!r} is missing"
            left.remove(word)
        assert not set(left) - ADDED, left


def test_exercises_are_numbered_as_in_the_pages():
    copy = copy_of(nbformat.read(ROOT / "notebooks" / "01_tensors.ipynb", as_version=4), 1)
    text = "\n".join(cell.source for cell in copy.cells if cell.cell_type == "markdown")
    found = re.findall(r"^> \*\*Exercise (1\.\d+): ", text, re.MULTILINE)
    assert found == [f"1.{place}" for place in range(1, len(found) + 1)]
    assert found


def test_each_kind_of_mark_becomes_markdown():
    source = """\
(here)=
## See {term}`tensor <tensors>`

% for the author
:::{goes-wrong} The *short* batch
:class: x
As {math}`x^2` says in (5.1), `{x}` and {doc}`one <01_tensors>`:

$$
y = x
$$ (label)

- one
- two
:::

::::{dropdown} A museum
Text.

```python
x = {"a": 1}  # {not}`a role`
```
::::

```{exercise} Sums
:label: ex-a-b

Add. [How](../book/faq.md#a), [one](01_tensors.ipynb#b).
```"""
    assert (
        plain_markdown(source, ["5.3"])
        == """\
## See tensor

> **Goes wrong: The *short* batch**
>
> As $x^2$ says in (5.1), `{x}` and one:
>
> $$ y = x $$
>
> - one
> - two

> **Going further: A museum**
>
> Text.
>
> ```python
> x = {"a": 1}  # {not}`a role`
> ```

> **Exercise 5.3: Sums**
>
> Add. How, [one](01_tensors.ipynb#b)."""
    )


def book(**chapters: str) -> dict[str, bytes]:
    """The copies of a small book."""
    return {f"{name}.ipynb": text.encode() for name, text in chapters.items()}


def test_the_first_time_everything_is_copied_and_the_second_time_nothing_is_told(tmp_path):
    mine = tmp_path / "mine"
    assert copies.update(mine, book(one="1", two="2")) == []
    assert {path.name: path.read_bytes() for path in mine.glob("*.ipynb")} == book(one="1", two="2")
    assert copies.update(mine, book(one="1", two="2")) == []


def test_an_answer_stays_and_an_untouched_copy_follows_the_book(tmp_path):
    copies.update(tmp_path, book(one="1", two="2"))
    (tmp_path / "one.ipynb").write_text("my answer", "utf-8")
    [told] = copies.update(tmp_path, book(one="1", two="2, better"))
    assert told.startswith("two.ipynb: the book has a newer version")
    assert (tmp_path / "one.ipynb").read_text("utf-8") == "my answer"
    assert (tmp_path / "two.ipynb").read_text("utf-8") == "2, better"


def test_where_both_have_changed_the_new_version_lies_beside(tmp_path):
    copies.update(tmp_path, book(one="1"))
    (tmp_path / "one.ipynb").write_text("my answer", "utf-8")
    [told] = copies.update(tmp_path, book(one="1, better"))
    [beside] = tmp_path.glob("one.new-*.ipynb")
    assert beside.name in told
    assert beside.read_text("utf-8") == "1, better"
    assert (tmp_path / "one.ipynb").read_text("utf-8") == "my answer"
    assert copies.update(tmp_path, book(one="1, better")) == [], "it has been said"
    beside.write_text("answers moved here", "utf-8")
    copies.update(tmp_path, book(one="1, better still"))
    assert sorted(path.read_text("utf-8") for path in tmp_path.glob("one*")) == [
        "1, better still",
        "answers moved here",
        "my answer",
    ]


def test_a_file_of_the_reader_s_own_is_never_taken_for_a_copy(tmp_path):
    (tmp_path / "one.ipynb").write_text("mine from before", "utf-8")
    (tmp_path / copies.GIVEN).write_text("[1, 2", "utf-8")
    [told] = copies.update(tmp_path, book(one="1"))
    assert "Yours is as you left it" in told
    assert (tmp_path / "one.ipynb").read_text("utf-8") == "mine from before"


def test_nothing_a_reader_wrote_is_ever_lost(tmp_path):
    """Any history of edits, deletions and updates."""
    chance = random.Random(0)
    written: set[str] = set()
    for turn in range(200):
        copies.update(tmp_path, book(one=f"1 v{chance.randrange(turn // 9 + 1)}", two="2"))
        files = sorted(tmp_path.glob("*.ipynb"))
        held = {path.read_text("utf-8") for path in files}
        assert written <= held
        chosen = chance.choice(files)
        text = chosen.read_text("utf-8")
        if chance.random() < 0.2:
            chosen.unlink()
            written.discard(text)
        elif chance.random() < 0.3:
            written.discard(text)
            written.add(f"answer {turn}")
            chosen.write_text(f"answer {turn}", "utf-8")


def test_git_ignores_the_reader_s_folder():
    assert "my_notebooks/" in (ROOT / ".gitignore").read_text("utf-8").splitlines()
    assert copies.MINE == ROOT / "my_notebooks"
