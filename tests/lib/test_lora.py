"""LoRA against its formula and against peft, merged and apart; and adapters that do not fit."""

from __future__ import annotations

import copy
import math
from pathlib import Path

import peft
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from course_lib.foundations.rounding import additions, assert_same_up_to_rounding
from course_lib.models.gpt import GPT
from course_lib.models.lora import (
    LoRALinear,
    adapter_state_dict,
    adapters,
    add_lora,
    count_parameters,
    load_adapter,
    merge,
    save_adapter,
)

IDS = torch.randint(0, 40, (3, 12), generator=torch.Generator().manual_seed(7))
SIZES = {"context": 16, "d_model": 24, "heads": 2, "layers": 2}


def made(seed: int = 0) -> GPT:
    torch.manual_seed(seed)
    return GPT(40, **SIZES).eval()


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def trained(targets: str | list[str] = "*", rank: int = 3, alpha: float = 6.0) -> GPT:
    """An adapted model whose adapters count for something."""
    model = made()
    add_lora(model, targets, rank, alpha, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        for position, layer in enumerate(adapters(model).values()):
            layer.B.copy_(0.1 * drawn(*layer.B.shape, seed=position))
    return model


def parameters_of(model: nn.Module) -> dict[str, Tensor]:
    return {name: p.detach().clone() for name, p in model.named_parameters()}


def assert_untouched(model: nn.Module, before: dict[str, Tensor]) -> None:
    assert not adapters(model)
    assert parameters_of(model).keys() == before.keys()
    assert all(torch.equal(p, before[name]) and p.requires_grad for name, p in model.named_parameters())


def test_a_fresh_adapter_leaves_the_outputs_as_they_were_to_the_bit():
    model = made()
    before = model(IDS)
    names = add_lora(model, "*", 4, 8.0)
    assert len(names) == 2 * 4
    assert torch.equal(model(IDS), before)


def test_a_starts_uniform_within_one_over_the_root_of_its_inputs_as_the_generator_draws():
    def adapted(seed: int) -> dict[str, Tensor]:
        model = nn.Sequential(nn.Linear(400, 100), nn.Linear(100, 400))
        add_lora(model, "*", 50, 1.0, generator=torch.Generator().manual_seed(seed))
        return adapter_state_dict(model)

    first = adapted(0)
    for name, inputs in {"0.A": 400, "1.A": 100}.items():
        assert first[name].abs().max().item() == pytest.approx(inputs**-0.5, rel=0.01)
        assert first[name].std().item() == pytest.approx((3 * inputs) ** -0.5, rel=0.03)
    assert all(torch.equal(factor, first[name]) for name, factor in adapted(0).items())
    assert not torch.equal(adapted(1)["0.A"], first["0.A"])


def test_the_output_is_that_of_the_changed_matrix():
    layer = LoRALinear(nn.Linear(7, 5), 2, 3.0).double()
    with torch.no_grad():
        layer.B.copy_(drawn(5, 2))
    x = drawn(4, 3, 7, seed=1).double()
    weight = layer.base.weight + 3.0 / 2 * layer.B @ layer.A
    torch.testing.assert_close(layer(x), x @ weight.T + layer.base.bias)
    torch.testing.assert_close(layer.change(), weight - layer.base.weight)
    assert torch.linalg.matrix_rank(layer.change()) == 2


@pytest.mark.parametrize("bias", [True, False])
def test_the_output_is_pefts_with_its_factors_copied(bias):
    plain = nn.Sequential(nn.Linear(9, 6, bias=bias), nn.Tanh(), nn.Linear(6, 4))
    ours = copy.deepcopy(plain)
    config = peft.LoraConfig(r=3, lora_alpha=5, target_modules=["0", "2"], lora_dropout=0.0)
    theirs = peft.get_peft_model(plain, config)
    add_lora(ours, ["0", "2"], 3, 5.0)
    with torch.no_grad():
        for position, (name, layer) in enumerate(adapters(ours).items()):
            other = theirs.base_model.model.get_submodule(name)
            other.lora_B["default"].weight.copy_(drawn(*layer.B.shape, seed=position))
            layer.A.copy_(other.lora_A["default"].weight)
            layer.B.copy_(other.lora_B["default"].weight)
    x = drawn(8, 9)
    torch.testing.assert_close(ours(x), theirs(x))
    assert not torch.allclose(
        ours(x), theirs.get_base_model()[2].base_layer(torch.tanh(plain[0].base_layer(x)))
    )
    assert count_parameters(ours).trainable == sum(p.numel() for p in theirs.parameters() if p.requires_grad)
    ours(x).square().sum().backward()
    theirs(x).square().sum().backward()
    for name, layer in adapters(ours).items():
        other = theirs.base_model.model.get_submodule(name)
        torch.testing.assert_close(layer.A.grad, other.lora_A["default"].weight.grad)
        torch.testing.assert_close(layer.B.grad, other.lora_B["default"].weight.grad)


def test_merged_equals_unmerged_and_leaves_the_plain_model_behind():
    model, plain = trained(), made()
    apart = model(IDS)
    assert not torch.allclose(apart, plain(IDS), atol=1e-3)
    merged = merge(model)
    assert merged == [n for n, m in plain.named_modules() if type(m) is nn.Linear]
    assert_same_up_to_rounding(model(IDS), apart, terms=additions(model))
    assert model.state_dict().keys() == plain.state_dict().keys()
    assert [type(m) for m in model.modules()] == [type(m) for m in plain.modules()]


def test_merging_twice_is_refused_and_changes_nothing():
    model = trained()
    merge(model)
    after = parameters_of(model)
    with pytest.raises(ValueError, match="no adapters to merge: none were added, or they are merged already"):
        merge(model)
    assert all(torch.equal(p, after[name]) for name, p in model.named_parameters())


def test_a_change_that_is_not_finite_is_not_merged_anywhere():
    model = trained()
    last = list(adapters(model))[-1]
    with torch.no_grad():
        adapters(model)[last].B[0, 0] = math.inf
    before = parameters_of(model)
    with pytest.raises(ValueError, match=f"adapter at {last} must be finite"):
        merge(model)
    assert len(adapters(model)) == 8
    assert all(torch.equal(p, before[name]) for name, p in model.named_parameters())


def test_only_the_adapters_are_trained():
    model = trained(["qkv_proj"], rank=2)
    frozen = {n: p.detach().clone() for n, p in model.named_parameters() if not p.requires_grad}
    count = count_parameters(model)
    assert count.trainable == 2 * 2 * (24 + 3 * 24)
    assert count.total == sum(p.numel() for p in made().parameters()) + count.trainable
    optimizer = torch.optim.AdamW(
        (p for p in model.parameters() if p.requires_grad), lr=0.1, weight_decay=0.1
    )
    start = adapter_state_dict(model)
    start = {name: factor.clone() for name, factor in start.items()}
    model(IDS).logsumexp(dim=-1).sum().backward()
    optimizer.step()
    assert all(torch.equal(p, frozen[n]) for n, p in model.named_parameters() if n in frozen)
    assert not any(torch.equal(factor, start[n]) for n, factor in adapter_state_dict(model).items())


@pytest.mark.parametrize(
    ("targets", "names"),
    [
        ("output_proj", ["blocks.0.attention.output_proj", "blocks.1.attention.output_proj"]),
        ("attention.qkv_proj", ["blocks.0.attention.qkv_proj", "blocks.1.attention.qkv_proj"]),
        (
            "blocks.1.*",
            [f"blocks.1.{n}" for n in ("attention.qkv_proj", "attention.output_proj", "expand", "contract")],
        ),
        (
            ["blocks.?.expand", "blocks.0.contract"],
            ["blocks.0.expand", "blocks.0.contract", "blocks.1.expand"],
        ),
    ],
)
def test_targets_are_names_ends_of_names_or_patterns(targets, names):
    assert add_lora(made(), targets, 1, 1.0) == names


@pytest.mark.parametrize("targets", ["q_proj", ["qkv_proj", "proj"], "final_norm", "token_embedding"])
def test_a_target_that_matches_no_linear_layer_is_named_and_nothing_is_done(targets):
    model = made()
    before = parameters_of(model)
    missing = targets if isinstance(targets, str) else targets[-1]
    with pytest.raises(
        ValueError, match=rf"'{missing}' matches none; there are .*blocks\.0\.attention\.qkv_proj"
    ):
        add_lora(model, targets, 2, 2.0)
    assert_untouched(model, before)


@pytest.mark.parametrize(
    ("targets", "rank", "alpha", "message"),
    [
        ("*", 0, 1.0, "rank must be an int of at least 1, got 0"),
        ("*", True, 1.0, "rank must be an int of at least 1, got True"),
        ("*", 1.5, 1.0, "rank must be an int of at least 1, got 1.5"),
        ("*", 1, 0.0, "alpha must be finite and above 0, got 0.0"),
        ("*", 1, math.nan, "alpha must be finite and above 0, got nan"),
        ([], 1, 1.0, "targets must name at least one layer, got none"),
    ],
)
def test_bad_settings_are_refused_before_anything_is_done(targets, rank, alpha, message):
    model = made()
    before = parameters_of(model)
    with pytest.raises(ValueError, match=message):
        add_lora(model, targets, rank, alpha)
    assert_untouched(model, before)


def test_a_second_adapter_is_refused():
    model = trained("qkv_proj")
    with pytest.raises(
        ValueError, match=r"no adapters yet, has 2, the first at blocks\.0.attention\.qkv_proj"
    ):
        add_lora(model, "expand", 1, 1.0)
    assert len(adapters(model)) == 2


def test_a_shared_weight_is_refused():
    tied = nn.Sequential(nn.Embedding(5, 3), nn.Linear(3, 5, bias=False))
    tied[1].weight = tied[0].weight
    before = parameters_of(tied)
    with pytest.raises(ValueError, match=r"1 shares its weight, which is 0\.weight and 1\.weight"):
        add_lora(tied, "1", 1, 1.0)
    assert_untouched(tied, before)


def test_a_layer_that_is_not_linear_is_refused():
    with pytest.raises(TypeError, match=r"base must be an nn\.Linear, got Conv2d"):
        LoRALinear(nn.Conv2d(1, 1, 1), 1, 1.0)


def test_the_adapter_alone_makes_the_model_again(tmp_path: Path):
    model, path = trained(["qkv_proj", "expand"], rank=2, alpha=5.0), tmp_path / "adapter.safetensors"
    save_adapter(model, path)
    other = made()
    assert load_adapter(other, path) == list(adapters(model))
    assert torch.equal(other(IDS), model(IDS))
    assert count_parameters(other) == count_parameters(model)
    assert path.stat().st_size < 4 * count_parameters(model).trainable + 2000
    for name, factor in adapter_state_dict(model).items():
        assert torch.equal(factor, adapter_state_dict(other)[name])


def test_a_saved_name_is_the_whole_name_not_the_end_of_others(tmp_path: Path):
    model = nn.ModuleDict({"map": nn.Linear(3, 3), "inner": nn.ModuleDict({"map": nn.Linear(3, 3)})})
    alone = nn.ModuleDict({"map": nn.Linear(3, 3)})
    add_lora(alone, "map", 1, 1.0)
    save_adapter(alone, tmp_path / "a")
    assert load_adapter(model, tmp_path / "a") == ["map"]
    assert type(model["inner"]["map"]) is nn.Linear


def damaged(factors: dict[str, Tensor], damage: str) -> dict[str, Tensor]:
    first = "blocks.0.attention.qkv_proj"
    if damage == "another shape":
        return factors | {f"{first}.A": torch.zeros(2, 25)}
    if damage == "another width":
        return factors | {f"{first}.B": torch.zeros(24, 2)}
    if damage == "no matrix":
        return factors | {f"{first}.A": torch.tensor(1.0)}
    if damage == "two ranks":
        return factors | {f"{first}.A": torch.zeros(3, 24), f"{first}.B": torch.zeros(72, 3)}
    if damage == "a factor missing":
        return {name: factor for name, factor in factors.items() if name != f"{first}.B"}
    if damage == "another layer":
        return {name.replace("blocks.1", "blocks.7"): factor for name, factor in factors.items()}
    return {name.replace("attention.qkv_proj", "attention_norm"): factor for name, factor in factors.items()}


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("another shape", r"qkv_proj.A must be \(2, 24\) for the model's layer, got \(2, 25\)"),
        ("another width", r"qkv_proj.B must be \(72, 2\) for the model's layer, got \(24, 2\)"),
        ("no matrix", r"qkv_proj\.A must be a matrix, got shape \(\)"),
        ("two ranks", r"must hold adapters of one rank, holds \[2, 3\]"),
        ("a factor missing", "must hold an A and a B for each layer"),
        ("another layer", r"must have a linear layer blocks\.7\.attention\.qkv_proj .* has nothing"),
        ("no linear layer", r"must have a linear layer blocks\.0\.attention_norm .* has LayerNorm"),
    ],
)
def test_an_adapter_that_does_not_fit_leaves_the_model_as_it_was(damage, message, tmp_path: Path):
    factors = adapter_state_dict(trained("qkv_proj", rank=2))
    save_file(damaged(factors, damage), tmp_path / "a", metadata={"alpha": "2.0"})
    model = made()
    before = parameters_of(model)
    with pytest.raises(ValueError, match=message):
        load_adapter(model, tmp_path / "a")
    assert_untouched(model, before)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({}, "must name alpha in its metadata"),
        ({"alpha": "much"}, "must name alpha in its metadata"),
        ({"alpha": "-1.0"}, "alpha must be finite and above 0, got -1.0"),
    ],
)
def test_an_adapter_without_its_alpha_is_refused(metadata, message, tmp_path: Path):
    save_file(adapter_state_dict(trained("qkv_proj")), tmp_path / "a", metadata=metadata)
    model = made()
    before = parameters_of(model)
    with pytest.raises(ValueError, match=message):
        load_adapter(model, tmp_path / "a")
    assert_untouched(model, before)


def test_half_a_file_no_file_and_no_adapter_are_refused(tmp_path: Path):
    path, model = tmp_path / "a", trained("qkv_proj")
    save_adapter(model, path)
    with pytest.raises(ValueError, match="must have no adapters yet, has 2"):
        load_adapter(model, path)
    path.write_bytes(path.read_bytes()[:-10])
    plain = made()
    before = parameters_of(plain)
    with pytest.raises(ValueError, match=f"{path} must be a whole safetensors file"):
        load_adapter(plain, path)
    assert_untouched(plain, before)
    with pytest.raises(FileNotFoundError):
        load_adapter(plain, tmp_path / "none")
    for asked in (adapter_state_dict, lambda m: save_adapter(m, path)):
        with pytest.raises(ValueError, match="model has no adapters"):
            asked(plain)


def test_adapters_of_two_alphas_are_not_saved_as_one(tmp_path: Path):
    model = trained("qkv_proj")
    adapters(model)["blocks.0.attention.qkv_proj"].alpha = 1.0
    with pytest.raises(ValueError, match=r"one alpha to be saved together, have \[1\.0, 6\.0\]"):
        save_adapter(model, tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_an_adapter_follows_its_layers_dtype():
    layer = LoRALinear(nn.Linear(4, 3).bfloat16(), 2, 2.0)
    assert layer.A.dtype == layer.B.dtype == torch.bfloat16
    assert layer(torch.ones(1, 4, dtype=torch.bfloat16)).dtype == torch.bfloat16


@pytest.mark.parametrize("training", [True, False])
def test_adapters_come_in_the_models_mode_and_leave_it(training: bool, tmp_path: Path):
    save_adapter(trained(), tmp_path / "adapter.safetensors")
    added, loaded = made().train(training), made().train(training)
    add_lora(added, "*", 3, 6.0)
    load_adapter(loaded, tmp_path / "adapter.safetensors")
    for model in (added, loaded):
        assert {module.training for module in model.modules()} == {training}
        merge(model)
        assert {module.training for module in model.modules()} == {training}
