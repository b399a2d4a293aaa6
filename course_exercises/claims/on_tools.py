"""Rulings on installing, saving, deploying, measuring and speeding up: facts in, one word out."""

from course_exercises.claims.verdict import word


def state_dict(state_restored: bool, whole_model: str) -> str:
    """Weights must survive the trip; `whole_model` is how loading a pickled module ends by default."""
    if not state_restored:
        return "wrong"
    return "right" if whole_model == "UnpicklingError" else "misleading"


def pip_install(command_names_a_version: bool, torchvision_asks_for_a_version: bool) -> str:
    """A command without versions says less than the packages themselves demand."""
    return word(
        refuted=torchvision_asks_for_a_version and not command_names_a_version,
        borne_out=command_names_a_version or not torchvision_asks_for_a_version,
        otherwise="incomplete",
    )


def torch_metrics(in_torch: bool, separate_package: bool) -> str:
    """The metrics live in a package of their own."""
    return word(refuted=separate_package and not in_torch, borne_out=in_torch)


def deploy_with_jit(
    jit_warnings: tuple[str, ...], export_warnings: tuple[str, ...], export_equal: bool
) -> str:
    """A deprecated way beside one that works in silence is out of date; torch has said it in two classes."""
    notices = {"FutureWarning", "DeprecationWarning"}
    deprecated = not notices.isdisjoint(jit_warnings)
    return word(
        refuted=deprecated and notices.isdisjoint(export_warnings) and export_equal,
        borne_out=not deprecated,
        otherwise="outdated",
    )


def pruning_is_faster(
    zeros: float, bytes_scattered: float, flops_scattered: float, bytes_by_rows: float, flops_by_rows: float
) -> str:
    """Bytes and multiplications left, as shares: with zeros scattered, and with whole rows taken out."""
    scattered, rows = (bytes_scattered, flops_scattered), (bytes_by_rows, flops_by_rows)
    if zeros < 0.5:
        return "not decided"
    if max(scattered) < 1:
        return "right"
    return "right, with conditions" if max(rows) < 1 else "wrong"


def slower_than_tensorflow(frameworks_here: tuple[str, ...], old_program_warnings: tuple[str, ...]) -> str:
    """Without both frameworks nothing is compared; of stability one old program gives a hint, no proof."""
    return "not decided" if len(frameworks_here) > 1 or old_program_warnings else "unproven"


def news_of_two(captured_graphs: int, operations: int, model_changed: bool) -> str:
    """The news is the compiler, if it takes an ordinary model and turns it into one graph."""
    return word(
        refuted=captured_graphs == 1 and operations > 1 and not model_changed, borne_out=captured_graphs == 0
    )


def mixed_precision(product: str, weights: str, bytes_ratio: float, small_step_lost: bool) -> str:
    """Half the bytes for the products, full precision for the weights, and a price in digits."""
    gains = product == "bfloat16" and weights == "float32" and bytes_ratio == 0.5
    if not gains:
        return "wrong"
    return "right, with conditions" if small_step_lost else "right"
