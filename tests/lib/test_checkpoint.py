"""Checkpoints: exact resumption, atomic writing, and refusal of everything that is not whole."""

import copy
import hashlib
import math
import pickle
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from torch import Tensor, nn

from course_lib.data.batches import Batches
from course_lib.training import checkpoint
from course_lib.training.checkpoint import flatten, unflatten
from course_lib.training.loop import fit


class Run:
    """All that a training run consists of; torch draws its dropout, a generator of its own the order."""

    def __init__(self, seed: int = 0) -> None:
        torch.manual_seed(seed)
        self.model = nn.Sequential(
            nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.4), nn.Linear(8, 3)
        )
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=0.01)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(self.optimizer, 0.05, total_steps=60)
        self.order = torch.Generator().manual_seed(seed + 1)
        data = torch.Generator().manual_seed(9)
        inputs = torch.randn(22, 6, generator=data)
        self.batches = Batches(inputs, (inputs[:, 0] > 0).long(), batch_size=8, generator=self.order)

    def train(self, epochs: int) -> list[float]:
        return fit(
            self.model,
            self.batches,
            F.cross_entropy,
            self.optimizer,
            epochs=epochs,
            schedule=self.schedule,
            progress=False,
        )["train_loss"]

    def parts(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "optimizer": self.optimizer,
            "schedule": self.schedule,
            "generators": {"order": self.order},
        }

    def state(self) -> tuple[Any, dict[str, Tensor]]:
        """All state there is, as plain data that compare equal only if every bit is."""
        return flatten(
            {
                "model": dict(self.model.state_dict()),
                "optimizer": self.optimizer.state_dict(),
                "schedule": self.schedule.state_dict(),
                "order": self.order.get_state(),
                "global": torch.get_rng_state(),
            }
        )


def assert_same_state(found: tuple[Any, dict[str, Tensor]], wanted: tuple[Any, dict[str, Tensor]]) -> None:
    assert found[0] == wanted[0]
    for name, tensor in wanted[1].items():
        assert torch.equal(found[1][name], tensor), name


def test_a_resumed_run_goes_on_bit_by_bit(tmp_path: Path) -> None:
    run = Run()
    run.train(3)
    checkpoint.save(
        tmp_path / "run.ckpt", **run.parts(), step=9, extra={"best": 0.5, "curve": torch.arange(3)}
    )
    wanted = run.train(4)
    other = Run(seed=77)
    other.train(1)
    found = checkpoint.load(tmp_path / "run.ckpt", **other.parts())
    assert (found.step, found.extra["best"], found.extra["curve"].tolist()) == (9, 0.5, [0, 1, 2])
    assert other.train(4) == wanted
    for name, tensor in run.model.state_dict().items():
        assert torch.equal(other.model.state_dict()[name], tensor), name


@pytest.mark.parametrize("left_out", ["optimizer", "schedule", "generators", "random"])
def test_each_part_is_needed_for_exact_resumption(left_out: str, tmp_path: Path) -> None:
    """Leave one part out and the run diverges: the test above can fail for each of them."""
    run = Run()
    run.train(3)
    checkpoint.save(tmp_path / "run.ckpt", **run.parts())
    wanted = run.train(4)
    other = Run(seed=77)
    parts = {name: part for name, part in other.parts().items() if name != left_out}
    checkpoint.load(tmp_path / "run.ckpt", **parts, restore_random=left_out != "random")
    assert other.train(4) != wanted


def test_the_file_is_safetensors_and_no_pickle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object, **_named: object) -> None:
        raise AssertionError("pickle was used")

    run = Run()
    run.train(1)
    for name in ("dump", "dumps", "load", "loads", "Pickler", "Unpickler"):
        monkeypatch.setattr(pickle, name, refuse)
    path = tmp_path / "run.ckpt"
    checkpoint.save(path, **run.parts())
    checkpoint.load(path, **run.parts())
    assert not zipfile.is_zipfile(path)
    assert torch.equal(load_file(path)["/model/0.weight"], run.model[0].weight)


def test_tied_weights_stay_tied(tmp_path: Path) -> None:
    model = nn.ModuleList([nn.Linear(3, 3), nn.Linear(3, 3)])
    model[1].weight = model[0].weight
    checkpoint.save(tmp_path / "tied.ckpt", model=model)
    kept = model[0].weight.detach().clone()
    with torch.no_grad():
        model[0].weight.zero_()
    checkpoint.load(tmp_path / "tied.ckpt", model=model)
    assert torch.equal(model[1].weight, kept)
    assert model[1].weight is model[0].weight


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7), cut=st.booleans())
def test_no_damage_goes_unnoticed_and_nothing_is_half_applied(
    tmp_path: Path, position: float, bit: int, cut: bool
) -> None:
    run = Run()
    run.train(1)
    path = tmp_path / "run.ckpt"
    checkpoint.save(path, **run.parts())
    content = bytearray(path.read_bytes())
    place = int(position * len(content))
    if cut:
        content = content[:place]
    else:
        content[place] ^= 1 << bit
    path.write_bytes(content)
    other = Run(seed=5)
    before = other.state()
    with pytest.raises(ValueError, match=r"expected SHA-256 .*, found [0-9a-f]{64}") as caught:
        checkpoint.load(path, **other.parts())
    assert str(path) in str(caught.value)
    assert_same_state(other.state(), before)
    assert path.read_bytes() == content


def test_the_error_tells_both_hashes(tmp_path: Path) -> None:
    path = tmp_path / "run.ckpt"
    checkpoint.save(path, model=nn.Linear(2, 2))
    content = path.read_bytes()
    stated = content.split(b'"sha256":"')[1][:64]
    assert hashlib.sha256(content.replace(stated, b"0" * 64)).hexdigest() == stated.decode()
    damaged = content[:-1] + bytes([content[-1] ^ 1])
    path.write_bytes(damaged)
    found = hashlib.sha256(damaged.replace(stated, b"0" * 64)).hexdigest()
    with pytest.raises(ValueError, match=f"expected SHA-256 '{stated.decode()}', found {found}"):
        checkpoint.load(path, model=nn.Linear(2, 2))


@pytest.mark.parametrize("moment", ["fsync", "replace"])
def test_an_error_while_saving_leaves_the_old_file_and_no_other(
    moment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.ckpt"
    checkpoint.save(path, model=nn.Linear(2, 2), step=1)
    old = path.read_bytes()

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(checkpoint.os, moment, fail)
    with pytest.raises(OSError, match="disk full"):
        checkpoint.save(path, model=nn.Linear(2, 2), step=2)
    assert path.read_bytes() == old
    assert list(tmp_path.iterdir()) == [path]


def test_a_process_killed_while_saving_leaves_the_old_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "run.ckpt"
    model = nn.Linear(300, 300)
    checkpoint.save(path, model=model, step=1)
    script = textwrap.dedent(
        """
        import os, signal, sys
        from torch import nn
        from course_lib import files
        from course_lib.training import checkpoint
        files.os.fsync = lambda handle: os.kill(os.getpid(), signal.SIGKILL)  # written, not yet in place
        checkpoint.save(sys.argv[1], model=nn.Linear(300, 300), step=2)
        """
    )
    done = subprocess.run([sys.executable, "-c", script, str(path)], check=False)
    assert done.returncode == -9
    other = nn.Linear(300, 300)
    assert checkpoint.load(path, model=other).step == 1
    assert torch.equal(other.weight, model.weight)


def wider(parts: dict[str, Any]) -> None:
    parts["model"] = nn.Sequential(
        nn.Linear(6, 9), nn.BatchNorm1d(9), nn.ReLU(), nn.Dropout(), nn.Linear(9, 3)
    )


def deeper(parts: dict[str, Any]) -> None:
    parts["model"] = nn.Sequential(*parts["model"], nn.Linear(3, 3))


def doubled(parts: dict[str, Any]) -> None:
    parts["model"] = copy.deepcopy(parts["model"]).double()


def other_optimizer(parts: dict[str, Any]) -> None:
    parts["optimizer"] = torch.optim.SGD(parts["model"].parameters(), lr=0.1)


def fewer_parameters(parts: dict[str, Any]) -> None:
    parts["optimizer"] = torch.optim.AdamW(list(parts["model"].parameters())[:2])


def other_schedule(parts: dict[str, Any]) -> None:
    parts["schedule"] = torch.optim.lr_scheduler.ConstantLR(parts["optimizer"])


def unknown_generator(parts: dict[str, Any]) -> None:
    parts["generators"] = {"noise": torch.Generator()}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (wider, r"model does not fit .* 0\.weight is \(9, 6\) torch.float32, saved as \(8, 6\)"),
        (deeper, r"model does not fit .* \['5\.bias', '5\.weight'\] not saved"),
        (doubled, r"is \(8, 6\) torch.float64, saved as \(8, 6\) torch.float32"),
        (other_optimizer, "optimizer must be a AdamW, as saved; got a SGD"),
        (fewer_parameters, "optimizer does not fit the one saved in"),
        (other_schedule, "schedule must be a OneCycleLR, as saved; got a ConstantLR"),
        (unknown_generator, r"generators: 'noise' is not in .* which has \['order'\]"),
    ],
)
def test_what_does_not_fit_is_named_and_nothing_changes(change: Any, message: str, tmp_path: Path) -> None:
    run = Run()
    run.train(1)
    checkpoint.save(tmp_path / "run.ckpt", **run.parts())
    other = Run(seed=5)
    parts = other.parts()
    change(parts)
    before = other.state()
    with pytest.raises(ValueError, match=message):
        checkpoint.load(tmp_path / "run.ckpt", **parts)
    assert_same_state(other.state(), before)


def test_parts_that_were_not_saved_are_missed(tmp_path: Path) -> None:
    run = Run()
    checkpoint.save(tmp_path / "run.ckpt", model=run.model)
    with pytest.raises(ValueError, match="optimizer was given, but the checkpoint holds none"):
        checkpoint.load(tmp_path / "run.ckpt", model=run.model, optimizer=run.optimizer)


def test_a_strange_safetensors_file_is_refused(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"weight": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match="expected SHA-256 none in the file, found"):
        checkpoint.load(tmp_path / "other.safetensors", model=nn.Linear(1, 1))
    with pytest.raises(FileNotFoundError):
        checkpoint.load(tmp_path / "gone.ckpt", model=nn.Linear(1, 1))


def test_save_refuses_what_it_could_not_give_back(tmp_path: Path) -> None:
    path = tmp_path / "run.ckpt"
    with pytest.raises(ValueError, match="step must be at least 0, got -1"):
        checkpoint.save(path, model=nn.Linear(1, 1), step=-1)
    with pytest.raises(
        TypeError, match="/extra/now holds a Path, which a checkpoint cannot keep".replace("Path", r"\w+")
    ):
        checkpoint.save(path, model=nn.Linear(1, 1), extra={"now": path})
    for key, shown in {(1, 2): r"\(1, 2\)", True: "True"}.items():
        with pytest.raises(TypeError, match=rf"/extra has the key {shown}; keys must be str or int"):
            checkpoint.save(path, model=nn.Linear(1, 1), extra={key: 3})
    assert not path.exists()


def test_extra_cannot_forge_the_seal(tmp_path: Path) -> None:
    forged = '"sha256":"' + "0" * 64
    path = tmp_path / "run.ckpt"
    content = torch.tensor(list(forged.encode()), dtype=torch.uint8)
    checkpoint.save(path, model=nn.Linear(1, 1), extra={forged: forged, "content": content})
    extra = checkpoint.load(path, model=nn.Linear(1, 1)).extra
    assert torch.equal(extra.pop("content"), content)
    assert extra == {forged: forged}


leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
trees = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3)
    ),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(extra=trees)
def test_extra_comes_back_as_it_was(extra: Any, tmp_path: Path) -> None:
    model = nn.Linear(1, 1)
    checkpoint.save(tmp_path / "run.ckpt", model=model, extra=extra)
    found = checkpoint.load(tmp_path / "run.ckpt", model=model, restore_random=False).extra
    assert found == extra
    assert repr(found) == repr(extra)  # 1 and 1.0 and True, lists and tuples, kept apart


def test_tensors_of_every_kind_come_back() -> None:
    state = {
        "scalar": torch.tensor(2.5, dtype=torch.float64),
        3: [torch.ones(2, 3, dtype=torch.bfloat16).T, torch.tensor([True, False])],
        "rates": (math.inf, -math.inf),
    }
    tree, tensors = flatten(state)
    found = unflatten(tree, tensors)
    assert found["rates"] == state["rates"]
    for a, b in ((found["scalar"], state["scalar"]), (found[3][0], state[3][0]), (found[3][1], state[3][1])):
        assert torch.equal(a, b)
        assert a.dtype == b.dtype
    with pytest.raises(KeyError):
        unflatten({"set": []}, {})
