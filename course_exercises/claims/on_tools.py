"""Rulings on installing, saving, deploying, measuring and speeding up: facts in, one word out."""


def state_dict(state_restored: bool, whole_model: str) -> str:
    """Weights must survive the trip; `whole_model` is how loading a pickled module ends by default."""
    if not state_restored:
        return "wrong"
    return "right" if whole_model == "UnpicklingError" else "misleading"


def pip_install(command_names_a_version: bool, torchvision_asks_for_a_version: bool) -> str:
    """A command without versions says less than the packages themselves demand."""
    return "incomplete" if torchvision_asks_for_a_version and not command_names_a_version else "right"


def torch_metrics(in_torch: bool, separate_package: bool) -> str:
    """The metrics live in a package of their own."""
    return "wrong" if separate_package and not in_torch else "right"


def deploy_with_jit(
    jit_warnings: tuple[str, ...], export_warnings: tuple[str, ...], export_equal: bool
) -> str:
    """A deprecated way beside one that works in silence is out of date; torch has said it in two classes."""
    notices = {"FutureWarning", "DeprecationWarning"}
    deprecated = not notices.isdisjoint(jit_warnings) and notices.isdisjoint(export_warnings)
    return "outdated" if deprecated and export_equal else "right"


def pruning_is_faster(
    zeros: float, bytes_before: int, bytes_after: int, flops_before: int, flops_after: int
) -> str:
    """Zeros that are stored and multiplied like any other number save nothing."""
    saves = bytes_after < bytes_before or flops_after < flops_before
    return "wrong" if zeros >= 0.5 and not saves else "right"


def slower_than_tensorflow(names: dict[str, bool], old_program_warnings: tuple[str, ...]) -> str:
    """A comparison names version, model, machine; an interface is unstable if old code complains."""
    if old_program_warnings:
        return "right"
    return "right" if all(names.values()) else "unproven"


def news_of_two(captured_graphs: int, operations: int, model_changed: bool) -> str:
    """The news is the compiler, if it takes an ordinary model and turns it into one graph."""
    return "wrong" if captured_graphs == 1 and operations > 1 and not model_changed else "right"


def mixed_precision(product: str, weights: str, bytes_ratio: float, small_step_lost: bool) -> str:
    """Half the bytes for the products, full precision for the weights, and a price in digits."""
    gains = product == "bfloat16" and weights == "float32" and bytes_ratio == 0.5
    if not gains:
        return "wrong"
    return "right, with conditions" if small_step_lost else "right"
