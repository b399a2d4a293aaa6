"""What a statement forbids is checked, and only that: a violation is told, an honest answer never refused."""

from __future__ import annotations

import json
import linecache
import re
import types

import pytest
import torch
from every_exercise import EXERCISES

from course_classroom import checker, checker_builder
from course_classroom.chapter_exercises import find_stubs
from course_exercises.exercise import BOOK_SEED
from course_exercises.rules import AUTOGRAD, LOOP, words_in, words_of

FORBIDDING = {key: exercise for key, exercise in EXERCISES.items() if exercise.without}
HEAD = "import torch\nimport torch.nn.functional as F\nfrom torch import nn\n"

# Right answers that do what is forbidden, and the word for it.
VIOLATIONS = {
    "tensors.standardise": [
        (LOOP, "def standardise(x):\n    columns = [(c - c.mean()) / c.std(correction=0) for c in x.T]\n    return torch.stack(columns, dim=1)"),
        (LOOP, "def column(c):\n    return (c - c.mean()) / c.std(correction=0)\n\ndef each(x):\n    out = torch.empty_like(x)\n    for i in range(x.shape[1]):\n        out[:, i] = column(x[:, i])\n    return out\n\ndef standardise(x):\n    return each(x)"),
    ],
    "tensors.squared_distances": [
        (LOOP, "def squared_distances(x, y):\n    return torch.stack([((x - p) ** 2).sum(1) for p in y], dim=1)"),
        (LOOP, "def squared_distances(x, y):\n    rows, i = [], 0\n    while i < len(x):\n        rows.append(((x[i] - y) ** 2).sum(1))\n        i += 1\n    return torch.stack(rows)"),
    ],
    "linear_regression.line_gradient": [
        (AUTOGRAD, "def line_gradient(x, y, w, b):\n    w, b = (t.clone().requires_grad_() for t in (w, b))\n    return torch.autograd.grad(((w * x + b - y) ** 2).mean(), (w, b))"),
        (AUTOGRAD, "def line_gradient(x, y, w, b):\n    return torch.func.grad(lambda p: ((p[0] * x + p[1] - y) ** 2).mean())((w, b))"),
    ],
    "data_and_modules.huber": [
        ("huber_loss", "def huber(predictions, targets, delta):\n    return F.huber_loss(predictions, targets, delta=delta)"),
        ("huber_loss", "from torch.nn.functional import huber_loss as loss\n\nhuber = lambda p, t, d: loss(p, t, delta=d)"),
        ("smooth_l1_loss", "def huber(predictions, targets, delta):\n    return delta * F.smooth_l1_loss(predictions, targets, beta=delta)"),
        ("HuberLoss", "def huber(predictions, targets, delta):\n    return nn.HuberLoss(delta=delta)(predictions, targets)"),
        ("SmoothL1Loss", "def huber(predictions, targets, delta):\n    from torch.nn import SmoothL1Loss\n    return delta * SmoothL1Loss(beta=delta)(predictions, targets)"),
    ],
    "mnist_classifier.log_softmax": [
        ("log_softmax", "def log_softmax(logits):\n    return logits.log_softmax(dim=1)"),
        ("log_softmax", "def log_softmax(logits):\n    return torch.log_softmax(logits, 1)"),
        ("logsumexp", "def log_softmax(logits):\n    return logits - torch.logsumexp(logits, 1, keepdim=True)"),
        ("LogSoftmax", "def log_softmax(logits):\n    return nn.LogSoftmax(dim=1)(logits)"),
    ],
    "mnist_classifier.cross_entropy": [
        ("cross_entropy", "def cross_entropy(logits, labels):\n    return F.cross_entropy(logits, labels)"),
        ("CrossEntropyLoss", "def cross_entropy(logits, labels):\n    return nn.CrossEntropyLoss()(logits, labels)"),
    ],
    "hardware.to_bf16": [
        ("bfloat16", "def to_bf16(x):\n    return x.float().bfloat16().double()"),
        ("bfloat16", "def to_bf16(x):\n    return x.float().to(torch.bfloat16).double()"),
    ],
}  # fmt: skip

# Right answers that only look like a violation.
HONEST = {
    "data_and_modules.huber": [
        "def huber_loss(r, d):\n    return torch.where(r <= d, r**2 / 2, d * (r - d / 2))\n\ndef huber(p, t, d):\n    return huber_loss((p - t).abs(), d).mean()",
        "def huber(p, t, d):\n    '''As F.huber_loss does.'''\n    size = (p - t).abs()  # not F.smooth_l1_loss\n    smooth_l1_loss = torch.where(size <= d, size**2 / 2, d * (size - d / 2))\n    return smooth_l1_loss.mean()",
    ],
    "linear_regression.line_gradient": [
        "def line_gradient(x, y, w, b):\n    with torch.no_grad():\n        grad = 2 * (w * x + b - y)\n        return (grad * x).mean(), grad.mean()",
    ],
    "mnist_classifier.cross_entropy": [
        "def cross_entropy(logits, labels):\n    rows = torch.arange(len(labels))\n    return -logits.log_softmax(1)[rows, labels].mean()",
    ],
    "tensors.standardise": [
        "from course_lib.text.tokenizers import tokenizer_from_json\n\ndef standardise(x):\n    tokenizer_from_json\n    return (x - x.mean(0)) / x.std(0, correction=0)",
        "def standardise(x):\n    try:\n        loop = x.mean(0)\n    except ValueError:\n        loop = 0\n    return (x - loop) / x.std(0, correction=0)",
    ],
}  # fmt: skip


def defined(source: str, name: str, *, readable: bool):
    """What a notebook's cell leaves under a name, with or without its source at hand."""
    file = f"<cell {abs(hash(source))}>"
    if readable:
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    module = types.ModuleType("__main__")
    exec(compile(source, file, "exec"), module.__dict__)
    return module.__dict__[name]


def flat(table: dict) -> list:
    return [
        pytest.param(key, entry, id=f"{key}-{i}")
        for key, rows in table.items()
        for i, entry in enumerate(rows)
    ]


@pytest.mark.parametrize("readable", [True, False], ids=["source", "code"])
@pytest.mark.parametrize(("key", "entry"), flat(VIOLATIONS))
def test_a_right_answer_that_does_what_is_forbidden_is_told(key, entry, readable):
    word, source = entry
    readable = readable or "while" in source  # such a loop is found in the source alone
    exercise = FORBIDDING[key]
    verdict = exercise.judge(defined(HEAD + source, exercise.name, readable=readable))
    assert (verdict.status, verdict.family, verdict.right_cases) == ("wrong", "forbidden", 0), verdict.message
    assert "The values are right" in verdict.message
    assert ("a loop" if word == LOOP else word) in verdict.message


@pytest.mark.parametrize(("key", "entry"), flat(VIOLATIONS))
def test_the_checker_that_students_get_refuses_it_in_the_same_words(key, entry):
    exercise = FORBIDDING[key]
    known = json.loads(json.dumps(checker_builder.locked(exercise, "topic/name", BOOK_SEED)))
    answer = defined(HEAD + entry[1], exercise.name, readable=True)
    told = checker.Checker({"topic/name": known}).posed("topic/name", answer).judge(answer)
    assert (told.status, told.message) == ("wrong", exercise.judge(answer).message)


@pytest.mark.parametrize(("key", "entry"), flat(VIOLATIONS))
def test_marking_finds_it_in_the_cells(key, entry):
    word, source = entry
    exercise = FORBIDDING[key]
    right = [exercise.reference(*case) for case in exercise.cases()]
    for cells in ([HEAD, source], ["%matplotlib inline\n" + HEAD + source], source.rpartition("\n\n")[::2]):
        verdict = exercise.judge_outcomes(right, words=words_in([*cells], exercise.name))
        assert (verdict.status, verdict.family) == ("wrong", "forbidden"), (word, cells)


@pytest.mark.parametrize("readable", [True, False], ids=["source", "code"])
@pytest.mark.parametrize(("key", "source"), flat(HONEST))
def test_an_honest_answer_is_right(key, source, readable):
    exercise = FORBIDDING[key]
    answer = defined(HEAD + source, exercise.name, readable=readable)
    assert exercise.judge(answer).status == "right", words_of(answer)
    right = [exercise.reference(*case) for case in exercise.cases()]
    assert exercise.judge_outcomes(right, words=words_in([HEAD, source], exercise.name)).status == "right"


def test_a_library_function_for_an_answer_is_known_by_its_name():
    def huber(p, t, d):
        return torch.nn.functional.huber_loss(p, t, delta=d)

    assert words_of(torch.log_softmax) == {"log_softmax"}
    assert words_of(torch.nn.functional.cross_entropy) == {"cross_entropy"}
    assert "huber_loss" in words_of(huber)


def test_every_prohibition_has_a_violation():
    assert VIOLATIONS.keys() == FORBIDDING.keys()
    for key, exercise in FORBIDDING.items():
        assert {word for word, _ in VIOLATIONS[key]} == set(exercise.without)


# Words of a statement that forbid something, and statements in which they forbid nothing.
FORBIDS = re.compile(
    r"\b(?:no \w+|without|neither|do not|don't|but not|must|in one line|at most|alone)\b|with one `", re.I
)
HARMLESS = {
    "autograd/linear_backward": {"alone"},  # "that alone almost settles the answer"
    "assistant/answer_targets": {"without"},  # "without the last token": what the model reads
    "assistant/group_advantages": {"No group"},  # what the inputs are
    "shipping/integer_linear": {"without"},  # "without a bias": what the layer is
}


def test_a_statement_forbids_only_what_is_checked():
    for stub in find_stubs():
        exercise = EXERCISES[stub.exercise.replace("/", ".")]
        found = set(FORBIDS.findall(stub.text.partition("From the chapter")[0])) - HARMLESS.get(
            stub.exercise, set()
        )
        assert bool(found) == bool(exercise.without), (stub.exercise, found)
        for word in exercise.without:
            plain = word.removesuffix("Loss").lower().replace("_", "")
            assert plain in stub.text.lower().replace("_", ""), (stub.exercise, word)
