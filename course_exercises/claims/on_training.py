"""Rulings on data, training loops, optimisers and printed code: facts in, one word out."""


def loader_preprocesses(batch_is_plain_stack: bool, has_transform_argument: bool) -> str:
    """A loader that only stacks what the data set returns does no preprocessing of its own."""
    return "misleading" if batch_is_plain_stack and not has_transform_argument else "right"


def no_validation(chosen_on_test: float, on_fresh_data: float) -> str:
    """Choosing on the test set is harmless only if the winner's score holds on data nobody chose by."""
    return "incomplete" if chosen_on_test - on_fresh_data > 0.05 else "right"


def update_each_epoch(batches: int, updates_in_one_epoch: int) -> str:
    """Forward to update happens once a mini-batch, or once an epoch."""
    return "wrong" if updates_in_one_epoch == batches > 1 else "right"


def eval_then_forward(hooks_by_call: int, hooks_by_forward: int, eval_builds_graph: bool) -> str:
    """`forward` must run hooks, and `eval` must switch the graph off, for this to be sound advice."""
    return "wrong" if hooks_by_forward < hooks_by_call or eval_builds_graph else "right"


def finds_the_optimum(best_height: float, reached: dict[str, float]) -> str:
    """Every start must reach the lowest point."""
    return "wrong" if any(height - best_height > 1e-3 for height in reached.values()) else "right"


def fine_tuning(before: float, tuned: float, fresh: float) -> str:
    """Further training must improve the pretrained model, and its past must be worth something."""
    return "right" if tuned > before and tuned > fresh + 0.02 else "wrong"


def fresh_training_is_tuning(fresh_start: float, pretrained_start: float) -> str:
    """Accuracies before any further training: a fresh model has nothing to tune."""
    return "wrong" if pretrained_start > fresh_start + 0.2 else "right"


def loss_needs_a_module(function_trains: bool, worst_gap: float) -> str:
    """A function that trains and has the module's gradient refutes it."""
    return "wrong" if function_trains and worst_gap == 0 else "right"


def gradients_and_optimisers(
    forward_passes_without: int, backward_passes_with: int, guessing: float, descending: float
) -> str:
    """Gradients must be cheaper than differences, and descending must beat guessing (losses)."""
    cheaper = backward_passes_with < forward_passes_without
    return "right" if cheaper and descending < guessing else "wrong"


def adagrad_is_adam(adagrad_shrinks_to: float, adam_shrinks_to: float) -> str:
    """Under a constant gradient one algorithm's steps shrink and the other's do not."""
    return "wrong" if abs(adagrad_shrinks_to - adam_shrinks_to) > 0.1 else "right"


def optimiser_by_data_size(small_sgd: float, small_adam: float, large_sgd: float, large_adam: float) -> str:
    """Losses reached: SGD ahead on little data and Adam on much contradict the rule."""
    return "wrong" if small_sgd < small_adam and large_adam < large_sgd else "right"


def converges_faster(ahead_early: str, ahead_late: str) -> str:
    """“Faster” means something only if who is ahead does not depend on when one looks."""
    return "misleading" if ahead_early != ahead_late else "right"


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
