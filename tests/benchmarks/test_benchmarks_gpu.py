"""The hardware benchmarks' logic, on the CPU at tiny sizes; no time is asserted."""

from __future__ import annotations

import gc
import json
import re
import weakref

import pytest
import torch
import torch.nn.functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks import compilation, gpu
from benchmarks import gpu_sections as sections
from benchmarks.accelerator import describe, kernels_own, most_allocated
from benchmarks.compilation import compiled_against_eager, regional
from benchmarks.digits_to_target import train_until
from benchmarks.gpu_sections import Setting
from benchmarks.workload import Step, Workload, difference, nano, ours
from course_lib.data.digits import Digits, load_digits
from course_lib.models.cost import PRECISIONS, GPTShape, gpt_forward_flops
from course_lib.records import RESULTS, SCHEMA, comparison_table, load_record, provenance

CPU = torch.device("cpu")
WORK = Workload(GPTShape(64, 32, 32, 2, 2), batch=2, seq=32)
TINY = Setting(
    product=16,
    work=WORK,
    attention=(1, 2, 16, 8),
    memory=(Workload(GPTShape(128, 64, 64, 4, 3), batch=2, seq=64),),
    modes={"traced": lambda both: torch.compile(both, backend="eager"), "in blocks": regional("eager")},
    pairs=1,
    calls=1,
)


def few(split, count):
    images, labels = load_digits(split)
    return Digits(images[:count], labels[:count])


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_step_trains_in_each_precision(precision):
    step = Step(WORK, CPU, precision=precision)
    before = step.loss().item()
    for _ in range(20):
        step()
    assert step.loss().item() < before
    assert {p.dtype for p in step.model.parameters()} == {
        torch.bfloat16 if precision == "bf16" else torch.float32
    }
    with pytest.raises(ValueError, match="precision must be one of fp32, autocast bf16, bf16, got 'fp8'"):
        Step(WORK, CPU, precision="fp8")


def test_the_difference_is_none_between_equals_and_seen_where_there_is_one():
    assert difference(Step(WORK, CPU), Step(WORK, CPU)) == 0
    assert difference(Step(WORK, CPU), Step(WORK, CPU, prepare=TINY.modes["traced"])) < 1e-5
    assert 1e-4 < difference(Step(WORK, CPU), Step(WORK, CPU, precision="autocast bf16")) < 0.2
    bent = Step(WORK, CPU)
    with torch.no_grad():
        bent.model.final_norm.weight.mul_(1.01)
    assert difference(Step(WORK, CPU), bent) > 1e-3


def test_compilation_compares_steps_and_first_calls():
    rows = [each.row() for each in compiled_against_eager(pairs=1, first_pairs=1, work=WORK, backend="eager")]
    assert [row["baseline"] for row in rows] == ["eager", "eager", "whole model"]
    assert [row["candidate"] for row in rows] == [
        "compiled, whole model",
        "compiled, block by block",
        "block by block",
    ]
    lines = comparison_table(rows).splitlines()
    assert [line for line in lines if not line.startswith("  ")] == list(
        dict.fromkeys(row["name"] for row in rows)
    )
    assert len(lines) == 1 + 2 + len(rows)
    assert max(map(len, lines)) < 80


def test_compilation_refuses_to_time_what_computes_something_else(monkeypatch):
    monkeypatch.setattr(compilation, "difference", lambda *_: 0.5)
    with pytest.raises(RuntimeError, match=r"compiled \(whole model\) and eager differ by 0\.5"):
        compiled_against_eager(pairs=1, first_pairs=1, work=WORK, backend="eager")


def test_most_allocated_counts_what_lives_together():
    def call():
        first = torch.empty(1000)
        second = torch.empty(500)
        del first
        torch.empty(1200)
        del second

    assert most_allocated(call, CPU) == 4 * (500 + 1200)


def test_everything_is_measured_and_written(tmp_path, capsys):
    path = tmp_path / "new" / "gpu.json"
    gpu.main(["--output", str(path)], device=CPU, setting=TINY, most_epochs=1)
    record = load_record("gpu", path.parent)
    assert "CPU, driver none" in provenance(record)
    assert record["command"] == "python -m benchmarks.gpu"
    assert record["schema"] == SCHEMA
    assert str(tmp_path) not in path.read_text("utf-8")
    assert [(row["baseline"], row["candidate"]) for row in record["peers"]] == [
        ("nanoGPT, eager", "models.gpt, eager"),
        ("nanoGPT, traced", "models.gpt, traced"),
    ]
    assert [row["candidate"] for row in record["products"]] == ["tf32", "bf16", "fp16"]
    for row in record["products"]:
        assert row["tflops"]["baseline"] == pytest.approx(2 * 16**3 / row["baseline_median"] / 1e12)
    assert [row["candidate"] for row in record["precisions"]] == ["tf32", "autocast bf16", "bf16"]
    assert [row["candidate"] for row in record["modes"]] == ["traced", "in blocks"]
    assert all(row["difference"] < 0.05 for row in record["modes"])
    attention = {row.get("candidate", row["name"]): "refused" in row for row in record["attention"]}
    assert attention == {"flash": False, "memory-efficient": True, "cuDNN": True}
    assert len(record["memory"]) == 6
    for row in record["memory"]:
        if row["precision"] != "autocast bf16":  # where the formula is a GPU's, and the CPU's loss is another
            # at 64 features the buffers of the CPU's own kernels count for something
            assert row["predicted"] == pytest.approx(row["measured"], rel=0.07)
    use = record["utilisation"]
    a_token = 3 * gpt_forward_flops(WORK.shape, WORK.batch, WORK.seq) / WORK.tokens / 1e12
    assert use["tflops"] == pytest.approx(a_token * use["tokens_per_second"])
    assert use["share_of_product"] == pytest.approx(
        use["tflops"] / record["products"][1]["tflops"]["candidate"]
    )
    assert (record["digits"]["epochs"], record["digits"]["examples"]) == (1, 8000)
    assert str(path) in capsys.readouterr().out


def test_a_compiler_sees_the_model_and_the_loss():
    seen = []

    def note(graph, _):
        seen.append({node.target for node in graph.graph.nodes if node.op == "call_function"})
        return graph.forward

    for build in (ours, nano):
        torch.compiler.reset()
        Step(WORK, CPU, prepare=lambda both: torch.compile(both, backend=note), build=build)()
    assert len(seen) == 2
    assert all(F.cross_entropy in functions for functions in seen)


def test_nanogpts_model_has_our_parameters_and_trains_on_our_batch():
    own, theirs = Step(WORK, CPU), Step(WORK, CPU, build=nano)
    sizes = [sum(p.numel() for p in step.model.parameters()) for step in (own, theirs)]
    assert sizes[0] == sizes[1]
    assert torch.equal(own.inputs, theirs.inputs)
    before = theirs.loss().item()
    for _ in range(20):
        theirs()
    assert theirs.loss().item() < before


def test_what_a_kernel_takes_for_itself_is_what_is_gone_afterwards(monkeypatch):
    """An allocator of our own: ``mm`` takes 64 bytes and gives them back, and keeps 8; ``add`` keeps 8."""
    now, peak = 0, 0

    def count(size):
        nonlocal now, peak
        now += size
        peak = max(peak, now)

    def reset(_):
        nonlocal peak
        peak = now

    monkeypatch.setattr(torch.accelerator, "memory_allocated", lambda _: now)
    monkeypatch.setattr(torch.accelerator, "max_memory_allocated", lambda _: peak)
    monkeypatch.setattr(torch.accelerator, "reset_peak_memory_stats", reset)

    class Kernels(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            own = 64 if func is torch.ops.aten.mm.default else 0
            count(own + 8)
            count(-own)
            return func(*args, **(kwargs or {}))

    a = torch.ones(2, 2)
    with Kernels():
        assert kernels_own(lambda: a @ a + a, CPU) == {"aten.mm.default": 64}


def test_a_row_begins_without_what_the_last_one_left(monkeypatch):
    """A checkpointed block is in a reference cycle: without a collection its weights would still be there."""
    models = []

    class Watched(Step):
        def __init__(self, *arguments, **named):
            assert not [each for each in models if each() is not None]
            super().__init__(*arguments, **named)
            models.append(weakref.ref(self.model.blocks[0]))

    monkeypatch.setattr(sections, "Step", Watched)
    gc.disable()
    try:
        for _ in range(2):
            sections._memory_row(WORK, "fp32", True, CPU)
    finally:
        gc.enable()
    assert len(models) == 2


def test_a_way_to_compile_that_fails_is_refused_and_the_rest_measured():
    def broken(*_):
        raise OSError("no compiler")

    modes = {"broken": lambda both: torch.compile(both, backend=broken), **TINY.modes}
    rows = sections.modes(TINY._replace(modes=modes), CPU)
    assert "broken" in rows[0]["name"]
    assert rows[0]["refused"]
    assert [row["candidate"] for row in rows[1:]] == list(TINY.modes)


def test_float32_products_are_as_before_afterwards():
    before = torch.get_float32_matmul_precision()

    def stop():
        with sections.float32_products("high"):
            assert torch.get_float32_matmul_precision() == "high"
            raise OSError("stop")

    with pytest.raises(OSError, match="stop"):
        stop()
    assert torch.get_float32_matmul_precision() == before


def test_digits_train_until_the_target_or_the_last_epoch():
    train, test = few("train", 320), few("test", 100)
    found = train_until(0.3, train, test, CPU, most_epochs=8)
    assert found["reached"]
    assert found["accuracy"] >= 0.3
    assert 1 <= found["epochs"] < 8
    found = train_until(1.0, few("train", 64), test, CPU, most_epochs=2)
    assert (found["reached"], found["epochs"]) == (False, 2)
    with pytest.raises(ValueError, match="target must be above 0 and at most 1, got 99"):
        train_until(99, train, test, CPU)
    with pytest.raises(ValueError, match="most_epochs must be at least 1, got 0"):
        train_until(0.5, train, test, CPU, most_epochs=0)


def test_without_an_accelerator_it_says_so_with_status_2_and_writes_nothing(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    path = tmp_path / "gpu.json"
    with pytest.raises(SystemExit) as ended:
        gpu.main(["--output", str(path)])
    assert ended.value.code == 2
    expected = "python -m benchmarks.gpu: no accelerator on this machine: nothing measured, nothing written\n"
    assert capsys.readouterr().err == expected
    assert not path.exists()


def test_the_cpu_is_described_without_inventing_anything():
    assert describe(CPU) == {
        "name": "CPU",
        "driver": "none",
        "runtime": None,
        "memory_bytes": None,
        "data_sheet_tflops": None,
    }


def test_records_are_read_or_missing_or_refused(tmp_path):
    assert load_record("gpu", tmp_path) is None
    path = tmp_path / "gpu.json"
    path.write_text("{", encoding="utf-8")
    with pytest.raises(ValueError, match=r"gpu\.json must be JSON"):
        load_record("gpu", tmp_path)
    path.write_text(json.dumps({"date": "2026-01-01", "machine": {}}), encoding="utf-8")
    with pytest.raises(ValueError, match=r"gpu\.json must be a benchmark's record, it lacks command"):
        load_record("gpu", tmp_path)
    machine = {"processor": "P", "threads": 1, "cores": 2, "torch": "9.9"}
    record = {"command": "c", "date": "2026-01-01", "machine": machine}
    path.write_text(json.dumps(record), encoding="utf-8")
    assert provenance(load_record("gpu", tmp_path)) == "c · 2026-01-01 · P, 1 of 2 cores · torch 9.9"
    path.write_text(json.dumps({**record, "schema": SCHEMA}), encoding="utf-8")
    assert load_record("gpu", tmp_path)["command"] == "c"


@pytest.mark.parametrize("schema", [SCHEMA + 1, SCHEMA - 1, str(SCHEMA), True, None, [SCHEMA]])
def test_a_record_of_another_schema_version_is_refused_by_name(schema, tmp_path):
    record = {"command": "c", "date": "2026-01-01", "machine": {}, "schema": schema}
    (tmp_path / "gpu.json").write_text(json.dumps(record), encoding="utf-8")
    expected = f"gpu.json must be of schema version {SCHEMA}, got {schema!r}: measure anew"
    with pytest.raises(ValueError, match=re.escape(expected)):
        load_record("gpu", tmp_path)


def test_the_record_bears_out_what_the_chapter_says_of_it():
    """Steps hardly faster; a first call worth hundreds of them; block by block about half of it."""
    record = load_record("compile")
    whole, blocks, first = record["comparisons"]
    assert record["command"].startswith("python -m benchmarks compile")
    for steps in (whole, blocks):
        assert len(steps["baseline_seconds"]) == len(steps["candidate_seconds"]) == 5
        assert 0.8 < steps["ratio"] < 1.25
    assert 100 < first["baseline_median"] / whole["baseline_median"] < 1000
    assert 1.5 < first["ratio"] < 2.5


def test_the_gpus_record_bears_out_what_the_chapter_says_of_it():
    """Nearly three, eight or fifteen times, an eighth or so, four fifths and under a third, a hundredth."""
    record = load_record("gpu")
    product = {row["candidate"]: row for row in record["products"]}
    step = {row["candidate"]: row["ratio"] for row in record["precisions"]}
    assert 2.5 < step["tf32"] < 3
    assert 7.5 < product["tf32"]["ratio"] < 8.5
    assert 14.5 < product["bf16"]["ratio"] < 15.5
    assert all(product[name]["ratio"] > step[name] for name in ("tf32", "bf16"))
    assert all(1.1 < row["ratio"] < 1.2 for row in record["modes"])
    assert max(row["difference"] for row in record["modes"]) == pytest.approx(0.01, abs=0.001)
    sheet = record["accelerator"]["data_sheet_tflops"]
    assert 0.75 < product["bf16"]["tflops"]["candidate"] / sheet < 0.85
    assert record["utilisation"]["tflops"] / sheet < 1 / 3
    fused = [row["ratio"] for row in record["attention"]]
    assert 9 < min(fused) < max(fused) < 32
    assert max(fused) > max(step.values())
    assert record["modes"][0]["first_call_seconds"] > 5 * record["modes"][-1]["first_call_seconds"]


@pytest.mark.parametrize("path", sorted(RESULTS.glob("*.json")), ids=lambda path: path.stem)
def test_no_record_bears_a_path_of_the_machine_it_was_made_on(path):
    assert "--output" not in load_record(path.stem)["command"]
    assert not re.search(r'[" =](/|[A-Z]:\\\\)\w', path.read_text("utf-8"))
