"""Claims: rulings that can change their mind, a ledger that keeps them, and the verdicts of today's torch."""

from __future__ import annotations

import inspect
import random
import warnings
from pathlib import Path
from typing import Any

import nbformat
import pytest
import torch

from course_exercises import claims
from course_exercises.claims.catalogue import CLAIMS, VERDICTS

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "claims.ipynb"

# What the page says under the torch it was written with. Another verdict means: rewrite that row's text.
TODAY = {
    "right": "C13 F1 F2 K3 Q1 Q4 A1",
    "right, with conditions": "C12 T6 T9",
    "half right": "F4 F5",
    "incomplete": "C1 C8 C16 K1 K5",
    "misleading": "C7 C9 Q2 T5",
    "outdated": "T2",
    "unproven": "T7",
    "wrong": "C2 C3 C4 C5 C6 C10 C11 C14 C15 F3 T1 T3 T4 T8 Q3",
    "does not run": "K2 K4",
}
EXPECTED = {identifier: verdict for verdict, names in TODAY.items() for identifier in names.split()}

# One faked behaviour a claim: facts that another torch might show, and the verdict they must lead to.
FAKED: dict[str, tuple[dict[str, Any], str]] = {
    "C1": ({"distinct_per_property": {"dtype": 1, "device": 1}}, "right"),
    "C2": ({"captured_runs": 10}, "not decided"),
    "C3": ({"leaf_that_does_not": True}, "right"),
    "C4": ({"inner_node": True}, "right"),
    "C5": ({"parameters": {"Linear": 7850, "ReLU": 2}}, "right"),
    "C6": ({"weights": 1}, "right"),
    "C7": ({"batch_is_plain_stack": False}, "right"),
    "C8": ({"on_fresh_data": 0.62}, "right"),
    "C9": ({"updates_in_one_epoch": 1}, "right"),
    "C10": ({"hooks_by_forward": 1, "eval_builds_graph": False}, "right"),
    "C11": ({"moved_by_backward": 0.4}, "right"),
    "C12": ({"reached": {"from -1.5": -1.515, "from 1.5": -1.515}}, "right"),
    "C13": ({"tuned": 0.6}, "wrong"),
    "C14": ({"pretrained_start": 0.1}, "right"),
    "C15": ({"attention": 0.0}, "right"),
    "C16": ({"later_words_seen_when_masked": True}, "right"),
    "F1": ({"worst_gap": 1e-3}, "wrong"),
    "F2": ({"worst_gap": 1e-3}, "wrong"),
    "F3": ({"shape": (), "slopes": [4.0, 4.0, 4.0]}, "right"),
    "F4": ({"worst_gap": 0.1}, "wrong"),
    "F5": ({"batch_as_written": True}, "right"),
    "K1": ({"accuracy": 0.1}, "wrong"),
    "K2": ({"undefined_name": "", "dropout_became": "dropout", "construction": "", "one_input": ""}, "runs"),
    "K3": ({"parameters": 10}, "wrong"),
    "K4": ({"error": "", "loss_shape": (8,)}, "runs"),
    "K5": ({"command_names_a_version": True}, "right"),
    "T1": ({"in_torch": True}, "right"),
    "T2": ({"jit_warnings": ()}, "right"),
    "T3": ({"adagrad_shrinks_to": 1.0}, "right"),
    "T4": ({"little_adam": [0.99, 0.98], "much_sgd": [0.99, 0.98]}, "right"),
    "T5": ({"ahead_late": "SGD"}, "right"),
    "T6": ({"flops_by_rows": 1.0, "bytes_by_rows": 1.0}, "wrong"),
    "T7": ({"old_program_warnings": ("FutureWarning",)}, "not decided"),
    "T8": ({"captured_graphs": 3}, "not decided"),
    "T9": ({"small_step_lost": False}, "right"),
    "Q1": ({"state_restored": False}, "wrong"),
    "Q2": ({"same_tensor": True, "tensor_changed": True}, "right"),
    "Q3": ({"function_trains": False}, "right"),
    "Q4": ({"guessing": 0.1}, "wrong"),
    "A1": ({"error": 1.7}, "wrong"),
}


# Facts that say neither: what an experiment that failed, or another torch, might leave.
NEITHER: dict[str, dict[str, Any]] = {
    "C1": {"distinct_per_property": {}},
    "C2": {"eager_runs": 0, "captured_runs": 0},
    "C3": {"leaf_that_asks": False, "leaf_that_does_not": True},
    "C4": {"leaf": False},
    "C5": {"parameters": {}},
    "C8": {"chosen_on_test": 0.5, "on_fresh_data": 0.6},
    "C9": {"updates_in_one_epoch": 0},
    "C10": {"hooks_by_call": 0, "hooks_by_forward": 0, "eval_builds_graph": False},
    "C11": {"moved_by_backward": 0, "moved_by_step": 0},
    "C12": {"reached": {"from -1.5": -1.515}, "reached_convex": 5.0},
    "C13": {"before": 0.6, "tuned": 0.71, "fresh": 0.7},
    "C14": {"fresh_start": 0.1, "pretrained_start": 0.2},
    "C15": {"layers": 2},
    "C16": {"later_words_seen": False},
    "F3": {"slopes_are_products": False},
    "Q2": {"module_changed": False},
    "Q3": {"function_trains": True, "worst_gap": 0.1},
    "T1": {"in_torch": False, "separate_package": False},
    "T2": {"export_equal": False},
    "T3": {"adagrad_shrinks_to": 0.95},
    "T6": {"zeros": 0.1},
    "T7": {"frameworks_here": ("torch", "tensorflow")},
    "T8": {"operations": 0},
}


class Reading:
    """One run of the page's cells in this process: its ledger and every warning that came out."""

    def __init__(self) -> None:
        cells = nbformat.read(NOTEBOOK, as_version=4).cells
        space: dict[str, Any] = {"__name__": "reading"}
        state, threads = torch.get_rng_state(), random.getstate()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for cell in cells:
                if cell.cell_type == "code" and "raises-exception" not in cell.metadata.get("tags", []):
                    exec(compile(cell.source, cell.id, "exec"), space)
        torch.set_rng_state(state)
        random.setstate(threads)
        self.ledger: claims.Ledger = space["ledger"]
        self.warnings = [warning for warning in caught if issubclass(warning.category, FutureWarning)]


@pytest.fixture(scope="module")
def reading() -> Reading:
    """The page, read once."""
    return Reading()


def test_every_verdict_is_still_the_one_the_page_explains(reading):
    found = {identifier: settled.verdict for identifier, settled in reading.ledger.settled.items()}
    assert found == EXPECTED


def test_no_unexpected_future_warning(reading):
    assert not [str(warning.message) for warning in reading.warnings]


def test_the_expected_deprecation_is_there_in_either_class(reading):
    facts = reading.ledger.settled["T2"].facts
    (name,) = facts["jit_warnings"]
    assert name in ("FutureWarning", "DeprecationWarning")
    for other in ("FutureWarning", "DeprecationWarning"):
        assert CLAIMS["T2"].ruling(**{**facts, "jit_warnings": (other,)}) == "outdated"


def test_every_claim_is_settled(reading):
    assert reading.ledger.open == []


@pytest.mark.parametrize("identifier", CLAIMS)
def test_a_faked_behaviour_changes_the_verdict(reading, identifier: str):
    changes, verdict = FAKED[identifier]
    facts = reading.ledger.settled[identifier].facts
    assert changes.keys() <= facts.keys()
    faked = CLAIMS[identifier].ruling(**{**facts, **changes})
    assert faked == verdict != EXPECTED[identifier]
    assert faked in VERDICTS
    assert EXPECTED[identifier] in VERDICTS


@pytest.mark.parametrize("identifier", NEITHER)
def test_facts_that_say_neither_decide_nothing(reading, identifier: str):
    facts = reading.ledger.settled[identifier].facts
    assert CLAIMS[identifier].ruling(**{**facts, **NEITHER[identifier]}) == "not decided"


def test_further_rulings_have_their_other_words():
    ruled = {key: claim.ruling for key, claim in CLAIMS.items()}
    assert ruled["F4"](worst_gap=0.0, scores_sum_to_one=True, weights_sum_to_one=True) == "right"
    assert ruled["F5"](one_example=False, batch_as_written=False, batch_transposed=True) == "wrong"
    assert ruled["K1"](accuracy=0.86, repeatable=True, chance=0.1) == "right"
    assert ruled["K4"](error="", loss_shape=(8, 8), batch=8) == "wrong"
    assert ruled["Q1"](state_restored=True, whole_model="") == "misleading"
    assert ruled["T7"](frameworks_here=("torch", "tensorflow"), old_program_warnings=()) == "not decided"
    assert (
        ruled["T9"](product="float32", weights="float32", bytes_ratio=1.0, small_step_lost=False) == "wrong"
    )


def cells_that_settle(identifier: str) -> str:
    """The page's first cell and the one that settles a claim."""
    cells = [cell.source for cell in nbformat.read(NOTEBOOK, as_version=4).cells if cell.cell_type == "code"]
    return "\n".join([cells[0], next(cell for cell in cells if f'"{identifier}"' in cell)])


def test_a_torch_without_the_deprecation_flips_the_page(monkeypatch):
    monkeypatch.setattr(torch.jit, "script", lambda module: module)
    space: dict[str, Any] = {"model": torch.nn.Linear(10, 1)}
    exec(cells_that_settle("T2"), space)
    assert space["ledger"].settled["T2"].verdict == "right"


def test_a_torch_whose_layers_all_have_weights_flips_the_page(monkeypatch):
    class Weighty(torch.nn.Linear):
        def __init__(self, *_: Any) -> None:
            super().__init__(2, 2)

    for name in ("ReLU", "MaxPool2d", "Flatten", "Dropout"):
        monkeypatch.setattr(torch.nn, name, Weighty)
    space: dict[str, Any] = {}
    exec(cells_that_settle("C5"), space)
    assert space["ledger"].settled["C5"].verdict == "right"


def test_a_page_that_leaves_a_claim_out_says_so():
    ledger = claims.Ledger()
    assert ledger.open == list(CLAIMS)
    assert repr(ledger) == "nothing settled yet"
    ledger.settle("C6", weights=784, biases=1)
    assert "C6" not in ledger.open
    assert repr(ledger) == "C6  wrong                  Each neuron has one weight and one bias"


def test_settling_again_replaces():
    ledger = claims.Ledger()
    ledger.settle("C6", weights=784, biases=1)
    ledger.settle("C6", weights=1, biases=1)
    assert ledger.count() == {"right": 1}


def test_a_settled_claim_shows_facts_and_verdict():
    shown = repr(claims.Ledger().settle("C11", moved_by_backward=0.0, moved_by_step=0.4))
    assert shown == "C11: wrong\n    moved by backward: less than 1e-12\n    moved by step: 0.4"
    shown = repr(claims.Ledger().settle("C2", eager_runs=10, captured_runs=1, calls=10))
    assert shown.startswith("C2: wrong (in part by reading)\n")


def test_unknown_claims_and_facts_are_refused():
    with pytest.raises(ValueError, match=r"identifier must be one of C1.*'C99'"):
        claims.Ledger().settle("C99")
    with pytest.raises(ValueError, match=r"facts of C6 must be \['biases', 'weights'\], got \['weights'\]"):
        claims.Ledger().settle("C6", weights=1)


def test_observe_sees_value_error_and_warnings():
    def warns_and_fails() -> None:
        warnings.warn("soon gone", FutureWarning, stacklevel=1)
        warnings.warn("soon gone", FutureWarning, stacklevel=1)
        raise KeyError("x")

    assert claims.observe(warns_and_fails) == claims.Observation(None, "KeyError", ("FutureWarning",))
    assert claims.observe(max, 1, 2) == claims.Observation(2, "", ())
    with pytest.raises(KeyboardInterrupt):
        claims.observe(lambda: (_ for _ in ()).throw(KeyboardInterrupt))


def test_every_ruling_takes_facts_by_name():
    for claim in CLAIMS.values():
        assert inspect.signature(claim.ruling).parameters
        assert claim.ruling.__doc__


def test_the_page_counts_its_readings():
    text = "\n".join(cell.source for cell in nbformat.read(NOTEBOOK, as_version=4).cells)
    assert sum(claim.by_reading for claim in CLAIMS.values()) == 5
    assert "Five verdicts rest on more than a cell can measure" in text
