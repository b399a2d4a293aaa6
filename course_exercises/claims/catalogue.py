"""Every claim in our words, with the ruling that decides it."""

from collections.abc import Callable
from dataclasses import dataclass

from course_exercises.claims import on_autograd, on_tools, on_training

VERDICTS = (
    "right",
    "right, with conditions",
    "half right",
    "incomplete",
    "misleading",
    "outdated",
    "unproven",
    "not decided",
    "wrong",
    "runs",
    "does not run",
)


@dataclass(frozen=True)
class Claim:
    """One claim.

    Attributes:
        identifier: a letter and a number.
        words: what is claimed, shortened.
        ruling: takes measured facts by name, returns one of ``VERDICTS``.
        by_reading: True where the facts alone do not carry the verdict and documentation was read.
    """

    identifier: str
    words: str
    ruling: Callable[..., str]
    by_reading: bool = False


_ALL = (
    Claim("C1", "A tensor is a multi-dimensional array", on_autograd.tensor_is_an_array),
    Claim("C2", "The dynamic graph makes PyTorch fast", on_autograd.dynamic_graph_is_fast, by_reading=True),
    Claim("C3", "Autograd computes all gradients", on_autograd.all_gradients),
    Claim("C4", "Every node of the graph gets its gradient", on_autograd.gradient_of_every_node),
    Claim("C5", "Every layer has weights and a bias", on_autograd.every_layer_has_weights),
    Claim("C6", "Each neuron has one weight and one bias", on_autograd.one_weight_a_neuron),
    Claim("C7", "The DataLoader preprocesses the data", on_training.loader_preprocesses),
    Claim("C8", "Data, model, loss, train, test", on_training.no_validation),
    Claim("C9", "Each epoch: forward, loss, backward, update", on_training.update_each_epoch),
    Claim("C10", "Predict with eval() and model.forward(x)", on_training.eval_then_forward),
    Claim("C11", "Back-propagation is an optimiser", on_autograd.backward_optimises),
    Claim("C12", "Gradient descent finds the optimum", on_training.finds_the_optimum),
    Claim("C13", "Fine-tuning trains a pretrained model further", on_training.fine_tuning),
    Claim("C14", "Training a fresh model fine-tunes its layers", on_training.fresh_training_is_tuning),
    Claim("C15", "Self-attention connects layers", on_autograd.attention_crosses_layers),
    Claim("C16", "Choose between Transformer and BERT", on_autograd.transformer_and_bert, by_reading=True),
    Claim("F1", "θ ← θ − η∇J", on_autograd.equal_to_pytorch),
    Claim("F2", "The gradient of the MSE has a factor 2/n", on_autograd.equal_to_pytorch),
    Claim("F3", "The gradient is the directional derivative", on_autograd.gradient_is_directional_derivative),
    Claim("F4", "softmax(QKᵀ/√d)V, and QKᵀ is the attention", on_autograd.attention_formula),
    Claim("F5", "nn.Linear computes Wx + b", on_autograd.linear_is_wx),
    Claim("K1", "Softmax regression on MNIST, ten epochs", on_training.softmax_recipe),
    Claim("K2", "A Transformer in one class", on_training.transformer_class),
    Claim("K3", "A Linear(10, 1) module", on_autograd.linear_module),
    Claim("K4", "A loop over input and target", on_training.loop_over_input),
    Claim("K5", "pip install torch torchvision", on_tools.pip_install),
    Claim("T1", "Measure with torch.metrics", on_tools.torch_metrics),
    Claim("T2", "Deploy with torch.jit", on_tools.deploy_with_jit),
    Claim("T3", "Adagrad's formula is Adam", on_training.adagrad_is_adam),
    Claim("T4", "SGD for much data, Adam for little", on_training.optimiser_by_data_size),
    Claim("T5", "A better optimiser converges faster", on_training.converges_faster),
    Claim("T6", "Pruning makes a model faster", on_tools.pruning_is_faster),
    Claim("T7", "Slower, less stable than TensorFlow", on_tools.slower_than_tensorflow, by_reading=True),
    Claim("T8", "New in 2.0: loaders and a simpler API", on_tools.news_of_two, by_reading=True),
    Claim("T9", "Mixed precision speeds training up", on_tools.mixed_precision, by_reading=True),
    Claim("Q1", "Save the state_dict, load it likewise", on_tools.state_dict),
    Claim("Q2", ".to(device) moves a tensor", on_autograd.to_moves),
    Claim("Q3", "A custom loss must subclass nn.Module", on_training.loss_needs_a_module),
    Claim("Q4", "Training needs gradients and an optimiser", on_training.gradients_and_optimisers),
    Claim("A1", "Recommends films by matrix factorisation", on_training.collaborative_filtering),
)
CLAIMS = {claim.identifier: claim for claim in _ALL}
