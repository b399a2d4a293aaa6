"""Pretraining by several processes: the same training as by one, and a killed worker costs nothing."""

from __future__ import annotations

import functools
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from safetensors.torch import load_file
from small_pretraining import SMALL, die_at, few_quatrains, run_one
from small_worlds import beside_a_gpu

from course_lib.pretraining import pretrain
from course_lib.training.distributed.checkpoint import newest
from course_lib.training.distributed.launch import ProcessFailed, on_processes

PLAIN = ["--steps", "60", "--dropout", "0", "--learning-rate", "0.01"]
CLOSE = 1e-5  # relative, in float32, after 60 updates; up to 4e-8 was measured


def several(out: Path, *words: str, processes: int = 2, **settings: object) -> list[tuple[int, str]]:
    return on_processes(run_one, ["--out", str(out), *words], processes=processes, **settings)


def one(out: Path, *words: str) -> int:
    with few_quatrains():
        return pretrain.main([*SMALL, "--out", str(out), *words])


def history(folder: Path) -> list[dict[str, float]]:
    return json.loads((folder / "result.json").read_text("utf-8"))["history"]


def close(found: list[dict[str, float]], expected: list[dict[str, float]]) -> bool:
    return len(found) == len(expected) and all(
        f == pytest.approx(e, rel=CLOSE) for f, e in zip(found, expected, strict=True)
    )


def same_end(one: Path, other: Path) -> None:
    """The same losses, the same best parameters, and every byte of the last shards."""
    assert history(one) == history(other)
    assert (one / "best.safetensors").read_bytes() == (other / "best.safetensors").read_bytes()
    assert shards(one) == shards(other)
    assert len(shards(one)) >= 2


def shards(folder: Path) -> dict[str, str]:
    run = json.loads((newest(folder / "checkpoints") / "run.json").read_text())
    return {name: digest for name, digest in run["sha256"].items() if name.endswith(".distcp")}


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("alone")
    assert one(folder, *PLAIN) == 0
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two processes, with dropout, never interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    assert several(folder, "--steps", "60") == [(0, ""), (0, "")]
    return folder


@pytest.mark.parametrize("sharding", ["ddp", "fsdp"])
@pytest.mark.parametrize("processes", [1, 2])
def test_any_number_of_processes_trains_alike(tmp_path: Path, alone: Path, sharding: str, processes: int):
    several(tmp_path, *PLAIN, "--sharding", sharding, processes=processes)
    assert close(history(tmp_path), history(alone))
    ours, theirs = load_file(tmp_path / "best.safetensors"), load_file(alone / "best.safetensors")
    assert ours.keys() == theirs.keys()
    for state in (ours, theirs):
        # A bias of the keys moves all scores of a query alike, so its gradient is rounding error and nothing
        # else, which AdamW divides by its own size.
        state["blocks.0.attention.qkv_proj.bias"][8:16] = 0
    assert all((ours[name] - theirs[name]).abs().max() < CLOSE for name in ours)
    assert json.loads((tmp_path / "result.json").read_text())["machine"]["processes"] == processes


@pytest.mark.parametrize("sharding", ["ddp", "fsdp"])
def test_training_and_checkpoints_on_the_cpu_let_the_machines_only_gpu_alone(tmp_path: Path, sharding: str):
    """Two processes and one GPU: whatever reached for it would find none for the second process."""
    words = ["--sharding", sharding, "--steps", "30"]
    beside = ["--out", str(tmp_path / "beside"), *words]
    spoilt = functools.partial(die_at, "course_lib.pretraining.training.update", 22)
    with pytest.raises(ProcessFailed, match="process 1 of 2 was killed by SIGKILL"):
        on_processes(beside_a_gpu, run_one, beside, spoilt)
    assert on_processes(beside_a_gpu, run_one, [*beside, "--resume"]) == [(0, "")] * 2
    several(tmp_path / "without", *words)
    assert history(tmp_path / "beside") == history(tmp_path / "without")


def test_dropout_differs_between_processes_and_depends_on_the_seed_alone(tmp_path: Path, whole: Path):
    several(tmp_path / "again", "--steps", "60")
    same_end(tmp_path / "again", whole)
    several(tmp_path / "other", "--steps", "60", "--seed", "1")
    assert not close(history(tmp_path / "other"), history(whole))


@pytest.mark.parametrize("sharding", ["ddp", "fsdp"])
def test_a_run_goes_on_bit_for_bit_after_a_worker_was_killed(tmp_path: Path, whole: Path, sharding: str):
    words = ["--steps", "60", "--sharding", sharding]
    spoilt = functools.partial(die_at, "course_lib.pretraining.training.update", 38)
    with pytest.raises(ProcessFailed, match="process 1 of 2 was killed by SIGKILL"):
        on_processes(run_one, ["--out", str(tmp_path / "killed"), *words], spoilt)
    assert newest(tmp_path / "killed" / "checkpoints").name == "step-00000030"
    assert several(tmp_path / "killed", *words, "--resume") == [(0, ""), (0, "")]
    if sharding == "fsdp":  # other sums in another order: the whole run is one of its own
        several(tmp_path / "whole", *words)
        whole = tmp_path / "whole"
    same_end(tmp_path / "killed", whole)


@pytest.mark.parametrize("sharding", ["ddp", "fsdp"])
def test_four_processes_add_up_in_the_same_order_after_a_restart(tmp_path: Path, sharding: str):
    words = ["--steps", "24", "--layers", "2", "--sharding", sharding]
    spoilt = functools.partial(die_at, "course_lib.pretraining.training.update", 18)
    with pytest.raises(ProcessFailed, match="process 1 of 4 was killed by SIGKILL"):
        on_processes(run_one, ["--out", str(tmp_path / "killed"), *words], spoilt, processes=4)
    several(tmp_path / "killed", *words, "--resume", processes=4)
    several(tmp_path / "whole", *words, processes=4)
    same_end(tmp_path / "killed", tmp_path / "whole")


def test_a_worker_killed_while_a_checkpoint_is_written_leaves_the_old_one(tmp_path: Path, whole: Path):
    spoilt = functools.partial(die_at, "course_lib.training.distributed.checkpoint._digests", 2)
    with pytest.raises(ProcessFailed, match="process 1 of 2 was killed by SIGKILL"):
        on_processes(run_one, ["--out", str(tmp_path), "--steps", "60"], spoilt)
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == ["partial", "step-00000010"]
    several(tmp_path, "--steps", "60", "--resume")
    same_end(tmp_path, whole)
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["step-00000060"]


def test_torchrun_restarts_its_workers_and_no_step_is_lost(tmp_path: Path):
    # Processes of their own have no short corpus; English has fewer characters, and so cheaper losses.
    words = ["--corpus", "moby", "--steps", "150", "--evaluate-every", "150", "--checkpoint-every", "10"]
    out = tmp_path / "killed"
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--max-restarts", "1"]
    command = [*launch, "-m", "course_lib.pretraining", *SMALL, *words, "--out", str(out)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    with open(tmp_path / "errors", "wb") as errors:
        torchrun = subprocess.Popen([sys.executable, *command], env=environment, stderr=errors)
        try:
            deadline = time.monotonic() + 120
            while newest(out / "checkpoints") is None:
                assert torchrun.poll() is None, (tmp_path / "errors").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.01)
            children = Path(f"/proc/{torchrun.pid}/task/{torchrun.pid}/children").read_text().split()
            workers = [int(pid) for pid in children if b"course_lib.pretraining" in cmdline(pid)]
            assert len(workers) == 2
            os.kill(max(workers), signal.SIGKILL)
            assert not (out / "result.json").exists()
            assert torchrun.wait(timeout=120) == 0, (tmp_path / "errors").read_text()
        finally:
            torchrun.terminate()
            torchrun.wait()
    assert "exitcode: -9" in (tmp_path / "errors").read_text()
    several(tmp_path / "whole", *words)
    same_end(out, tmp_path / "whole")


def cmdline(pid: str) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


@pytest.mark.parametrize(("processes", "sharding"), [(1, "fsdp"), (4, "ddp")])
def test_another_number_of_processes_takes_over(tmp_path: Path, alone: Path, processes: int, sharding: str):
    spoilt = functools.partial(die_at, "course_lib.pretraining.training.update", 38)
    with pytest.raises(ProcessFailed, match="SIGKILL"):
        on_processes(run_one, ["--out", str(tmp_path), *PLAIN], spoilt)
    words = [*PLAIN, "--resume", "--sharding", sharding]
    assert several(tmp_path, *words, processes=processes) == [(0, "")] * processes
    assert close(history(tmp_path), history(alone))


@pytest.mark.parametrize("processes", [3, 8])
def test_processes_that_do_not_divide_the_batch_are_refused(tmp_path: Path, processes: int):
    message = f"pretrain: --batch-size must be a multiple of the {processes} processes, got 4\n"
    assert several(tmp_path / "run", processes=processes) == [(2, message)] * processes
    assert not (tmp_path / "run").exists()


def test_the_two_kinds_of_checkpoint_are_not_confused(alone: Path, whole: Path, capsys):
    before = contents(alone), contents(whole)
    for words in (["--resume"], []):
        status, message = several(alone, *PLAIN, *words)[0]
        assert status == 2
        assert "checkpoint.safetensors was written by one process: go on without torchrun" in message
        assert one(whole, "--steps", "60", *words) == 2
        shown = capsys.readouterr().err
        assert "step-00000060 was written by several processes: go on with torchrun" in shown
    assert several(whole, "--steps", "60")[1] == (
        2,
        f"pretrain: --out {whole} holds a run already: add --resume to go on, or choose another folder\n",
    )
    assert several(whole, "--steps", "60", "--resume", "--seed", "7")[0][0] == 2
    assert (contents(alone), contents(whole)) == before


def test_a_spoilt_shard_is_named(tmp_path: Path):
    several(tmp_path, "--steps", "10")
    shard = tmp_path / "checkpoints" / "step-00000010" / "__1_0.distcp"
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(content)
    for status, message in several(tmp_path, "--steps", "10", "--resume"):
        assert status == 2
        assert f"{shard} is corrupt or missing: expected SHA-256" in message
    shard.unlink()
    assert "found None" in several(tmp_path, "--steps", "10", "--resume")[0][1]


def test_a_port_in_use_is_one_line(tmp_path: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        [(status, message)] = several(tmp_path / "run", processes=1, port=port)
    assert status == 2
    assert message.startswith(f"pretrain: MASTER_PORT {port} is in use: choose another")
    assert not (tmp_path / "run").exists()


def test_a_restart_before_the_first_checkpoint_begins_anew(tmp_path: Path, whole: Path):
    def restarted() -> tuple[int, str]:
        os.environ["TORCHELASTIC_RESTART_COUNT"] = "1"
        return run_one(["--out", str(tmp_path), "--steps", "60"])

    spoilt = functools.partial(die_at, "course_lib.pretraining.training.update", 7)
    with pytest.raises(ProcessFailed, match="SIGKILL"):
        on_processes(run_one, ["--out", str(tmp_path), "--steps", "60"], spoilt)
    assert on_processes(restarted) == [(0, ""), (0, "")]
    same_end(tmp_path, whole)


def test_a_diverging_run_ends_on_all_processes(tmp_path: Path):
    words = ["--steps", "60", "--learning-rate", "1e30", "--warmup", "0"]
    first, second = several(tmp_path, *words)
    assert first == second
    assert first[0] == 1
    assert "it diverged" in first[1]
