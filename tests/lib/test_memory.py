"""Memory by formula, equal to the bytes of live tensors to the last one."""

from __future__ import annotations

from functools import partial

import pytest
import torch
import torch.nn.functional as F
from classifier_memory import convnet_activation_bytes, mlp_activation_bytes
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.autograd.graph import saved_tensors_hooks
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.checkpoint import checkpoint
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.accelerator import most_allocated
from course_lib.models.cost import (
    PRECISIONS,
    GPTShape,
    gpt_activation_bytes,
    gpt_backward_moments,
    gpt_block_bytes,
    gpt_forward_flops,
    gpt_gathered_bytes,
    gpt_parameters,
    gpt_tensors,
    gpt_working_bytes,
)
from course_lib.models.gpt import GPT
from course_lib.models.image_classifiers import MLP, ConvNet
from course_lib.records import load_record
from course_lib.training.memory import (
    TrainingBytes,
    measure_step,
    optimizer_bytes,
    peak_bytes,
    saved_tensors,
    state_bytes,
    storage_bytes,
)

OPTIMIZERS = {
    "sgd": lambda parameters: torch.optim.SGD(parameters, lr=0.1),
    "momentum": lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.9),
    "adam": lambda parameters: torch.optim.Adam(parameters, fused=True),
}
# vocabulary, context, d_model, heads, layers, and batch, seq: one of each, odd numbers, a single token
SHAPES = [
    (GPTShape(50, 16, 32, 4, 2), 3, 16),
    (GPTShape(77, 20, 24, 3, 3), 1, 7),
    (GPTShape(31, 9, 10, 1, 1), 2, 1),
    (GPTShape(200, 64, 48, 6, 4), 5, 50),
]


def gpt(shape, precision="fp32"):
    torch.manual_seed(0)
    sizes = shape._asdict()
    model = GPT(sizes.pop("vocab_size"), **sizes)
    return model.bfloat16() if precision == "bf16" else model


def checkpoint_blocks(model):
    for block in model.blocks:
        block.forward = partial(checkpoint, block.forward, use_reentrant=False)


def next_token_loss(model, shape, batch, seq, precision="fp32"):
    inputs, targets = (torch.randint(shape.vocab_size, (batch, seq)) for _ in range(2))

    def loss():
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "autocast bf16"):
            return F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten())

    return loss


def apart_on_the_cpu(shape, tokens, precision, *, checkpointing):
    """Bytes that the formula, which is a GPU's, counts and the CPU does not keep."""
    if precision == "autocast bf16":  # the loss is computed from fp32 logits: no bf16 logarithms besides
        return 2 * tokens * shape.vocab_size
    norms = 1 + (0 if checkpointing else 2 * shape.layers)
    return 4 * tokens * norms if precision == "bf16" else 0  # 2 bytes a mean and a deviation, not 4


@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize(("shape", "batch", "seq"), SHAPES)
def test_a_gpts_training_step_takes_the_bytes_predicted(shape, batch, seq, precision, checkpointing):
    model = gpt(shape, precision)
    if checkpointing:
        checkpoint_blocks(model)
    optimizer = OPTIMIZERS["adam"](model.parameters())
    found = measure_step(model, optimizer, next_token_loss(model, shape, batch, seq, precision))
    predicted = state_bytes(
        gpt_parameters(shape), tensors=gpt_tensors(shape), bytes_each=PRECISIONS[precision].weight
    )
    activations = gpt_activation_bytes(shape, batch, seq, precision=precision, checkpointing=checkpointing)
    activations -= apart_on_the_cpu(shape, batch * seq, precision, checkpointing=checkpointing)
    assert found == predicted._replace(activations=activations)


def attention_as_on_cuda(query, key, value, *, attn_mask, is_causal):
    """The kernels that a GPU takes: fake tensors alone would fall back to the written-out formula."""
    assert attn_mask is None
    aten = torch.ops.aten
    if query.dtype == torch.bfloat16:
        return aten._scaled_dot_product_flash_attention(query, key, value, 0.0, is_causal)[0]
    return aten._scaled_dot_product_efficient_attention(query, key, value, None, True, 0.0, is_causal)[0]


@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize(("shape", "batch", "seq"), [*SHAPES, (GPTShape(50304, 1024, 768, 12, 12), 8, 1024)])
def test_cudas_own_autocast_saves_the_bytes_predicted(
    shape, batch, seq, precision, checkpointing, monkeypatch
):
    """Fake tensors say they are on a GPU, so PyTorch's rules for CUDA decide what is cast and saved."""
    monkeypatch.setattr(torch.cuda.amp.common, "amp_definitely_not_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda *_: True)
    monkeypatch.setattr(F, "scaled_dot_product_attention", attention_as_on_cuda)
    monkeypatch.setattr("course_lib.checks.check_ids", lambda *_: None)  # there are no numbers to look at
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    saved = {}
    with FakeTensorMode(allow_non_fake_inputs=True):
        sizes = shape._asdict()
        model = GPT(sizes.pop("vocab_size"), **sizes)
        for module in model.modules():
            for name, parameter in list(module.named_parameters(recurse=False)):
                there = nn.Parameter(torch.empty(parameter.shape, dtype=dtype, device="cuda"))
                setattr(module, name, there)
        if checkpointing:
            checkpoint_blocks(model)
        own = {parameter.untyped_storage()._cdata for parameter in model.parameters()}
        inputs, targets = (torch.zeros(batch, seq, dtype=torch.int64, device="cuda") for _ in range(2))

        def note(tensor):
            storage = tensor.untyped_storage()
            random_state = tensor.ndim == 0 or tensor.dtype == torch.uint64  # the kernels', or a total weight
            if storage._cdata not in own and not random_state:
                saved[storage._cdata] = storage.nbytes()
            return tensor

        with (
            saved_tensors_hooks(note, lambda tensor: tensor),
            torch.autocast("cuda", torch.bfloat16, enabled=precision == "autocast bf16"),
        ):
            loss = F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten())
    assert loss.device.type == "cuda"
    predicted = gpt_activation_bytes(shape, batch, seq, precision=precision, checkpointing=checkpointing)
    predicted -= PRECISIONS[precision].stream  # the loss's total weight, a scalar
    if precision == "fp32" and not checkpointing:  # this kernel rounds the row of log-sums up to 32 tokens
        predicted += 4 * shape.layers * batch * shape.heads * (-seq % 32)
    assert sum(saved.values()) == predicted


# Two rows of the record hold more than the step did, for reasons that the formula does not know.
LEFT_BEHIND = {("small", "bf16", False)}
KERNELS_OWN = {("small", "autocast bf16", True), ("small", "bf16", True)}


def recorded(row):
    work = dict(row["work"])
    batch, seq = work.pop("batch"), work.pop("seq")
    shape = GPTShape(**work)
    kind = {"precision": row["precision"], "checkpointing": row["checkpointing"]}
    held = state_bytes(
        gpt_parameters(shape), tensors=gpt_tensors(shape), bytes_each=PRECISIONS[row["precision"]].weight
    )._replace(activations=gpt_activation_bytes(shape, batch, seq, **kind))
    peak = peak_bytes(held, working=gpt_working_bytes(shape, batch, seq, **kind))
    name = ("GPT-2" if shape.d_model == 768 else "small", *kind.values())
    return name, shape, peak, held.weights + held.optimizer + held.activations


def test_the_formula_is_within_5_percent_of_a_gpus_allocator():
    rows = load_record("gpu")["memory"]
    seen = set()
    for row in rows:
        name, shape, peak, held = recorded(row)
        measured, measured_held = row["measured"], row["measured_held"]
        if name in LEFT_BEHIND:
            # Checkpointed blocks are in a reference cycle; the autocast row's were collected within this one.
            blocks = 4 * shape.layers * (12 * shape.d_model**2 + 13 * shape.d_model)
            measured, measured_held = measured + blocks, measured_held + blocks
        if name in KERNELS_OWN:
            # Beside the wide layer's gradient a kernel holds 64 MiB; an allocation's slack is up to 1 MiB.
            assert measured - peak == pytest.approx(64 * 2**20, abs=16 * 2**20)
            measured -= 64 * 2**20
        assert peak == pytest.approx(measured, rel=0.05), name
        assert held == pytest.approx(measured_held, rel=0.05 if name[0] == "small" else 0.01), name
        seen.add(name)
    assert len(seen) == 12


def test_the_record_knows_the_terms_of_autocast():
    """Without the bf16 logarithms 12 % too little is held; two fp32 gradients of the logits are too many."""
    row = next(each for each in load_record("gpu")["memory"] if each["precision"] == "autocast bf16")
    _, shape, peak, held = recorded(row)
    logits = row["work"]["batch"] * row["work"]["seq"] * shape.vocab_size
    assert held - 2 * logits < 0.89 * row["measured_held"]
    assert peak - 2 * logits + 4 * logits > 1.09 * row["measured"]


@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("shape", [GPTShape(512, 64, 64, 4, 4), GPTShape(64, 64, 96, 4, 6)])
def test_the_worst_moment_is_as_high_as_the_allocator_saw(shape, precision, checkpointing):
    batch, seq = 4, 64
    model = gpt(shape, precision)
    if checkpointing:
        checkpoint_blocks(model)
    optimizer = OPTIMIZERS["adam"](model.parameters())
    loss = next_token_loss(model, shape, batch, seq, precision)
    held = measure_step(model, optimizer, loss)

    def step():
        loss().backward()
        optimizer.step()
        optimizer.zero_grad()

    optimizer.zero_grad()
    found = held.weights + held.optimizer + most_allocated(step, torch.device("cpu"))
    setting = {"precision": precision, "checkpointing": checkpointing}
    held = held._replace(activations=gpt_activation_bytes(shape, batch, seq, **setting))
    predicted = peak_bytes(held, working=gpt_working_bytes(shape, batch, seq, **setting))
    assert predicted == pytest.approx(found, rel=0.05)


def test_the_moments_are_the_parts_of_the_worst_one():
    shape, batch, seq = SHAPES[3]
    for precision in PRECISIONS:
        moments = gpt_backward_moments(shape, batch, seq, precision=precision)
        kept = gpt_activation_bytes(shape, batch, seq, precision=precision)
        begins, last, first = moments.values()
        assert (begins.activations, begins.gradients) == (kept, 0)
        assert kept > last.activations > first.activations
        assert last.gradients < first.gradients < PRECISIONS[precision].weight * gpt_parameters(shape)
        worst = gpt_working_bytes(shape, batch, seq, precision=precision) + kept
        assert worst == max(map(sum, moments.values()))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("kind", [MLP, ConvNet])
def test_a_classifiers_training_step_takes_the_bytes_predicted(kind, training, optimizer):
    torch.manual_seed(0)
    model = kind().train(training)
    images, labels = torch.rand(7, 1, 28, 28), torch.randint(10, (7,))
    updates = OPTIMIZERS[optimizer](model.parameters())
    found = measure_step(model, updates, lambda: F.cross_entropy(model(images), labels))
    parameters = list(model.parameters())
    state = state_bytes(sum(p.numel() for p in parameters), tensors=len(parameters), optimizer=optimizer)
    formula = mlp_activation_bytes(7) if kind is MLP else convnet_activation_bytes(7, training=training)
    assert found == state._replace(activations=formula)


def test_another_width_of_the_mlp():
    model, images = MLP(hidden=31), torch.rand(2, 1, 28, 28)
    _, kept = saved_tensors(lambda: F.cross_entropy(model(images), torch.tensor([1, 2])), model)
    assert storage_bytes(kept) == mlp_activation_bytes(2, hidden=31)


def test_a_storage_counts_once_and_whole():
    base = torch.zeros(10, 10)
    assert storage_bytes([base, base[:3], base.T, base.view(-1)[50:]]) == 400
    assert storage_bytes([base[:1], torch.zeros(3, dtype=torch.bfloat16)]) == 406
    assert storage_bytes([]) == 0


def test_a_tied_matrix_counts_once_and_a_frozen_one_has_no_gradient():
    first, second = nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False)
    second.weight = first.weight
    frozen = nn.Linear(4, 4, bias=False).requires_grad_(False)
    model = nn.Sequential(first, second, frozen)
    optimizer = torch.optim.Adam([first.weight], fused=True)
    found = measure_step(model, optimizer, lambda: model(torch.ones(2, 4)).sum())
    assert (found.weights, found.gradients, found.optimizer) == (128, 64, 132)


def test_saved_tensors_are_what_the_backward_pass_reads():
    layer = nn.Linear(3, 2)
    x = torch.rand(5, 3)
    loss, kept = saved_tensors(lambda: torch.tanh(layer(x)).sum(), layer)
    assert [tuple(each.shape) for each in kept] == [(5, 3), (5, 2)]
    assert storage_bytes(kept) == 4 * 5 * (3 + 2)
    loss.backward()
    assert layer.weight.grad is not None


@pytest.mark.parametrize(("shape", "batch", "seq"), SHAPES[:2] + SHAPES[3:])
def test_operations_are_those_torch_counts(shape, batch, seq):
    model = gpt(shape)
    loss = next_token_loss(model, shape, batch, seq)
    # The written-out attention is counted alike everywhere; a fused kernel's count is that kernel's own.
    with sdpa_kernel(SDPBackend.MATH):
        with FlopCounterMode(display=False) as counter:
            value = loss()
        assert counter.get_total_flops() == gpt_forward_flops(shape, batch, seq)
        with FlopCounterMode(display=False) as counter:
            value.backward()
    assert counter.get_total_flops() == 2 * gpt_forward_flops(shape, batch, seq)


def test_with_checkpointing_two_blocks_recompute_one_after_the_other():
    """Beside every block's input there is never more than one block's worth: so the working memory is one."""
    shape, batch, seq = SHAPES[3]
    whole = gpt_activation_bytes(shape, batch, seq)
    thin = gpt_activation_bytes(shape, batch, seq, checkpointing=True)
    block = gpt_block_bytes(shape, batch, seq)
    assert whole - thin == shape.layers * (block - 4 * batch * seq * shape.d_model)


@pytest.mark.parametrize(
    ("sharding", "expected"),
    [
        ("none", TrainingBytes(400, 400, 800)),
        ("optimizer", TrainingBytes(400, 400, 267)),
        ("gradients", TrainingBytes(400, 134, 267)),
        ("weights", TrainingBytes(134, 134, 267)),
    ],
)
def test_sharding_divides_one_kind_more_at_each_stage(sharding, expected):
    assert state_bytes(100, devices=3, sharding=sharding) == expected
    counts = state_bytes(100, tensors=5, devices=3, sharding=sharding).optimizer - expected.optimizer
    assert counts == 20


def test_where_weights_are_sharded_one_block_and_the_ends_are_whole():
    shape = SHAPES[3][0]
    model = gpt(shape)
    ends = [model.token_embedding, model.position_embedding, model.final_norm]
    whole = storage_bytes(p for module in (*ends, model.blocks[2]) for p in module.parameters())
    assert gpt_gathered_bytes(shape) == whole
    assert gpt_gathered_bytes(shape, precision="bf16") == whole // 2


def test_shared_out_gradients_lower_the_last_moment_of_the_backward_pass():
    shape = GPTShape(64, 32, 256, 4, 8)
    alone, shared = (
        gpt_working_bytes(shape, 1, 32, checkpointing=True, gradient_shards=shards) for shards in (1, 4)
    )
    written = 4 * (gpt_parameters(shape) - 32 * 256 - 2 * (4 * 256**2 + 3 * 256))
    assert alone - shared == written - written // 4


def test_the_worst_moment_is_the_backward_passs_start_or_the_update():
    assert peak_bytes(TrainingBytes(10, 10, 20, 100), working=7) == 137
    assert peak_bytes(TrainingBytes(10, 10, 20, 5), working=2) == 40
    assert peak_bytes(TrainingBytes(10, 10, 20, 5)) == 40


def test_the_optimiser_holds_nothing_before_its_first_update():
    model = nn.Linear(3, 5)
    adam = torch.optim.Adam(model.parameters())
    assert optimizer_bytes(adam) == 0
    model(torch.ones(1, 3)).sum().backward()
    adam.step()
    assert optimizer_bytes(adam) == 2 * 4 * 20 + 2 * 4


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: state_bytes(0), "parameters must be at least 1, got 0"),
        (lambda: state_bytes(3, tensors=-1), "tensors must be at least 0, got -1"),
        (lambda: state_bytes(3, devices=0), "devices must be at least 1, got 0"),
        (lambda: state_bytes(3, bytes_each=0), "bytes_each must be at least 1, got 0"),
        (lambda: state_bytes(3, optimizer="lion"), "optimizer must be one of sgd, momentum, adam, got"),
        (lambda: state_bytes(3, sharding="all"), "sharding must be one of none, optimizer, gradients"),
        (lambda: peak_bytes(TrainingBytes(1, 1, 1), working=-1), "working must be at least 0, got -1"),
        (lambda: gpt_parameters(GPTShape(5, 5, 0, 1, 1)), "d_model must be at least 1, got 0"),
        (lambda: gpt_forward_flops(SHAPES[0][0], 0, 5), "batch must be at least 1, got 0"),
        (lambda: gpt_activation_bytes(SHAPES[0][0], 1, 0), "seq must be at least 1, got 0"),
        (lambda: gpt_working_bytes(SHAPES[0][0], 1, 2, precision="fp8"), "precision must be one of fp32"),
        (lambda: gpt_working_bytes(SHAPES[0][0], 1, 2, gradient_shards=0), "gradient_shards must be"),
        (lambda: gpt_gathered_bytes(SHAPES[0][0], precision="fp8"), "precision must be one of fp32"),
        (lambda: gpt_block_bytes(SHAPES[0][0], 1, 2, precision="fp8"), "precision must be one of fp32, auto"),
        (lambda: mlp_activation_bytes(1, hidden=0), "hidden must be at least 1, got 0"),
        (lambda: convnet_activation_bytes(0), "batch must be at least 1, got 0"),
    ],
)  # fmt: skip
def test_errors_name_the_parameter(call, text):
    with pytest.raises(ValueError, match=text):
        call()
