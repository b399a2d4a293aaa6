"""The models and loops of PyTorch from Zero. Where what a chapter imports is to be found:

    1  Tensors                foundations.strided
    2  Autograd               foundations.scalar_autograd, foundations.gradcheck
    3  Gradient descent       foundations.descent
    4  Linear regression      foundations.linear_regression, data.cars
    5  Data and modules       data.batches, training.checkpoint
    6  MNIST classifier       data.digits, models.image_classifiers, training.loop, training.metrics
    7  Optimisers             foundations.optimizers, foundations.schedules
    8  Sequences              models.recurrent, models.seq2seq, data.string_pairs, data.dates
    9  Attention              models.attention, models.positions
    10 The Transformer        models.transformer, models.cost
    11 Pretraining a GPT      models.gpt, text.tokenizers, text.generation, text.evaluation, pretraining
    12 Fine-tuning            models.encoder, models.lora, fine_tuning, pretrained.encoders
    13 Assistant              assistant.sft, assistant.dpo, assistant.grpo
    14 GPU, torch.compile     foundations.number_formats, models.cost, training.memory, training.compilation
    15 Several devices        training.distributed
    16 Shipping               deploy.quantization, deploy.pruning, deploy.server

Every chapter also uses runtime (devices, seeds), bands (what a trained number may be) and plots.
"""
