"""Rulings on data, training loops, optimisers and printed code: facts in, one word out."""

from course_exercises.claims.verdict import word


def loader_preprocesses(batch_is_plain_stack: bool, has_transform_argument: bool) -> str:
    """A loader that only stacks what the data set returns does no preprocessing of its own."""
    return word(
        refuted=batch_is_plain_stack and not has_transform_argument,
        borne_out=has_transform_argument or not batch_is_plain_stack,
        otherwise="misleading",
    )


def no_validation(chosen_on_test: float, on_fresh_data: float) -> str:
    """Choosing on the test set is harmless only if the winner's score holds on data nobody chose by."""
    lost = chosen_on_test - on_fresh_data
    return word(refuted=lost > 0.05, borne_out=abs(lost) <= 0.02, otherwise="incomplete")


def update_each_epoch(batches: int, updates_in_one_epoch: int) -> str:
    """Read literally, the four steps happen once in an epoch; in fact, once in a mini-batch."""
    return word(
        refuted=batches > 1 and updates_in_one_epoch == batches,
        borne_out=batches > 1 and updates_in_one_epoch == 1,
        otherwise="misleading",
    )


def eval_then_forward(hooks_by_call: int, hooks_by_forward: int, eval_builds_graph: bool) -> str:
    """`forward` must run hooks, and `eval` must switch the graph off, for this to be sound advice."""
    skips = hooks_by_forward < hooks_by_call
    return word(
        refuted=skips or eval_builds_graph,
        borne_out=hooks_by_forward > 0 and not skips and not eval_builds_graph,
    )


def finds_the_optimum(
    best_height: float, reached: dict[str, float], best_convex: float, reached_convex: float
) -> str:
    """Every start must reach the lowest point; where there is one valley, one start must."""
    convex = reached_convex - best_convex <= 1e-3
    if all(height - best_height <= 1e-3 for height in reached.values()):
        return "right" if convex else "not decided"
    return "right, with conditions" if convex else "wrong"


def fine_tuning(before: float, tuned: float, fresh: float) -> str:
    """Further training must improve the pretrained model, and its past must be worth something."""
    gains = tuned > before and tuned > fresh + 0.02
    return word(refuted=tuned <= before or tuned <= fresh, borne_out=gains)


def fresh_training_is_tuning(fresh_start: float, pretrained_start: float) -> str:
    """Accuracies before any further training: a fresh model has nothing to tune."""
    ahead = pretrained_start - fresh_start
    return word(refuted=ahead > 0.2, borne_out=abs(ahead) < 0.02)


def loss_needs_a_module(function_trains: bool, worst_gap: float) -> str:
    """A function that trains and has the module's gradient refutes it."""
    return word(refuted=function_trains and worst_gap == 0, borne_out=not function_trains)


def gradients_and_optimisers(
    forward_passes_without: int, backward_passes_with: int, guessing: float, descending: float
) -> str:
    """Gradients must be cheaper than differences, and descending must beat guessing (losses)."""
    cheaper = backward_passes_with < forward_passes_without
    return "right" if cheaper and descending < guessing else "wrong"


def adagrad_is_adam(adagrad_shrinks_to: float, adam_shrinks_to: float) -> str:
    """Under a constant gradient one algorithm's steps shrink and the other's do not."""
    gap = abs(adagrad_shrinks_to - adam_shrinks_to)
    return word(refuted=gap > 0.1, borne_out=gap < 0.01)


def optimiser_by_data_size(
    little_sgd: list[float], little_adam: list[float], much_sgd: list[float], much_adam: list[float]
) -> str:
    """Test accuracies, each at its best rate, one for each seed: the rule needs a winner on little and on much."""

    def ahead(one: list[float], other: list[float]) -> bool:
        return min(one) > max(other)

    rule = ahead(little_adam, little_sgd) and ahead(much_sgd, much_adam)
    return word(refuted=not rule, borne_out=rule)


def converges_faster(ahead_early: str, ahead_late: str) -> str:
    """“Faster” means something only if who is ahead does not depend on when one looks."""
    return word(
        refuted=ahead_early != ahead_late, borne_out=ahead_early == ahead_late, otherwise="misleading"
    )


def softmax_recipe(accuracy: float, repeatable: bool, chance: float) -> str:
    """The printed program runs and learns; without a seed its digits belong to one run."""
    if accuracy < 2 * chance:
        return "wrong"
    return "right" if repeatable else "incomplete"


def transformer_class(undefined_name: str, dropout_became: str, construction: str, one_input: str) -> str:
    """Exception names at three places, and the parameter that got the dropout."""
    fails = undefined_name or construction or one_input or dropout_became != "dropout"
    return "does not run" if fails else "runs"


def loop_over_input(error: str, loss_shape: tuple[int, ...], batch: int) -> str:
    """The name `input` must be data; per-example losses must be as many as the examples."""
    if error:
        return "does not run"
    return "runs" if loss_shape in {(batch,), (batch, 1)} else "wrong"


def collaborative_filtering(error: float, guess: float) -> str:
    """Root mean square errors on ratings nobody showed the model: factorisation against the mean."""
    return "right" if error < guess / 2 else "wrong"
