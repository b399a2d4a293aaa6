"""Rulings on tensors, gradients, layers and formulas: facts in, one word out.

Each function's arguments are what a cell of "Claims, checked" measured; it returns the word that the facts
deserve, so that another behaviour of torch means another word.
"""

from course_exercises.claims.verdict import word


def tensor_is_an_array(distinct_per_property: dict[str, int]) -> str:
    """More than an array, if tensors of equal shape and numbers still differ in some property."""
    counts = list(distinct_per_property.values())
    return word(
        refuted=any(n > 1 for n in counts),
        borne_out=len(counts) > 0 and all(n == 1 for n in counts),
        otherwise="incomplete",
    )


def dynamic_graph_is_fast(eager_runs: int, captured_runs: int, calls: int) -> str:
    """Python works anew at every eager call, and once where the graph is captured: capture saves work."""
    return word(
        refuted=eager_runs == calls and captured_runs < calls, borne_out=eager_runs < captured_runs <= calls
    )


def to_moves(same_tensor: bool, tensor_changed: bool, same_module: bool, module_changed: bool) -> str:
    """A tensor's `to` makes another tensor, a module's works in place."""
    copies = not same_tensor and not tensor_changed
    moves = same_module and module_changed
    return word(
        refuted=copies and moves, borne_out=same_tensor and tensor_changed and moves, otherwise="misleading"
    )


def all_gradients(leaf_that_asks: bool, leaf_that_does_not: bool) -> str:
    """All gradients would include those of leaves that never asked."""
    return word(refuted=not leaf_that_does_not, borne_out=leaf_that_asks and leaf_that_does_not)


def gradient_of_every_node(leaf: bool, inner_node: bool, inner_node_that_asked: bool) -> str:
    """A gradient stays at leaves, and at an inner node only on request."""
    return word(
        refuted=leaf and not inner_node and inner_node_that_asked,
        borne_out=leaf and inner_node and inner_node_that_asked,
    )


def gradient_is_directional_derivative(
    shape: tuple[int, ...], slopes: list[float], slopes_are_products: bool
) -> str:
    """One vector, many slopes; every slope is the vector's product with its direction."""
    differ = max(slopes) - min(slopes) > 1e-6
    return word(refuted=shape != () and differ and slopes_are_products, borne_out=shape == () and not differ)


def backward_optimises(moved_by_backward: float, moved_by_step: float) -> str:
    """What optimises must move the parameters."""
    return word(refuted=moved_by_backward == 0 and moved_by_step > 0, borne_out=moved_by_backward > 0)


def every_layer_has_weights(parameters: dict[str, int]) -> str:
    """One layer without parameters is enough."""
    counts = list(parameters.values())
    return word(refuted=0 in counts, borne_out=len(counts) > 1 and min(counts) > 0)


def one_weight_a_neuron(weights: int, biases: int) -> str:
    """Weights and biases of one neuron of the layer."""
    return word(refuted=(weights, biases) != (1, 1), borne_out=(weights, biases) == (1, 1))


def linear_is_wx(one_example: bool, batch_as_written: bool, batch_transposed: bool) -> str:
    """The formula must hold for the batch that every training loop passes."""
    if one_example and batch_as_written:
        return "right"
    return "half right" if one_example and batch_transposed else "wrong"


def linear_module(shape: tuple[int, ...], parameters: int) -> str:
    """A Linear(10, 1) maps (batch, 10) to (batch, 1) with ten weights and a bias."""
    return "right" if shape[1:] == (1,) and parameters == 11 else "wrong"


def attention_crosses_layers(layers: int, attention: float, position_wise: float) -> str:
    """One layer that carries information between positions refutes it; a position-wise one carries none."""
    return word(
        refuted=layers == 1 and attention > 0 and position_wise == 0,
        borne_out=layers == 1 and attention == 0,
    )


def transformer_and_bert(later_words_seen: bool, later_words_seen_when_masked: bool) -> str:
    """An encoder reads both ways; a causal mask makes the family that the list leaves out."""
    return word(
        refuted=later_words_seen and not later_words_seen_when_masked,
        borne_out=later_words_seen and later_words_seen_when_masked,
        otherwise="incomplete",
    )


def attention_formula(worst_gap: float, scores_sum_to_one: bool, weights_sum_to_one: bool) -> str:
    """The formula must equal PyTorch's, and the matrix named must hold weights."""
    if worst_gap > 1e-5 or not weights_sum_to_one:
        return "wrong"
    return "right" if scores_sum_to_one else "half right"


def equal_to_pytorch(worst_gap: float) -> str:
    """A formula is right if it equals what PyTorch computes in float64."""
    return "right" if worst_gap <= 1e-12 else "wrong"
