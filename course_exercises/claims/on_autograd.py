"""Rulings on tensors, gradients, layers and formulas: facts in, one word out.

Each function's arguments are what a cell of "Claims, checked" measured; it returns the word that the facts
deserve, so that another behaviour of torch means another word.
"""


def tensor_is_an_array(distinct_per_property: dict[str, int]) -> str:
    """More than an array, if tensors of equal shape and numbers still differ in some property."""
    return "incomplete" if any(n > 1 for n in distinct_per_property.values()) else "right"


def dynamic_graph_is_fast(eager_runs: int, captured_runs: int, calls: int) -> str:
    """Python works anew at every eager call, and once where the graph is captured: capture saves work."""
    return "wrong" if eager_runs == calls and captured_runs < calls else "right"


def to_moves(same_tensor: bool, tensor_changed: bool, same_module: bool, module_changed: bool) -> str:
    """A tensor's `to` makes another tensor, a module's works in place."""
    copies = not same_tensor and not tensor_changed
    return "misleading" if copies and same_module and module_changed else "right"


def all_gradients(leaf_that_asks: bool, leaf_that_does_not: bool) -> str:
    """All gradients would include those of leaves that never asked."""
    return "wrong" if leaf_that_asks and not leaf_that_does_not else "right"


def gradient_of_every_node(leaf: bool, inner_node: bool, inner_node_that_asked: bool) -> str:
    """A gradient stays at leaves, and at an inner node only on request."""
    return "wrong" if leaf and not inner_node and inner_node_that_asked else "right"


def gradient_is_directional_derivative(
    shape: tuple[int, ...], slopes: list[float], slopes_are_products: bool
) -> str:
    """One vector, many slopes; every slope is the vector's product with its direction."""
    differ = max(slopes) - min(slopes) > 1e-6
    return "wrong" if shape != () and differ and slopes_are_products else "right"


def backward_optimises(moved_by_backward: float, moved_by_step: float) -> str:
    """What optimises must move the parameters."""
    return "wrong" if moved_by_backward == 0 and moved_by_step > 0 else "right"


def every_layer_has_weights(parameters: dict[str, int]) -> str:
    """One layer without parameters is enough."""
    return "wrong" if any(count == 0 for count in parameters.values()) else "right"


def one_weight_a_neuron(weights: int, biases: int) -> str:
    """Weights and biases of one neuron of the layer."""
    return "right" if (weights, biases) == (1, 1) else "wrong"


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
    return "wrong" if layers == 1 and attention > 0 and position_wise == 0 else "right"


def transformer_and_bert(later_words_seen: bool, later_words_seen_when_masked: bool) -> str:
    """An encoder reads both ways; a causal mask makes the family that the list leaves out."""
    return "incomplete" if later_words_seen and not later_words_seen_when_masked else "right"


def attention_formula(worst_gap: float, scores_sum_to_one: bool, weights_sum_to_one: bool) -> str:
    """The formula must equal PyTorch's, and the matrix named must hold weights."""
    if worst_gap > 1e-5 or not weights_sum_to_one:
        return "wrong"
    return "right" if scores_sum_to_one else "half right"


def equal_to_pytorch(worst_gap: float) -> str:
    """A formula is right if it equals what PyTorch computes in float64."""
    return "right" if worst_gap <= 1e-12 else "wrong"
