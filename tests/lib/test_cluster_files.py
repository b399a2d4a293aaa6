"""The Slurm and the Kubernetes example, run by bash with all else faked, call what exists, and rightly."""

from __future__ import annotations

import os
import stat
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest
import yaml
from torch.distributed.run import get_args_parser

from course_lib.pretraining import pretrain

SLURM = files("course_lib.pretraining") / "pretrain.sbatch"
KUBERNETES = files("course_lib.pretraining") / "pretrain.kubernetes.yaml"
PRINTS_ITS_WORDS = '#!/bin/bash\nprintf "%s\\n" "$@"\n'


def fake(folder: Path, name: str, content: str = PRINTS_ITS_WORDS) -> None:
    path = folder / name
    path.write_text(content)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def words_of_slurm(folder: Path) -> list[str]:
    """What the script hands to srun, on machines called one and two."""
    fake(folder, "srun")
    fake(folder, "scontrol", "#!/bin/bash\nprintf 'one\\ntwo\\n'\n")
    environment = {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "SLURM_JOB_NODELIST": "one,two",
        "SLURM_NNODES": "2",
        "SLURM_JOB_ID": "17",
    }
    command = ["bash", "-euo", "pipefail", "-c", SLURM.read_text("utf-8")]
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def words_of_kubernetes(folder: Path) -> list[str]:
    """What the container's command hands to torchrun, with its volume in a folder."""
    fake(folder, "torchrun")
    container = job()["spec"]["template"]["spec"]["containers"][0]
    script = container["args"][0].replace("/runs/", f"{folder}/runs/")
    environment = {"PATH": f"{folder}:{os.environ['PATH']}"}
    command = [*container["command"], script]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return ["torchrun", *done.stdout.splitlines()]


def documents() -> dict[str, dict]:
    return {each["kind"]: each for each in yaml.safe_load_all(KUBERNETES.read_text("utf-8"))}


def job() -> dict:
    return documents()["Job"]


@pytest.mark.parametrize("words_of", [words_of_slurm, words_of_kubernetes])
def test_the_command_is_understood_by_torchrun_and_by_pretrain(tmp_path: Path, words_of):
    for resumed in (False, True):
        if resumed:
            (tmp_path / "runs" / "moby" / "checkpoints" / "step-00000250").mkdir(parents=True)
        torchrun, *words = words_of(tmp_path)
        assert torchrun == "torchrun"
        launch = get_args_parser().parse_args(words)
        assert (launch.module, launch.training_script) == (True, "course_lib.pretraining")
        assert launch.rdzv_endpoint.partition(":")[0] in ("one", "pretrain-0.pretrain")
        arguments = pretrain.parser().parse_args(launch.training_script_args)
        processes = int(launch.nnodes) * int(launch.nproc_per_node)
        assert arguments.batch_size % processes == 0
        assert arguments.resume is resumed


def test_several_torchruns_take_a_new_store_for_each_attempt():
    name = "TORCH_DISABLE_SHARE_RDZV_TCP_STORE"
    assert f"export {name}=1\n" in SLURM.read_text("utf-8")
    container = job()["spec"]["template"]["spec"]["containers"][0]
    assert {"name": name, "value": "1"} in container["env"]


def test_slurm_starts_one_torchrun_a_machine_and_as_many_workers_as_gpus(tmp_path: Path):
    options = dict(
        line.removeprefix("#SBATCH --").split("=")
        for line in SLURM.read_text("utf-8").splitlines()
        if line.startswith("#SBATCH --") and "=" in line
    )
    launch = get_args_parser().parse_args(words_of_slurm(tmp_path)[1:])
    assert options["ntasks-per-node"] == "1"
    assert options["gpus-per-node"] == launch.nproc_per_node
    assert options["nodes"] == launch.nnodes


def test_the_pods_are_as_many_as_torchrun_expects_and_find_each_other(tmp_path: Path):
    launch = get_args_parser().parse_args(words_of_kubernetes(tmp_path)[1:])
    spec, service = job()["spec"], documents()["Service"]
    assert spec["completions"] == spec["parallelism"] == int(launch.nnodes)
    pod = spec["template"]["spec"]
    assert pod["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == int(launch.nproc_per_node)
    name = job()["metadata"]["name"]
    assert launch.rdzv_endpoint.startswith(f"{name}-0.{service['metadata']['name']}:")
    assert pod["subdomain"] == service["metadata"]["name"]
    assert service["spec"]["selector"] == {"job-name": name}
    assert {mount["name"] for mount in pod["containers"][0]["volumeMounts"]} == {
        volume["name"] for volume in pod["volumes"]
    }
