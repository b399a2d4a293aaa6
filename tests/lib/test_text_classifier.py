"""A classifier of texts: the head reads the mean of what the encoder says of the real tokens."""

from __future__ import annotations

import torch
from small_snippets import ARCHITECTURE, small_encoder, snippets

from course_lib.foundations.rounding import additions, assert_same_up_to_rounding
from course_lib.models.encoder import TextClassifier


def test_logits_are_the_head_of_the_mean_over_real_tokens():
    encoder = small_encoder()
    model = TextClassifier(encoder.model, ARCHITECTURE["d_model"])
    ids, lengths = encoder.tokenizer.encode(snippets("train").texts[:7], max_length=8)
    assert len(set(lengths.tolist())) > 1
    with torch.no_grad():
        states = encoder.model(ids, lengths)
        logits = model(ids, lengths)
        for row, length in enumerate(lengths.tolist()):
            mean = sum(states[row, place] for place in range(length)) / length
            expected = model.head.weight @ mean + model.head.bias
            assert_same_up_to_rounding(logits[row], expected, terms=additions(model) + length)


def test_what_is_padded_does_not_matter():
    encoder = small_encoder()
    model = TextClassifier(encoder.model, ARCHITECTURE["d_model"])
    ids, lengths = encoder.tokenizer.encode(snippets("train").texts[:7], max_length=8)
    padded = torch.where(torch.arange(ids.shape[1]) < lengths[:, None], ids, 3)
    with torch.no_grad():
        torch.testing.assert_close(model(padded, lengths), model(ids, lengths))
