"""What honest students do to a notebook costs them nothing: they get the right mark, or a person looks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from small_submissions import ASSIGNMENT, BLANK, LOSS, PREDICTION, RIGHT, RNN, code, hand_in, notebook

from course_classroom.assignment import Item
from course_classroom.marking import mark, questions
from course_classroom.marks import Mark
from course_classroom.sandbox import Limits, Sandbox
from course_classroom.submissions import Unreadable, read_notebook

RIGHT_RNN = RIGHT[RNN]
WRONG_RNN = RIGHT_RNN.replace("return torch.tanh(", "return torch.sin(")
ROLE = {"role": "answer", "exercise": RNN.exercise}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Limits(cell_seconds=8, call_seconds=6)) as made:
        yield made


def marked(sandbox: Sandbox, folder: Path, cells: list[dict], **metadata) -> Mark:
    """The mark of `rnn_step` in a notebook with these cells in the place of its own."""
    content = notebook({PREDICTION: RIGHT[PREDICTION]})
    content["cells"] += cells
    content["metadata"] = metadata or content["metadata"]
    read, _ = read_notebook(hand_in(folder, "ada", content), ASSIGNMENT)
    return mark(read, questions(ASSIGNMENT)[1:2], sandbox)[0][0]


def answers(*sources: str) -> list[dict]:
    return [code(source, **ROLE) for source in sources]


DONE = {
    "split before a try-out": answers(RIGHT_RNN, "rnn_step(*[torch.ones(2, 2)] * 4, torch.ones(2)).shape"),
    "split before a try-out that fails": answers(RIGHT_RNN, "rnn_step(1)"),
    "split, the second half a comment": answers(RIGHT_RNN, "# my notes"),
    "split, helper first": answers("act = torch.tanh", RIGHT_RNN.replace("torch.tanh", "act")),
    "the stub kept above": answers(BLANK[RNN], RIGHT_RNN),
    "a blank copy pasted below": answers(RIGHT_RNN, BLANK[RNN]),
    "a wrong try above": answers(WRONG_RNN, RIGHT_RNN),
    "in the check's cell": [
        *answers(BLANK[RNN]),
        code(f"{RIGHT_RNN}\ncheck('{RNN.exercise}', rnn_step)", role="check", exercise=RNN.exercise),
    ],
    "a command's output": answers(f"files = !ls\n{RIGHT_RNN}"),
    "a timing kept": answers(f"{RIGHT_RNN}\nt = %timeit -o rnn_step(1)\nprint(f'{{t.average:.3g}}')"),
    "await": answers(f"import asyncio\nawait asyncio.sleep(0)\n{RIGHT_RNN}"),
    "get_ipython": answers(f"get_ipython().run_line_magic('matplotlib', 'inline')\n{RIGHT_RNN}"),
    "a command over two lines": answers(f"!pip install a && \\\n   pip install b\n{RIGHT_RNN}"),
    "pandas above": answers(f"import nothing_like_pandas as pd\n{RIGHT_RNN}"),
    "Colab's files above": answers(f"from google.colab import files\nfiles.upload()\n{RIGHT_RNN}"),
    "a mistake above in the same cell": answers(f"1 / 0\n{RIGHT_RNN}"),
    "the dots left below the return": answers(f"{RIGHT_RNN}\n    ..."),
    "a lambda": answers(
        "rnn_step = lambda x, s, wi, wh, b: torch.tanh(x @ wi.mT + s @ wh.mT + b)",
    ),
    "an array": answers(f"{RIGHT_RNN}.numpy()"),
    "no metadata of the cell": [code(RIGHT_RNN)],
}  # fmt: skip


@pytest.mark.parametrize("name", DONE)
def test_a_right_answer_gets_its_points(sandbox, tmp_path, name):
    got = marked(sandbox, tmp_path, DONE[name])
    assert (got.status, got.points) == ("ok", 2), got


def test_a_notebook_without_metadata_is_known_by_its_answers(sandbox, tmp_path):
    got = marked(sandbox, tmp_path, [code(RIGHT_RNN)], kernelspec={"name": "python3"})
    assert got.status == "ok"
    content = notebook({}) | {"metadata": {}}
    with pytest.raises(Unreadable, match="does not say which assignment it belongs to"):
        read_notebook(hand_in(tmp_path, "ben", content), ASSIGNMENT)


def rnn(body: str) -> str:
    return f"{RIGHT_RNN.splitlines()[0]}\n    {body}"


LOOKED_AT = {
    "cuda": (answers(rnn("return torch.tanh(x.to('cuda') @ weight_ih.mT.to('cuda'))")), "cuda|CUDA|NVIDIA"),
    "a package inside": (answers(rnn("import nothing_like_pandas\n    return x")), "nothing_like_pandas"),
    "the library's own": (answers("from course_lib.models import recurrent"), "course_lib"),
    "in another cell": ([*answers(BLANK[RNN]), code(RIGHT_RNN)], "outside its cell"),
    "right above wrong": (answers(RIGHT_RNN, WRONG_RNN), "Several cells"),
}  # fmt: skip


@pytest.mark.parametrize("name", LOOKED_AT)
def test_what_may_be_right_is_looked_at_by_a_person(sandbox, tmp_path, name):
    cells, said = LOOKED_AT[name]
    got = marked(sandbox, tmp_path, cells)
    assert (got.status, got.points) == ("look", 0), got
    assert any(word in got.message for word in said.split("|")), got


TOLD = {
    "left as it is": (answers(BLANK[RNN]), "unanswered", "not answered yet"),
    "begun": (answers(rnn("total = x @ weight_ih.mT\n    ...")), "unanswered", "not answered yet"),
    "no return": (answers(rnn("torch.tanh(x)")), "wrong", "did you forget `return`?"),
    "another shape": (answers(rnn("return torch.zeros(7)")), "wrong", "The shape is (7,)"),
    "undefined": (answers(rnn("return torch.tanh(x @ weight_ih.mT * float('nan'))")), "wrong", "NaN"),
}


@pytest.mark.parametrize("name", TOLD)
def test_a_wrong_answer_is_told_what_is_wrong(sandbox, tmp_path, name):
    cells, status, said = TOLD[name]
    got = marked(sandbox, tmp_path, cells)
    assert (got.status, got.points) == (status, 0), got
    assert said in got.message


FORBIDDEN = "def loss(z, y):\n    return F.cross_entropy(z, y)"
OWN = "def loss(z, y):\n    return -z.log_softmax(1)[torch.arange(len(y)), y].mean()"


@pytest.mark.parametrize(("helper", "status"), [(FORBIDDEN, "wrong"), (OWN, "ok")])
def test_what_an_exercise_forbids_is_found_in_a_helper_of_another_cell(sandbox, tmp_path, helper, status):
    item = Item("mnist_classifier/cross_entropy", "cross_entropy", "implement", 2, "Digits")
    asked = replace(ASSIGNMENT, items=(item,))
    answer = "def cross_entropy(logits, labels):\n    return loss(logits, labels)"
    cells, _ = read_notebook(hand_in(tmp_path, "ada", notebook({item: answer}, before=helper)), asked)
    (got,) = mark(cells, questions(asked), sandbox)[0]
    assert got.status == status, got
    assert status == "ok" or "without `cross_entropy`" in got.message


@pytest.mark.parametrize("form", ["'{}'", "torch.tensor([{}])", "[{}]", "torch.tensor([[{}]])"])
def test_the_right_number_in_another_form_is_looked_at(sandbox, tmp_path, form):
    value = PREDICTION.load().reference(*PREDICTION.load().cases(ASSIGNMENT.seed)[0])
    content = notebook({PREDICTION: f"steps = {form.format(value)}"})
    cells, _ = read_notebook(hand_in(tmp_path, "ada", content), ASSIGNMENT)
    (got,) = mark(cells, questions(ASSIGNMENT)[:1], sandbox)[0]
    assert got.status == "look", got
    assert "The number is right, " in got.message


def test_no_hidden_input_is_told(sandbox, tmp_path):
    """Not by an exception's text or name, nor by a shape, nor by what an earlier call has kept."""
    asked = questions(ASSIGNMENT)
    secret = "".join(str(digit) for digit in (asked[3].cases[0][0].double().abs().flatten()[:3] * 1e4).int())
    leaks = (
        "seen = []\ndef padded_loss(logits, labels, pad):\n"
        "    seen.append(''.join(str(d) for d in (logits.double().abs().flatten()[:3] * 1e4).int()))\n"
        "    raise type('E' + '_'.join(seen), (ValueError,), {})(' '.join(seen) + ' /home/prof/secret/a.py')"
    )
    content = notebook(RIGHT | {LOSS: leaks})
    cells, _ = read_notebook(hand_in(tmp_path, "eve", content), ASSIGNMENT)
    marks, notes = mark(cells, asked, sandbox)
    said = " ".join([*(m.message for m in marks), *notes])
    assert "It raised" in said
    assert secret not in said
    assert "/home" not in said
