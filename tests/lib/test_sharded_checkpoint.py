"""Sharded checkpoints: their names, what is refused, and what a model wrapped otherwise reads from them."""

from pathlib import Path

import pytest
import torch
from small_worlds import examples, perceptron
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

from course_lib.training.distributed.checkpoint import folder_of, load, newest, save, step_of
from course_lib.training.distributed.data_parallel import seed_update, wrap_data_parallel
from course_lib.training.distributed.group import World, process_group
from course_lib.training.distributed.launch import ProcessFailed, on_processes

WHOLE = StateDictOptions(full_state_dict=True, cpu_offload=True)


def trained(folder: Path, sharding: str, steps: int) -> dict[str, Tensor]:
    """A few updates, with a checkpoint after each."""
    with process_group("cpu") as world:
        model, (x, y) = perceptron(), examples(4)
        model = wrap_data_parallel(model, world, sharding, [model[0]])
        optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
        generator = torch.Generator().manual_seed(1)
        for step in range(1, steps + 1):
            optimizer.zero_grad()
            torch.nn.functional.mse_loss(model(x), y).backward()
            optimizer.step()
            torch.rand(1, generator=generator)
            save(folder, model=model, optimizer=optimizer, generator=generator, step=step, extra=[step])
        return get_model_state_dict(model, options=WHOLE)


def read(folder: Path, sharding: str, hidden: int = 8) -> tuple[object, dict[str, Tensor], int, float]:
    with process_group("cpu") as world:
        model = nn.Sequential(nn.Linear(6, hidden), nn.GELU(), nn.Linear(hidden, 6)).double()
        model = wrap_data_parallel(model, world, sharding, [model[0]])
        optimizer = torch.optim.AdamW(model.parameters(), lr=0.5)
        generator = torch.Generator()
        path = newest(folder)
        found = load(path or folder, model=model, optimizer=optimizer, generator=generator)
        counts = {int(state["step"]) for state in optimizer.state.values()}
        drawn = torch.rand(1, generator=generator).item()
        return tuple(found), get_model_state_dict(model, options=WHOLE), counts, drawn


@pytest.mark.parametrize(("written", "wanted"), [("ddp", "fsdp"), ("fsdp", "ddp")])
@pytest.mark.parametrize("processes", [1, 2, 3])
def test_any_number_spread_in_any_way_reads_it(tmp_path: Path, written: str, wanted: str, processes: int):
    expected = on_processes(trained, tmp_path, written, 3)[0]
    found, state, counts, drawn = on_processes(read, tmp_path, wanted, processes=processes)[0]
    assert found == (3, [3], 2)
    assert counts == {3}
    torch.testing.assert_close(state, expected, rtol=0, atol=0)
    assert drawn == torch.rand(4, generator=torch.Generator().manual_seed(1))[3].item()
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000003"]


def test_a_model_of_another_size_is_refused(tmp_path: Path):
    on_processes(trained, tmp_path, "ddp", 1)
    with pytest.raises(ProcessFailed, match=r"ValueError: .*step-00000001 does not fit the model"):
        on_processes(read, tmp_path, "ddp", 10)


def test_without_a_checkpoint_there_is_nothing_to_load(tmp_path: Path):
    with pytest.raises(ProcessFailed, match=r"FileNotFoundError: .* holds no checkpoint"):
        on_processes(read, tmp_path, "ddp")


def test_an_older_step_does_not_replace_a_newer_one(tmp_path: Path):
    on_processes(trained, tmp_path, "ddp", 2)
    with pytest.raises(ProcessFailed, match=r"ValueError: step must be above 2, the newest in .*, got 1"):
        on_processes(trained, tmp_path, "ddp", 1)
    assert newest(tmp_path).name == "step-00000002"


def test_names_are_read_as_they_are_written(tmp_path: Path):
    assert step_of(folder_of(tmp_path, 1200)) == 1200
    for step in (999_999_999, 7):
        folder_of(tmp_path, step).mkdir()
        (folder_of(tmp_path, step) / "run.json").write_text("{}")
    folder_of(tmp_path, 10**10).mkdir()  # not whole
    assert step_of(newest(tmp_path)) == 999_999_999
    assert newest(tmp_path / "not there") is None
    with pytest.raises(ValueError, match="step must be at least 0, got -1"):
        folder_of(tmp_path, -1)
    with pytest.raises(ValueError, match="path must be named step- and a number, got 'partial'"):
        step_of(tmp_path / "partial")


def test_what_cannot_be_spread_is_refused():
    world = World(0, 1, torch.device("cpu"), launched=False)
    with pytest.raises(ValueError, match="sharding must be 'ddp' or 'fsdp', got 'zero'"):
        wrap_data_parallel(perceptron(), world, "zero", [])
    with pytest.raises(ValueError, match="world must have a process group"):
        wrap_data_parallel(perceptron(), world, "ddp", [])


def test_an_updates_randomness_depends_on_seed_step_and_rank():
    def drawn(*key: int) -> float:
        seed_update(*key)
        return torch.rand(()).item()

    keys = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 1, 1), (1, 1, 0)]
    with torch.random.fork_rng(devices=[]):
        assert len({drawn(*key) for key in keys}) == len(keys)
        assert drawn(0, 1, 0) == drawn(0, 1, 0)
