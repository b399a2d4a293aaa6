"""Wrong answers as learners write them, exercise by exercise, none of them among the exercise's own.

Each has a label, the answer (of a prediction: the value, from the question's numbers) and the name of the
exercise's misconception or slip that it really is, or None where no hint of the exercise's own is true of it.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

T = torch
inf = math.inf


def loop_first_row(q, k, v):
    scores = q @ k.mT / math.sqrt(q.shape[-1])
    return scores.softmax(-1)[:, :1] @ v


WRITTEN = {
    "tensors.broadcast_result": [
        ("ranks differ, so error", lambda a, b: "error", "aligned at the left"),
        ("b's shape", lambda a, b: b, "b's shape"),
        ("sizes that meet kept as 1", lambda a, b: (a[0], 1, a[2]), "kept the first shape"),
        ("middle and last swapped", lambda a, b: (a[0], a[2], b[0]), None),
        ("as text", lambda a, b: str((a[0], b[0], a[2])), None),
        ("the leading one dropped", lambda a, b: (b[0], a[2]), None),
    ],
    "tensors.view_strides": [
        ("row stride times step", lambda r, c, s: (s, c * s), "the row's stride doubled too"),
        ("one over", lambda r, c, s: (s + 1, c), None),
        ("slice not transposed, copy", lambda r, c, s: (c // s, 1), None),
        ("in bytes", lambda r, c, s: (8 * s, 8 * c), None),
    ],
    "tensors.standardise": [
        ("x - m/s", lambda x: x - x.mean(0) / x.std(0), "brackets, sample deviation"),
        ("std before mean", lambda x: x / x.std(0, correction=0) - x.mean(0), None),
        ("mean over all, std per column", lambda x: (x - x.mean()) / x.std(0, correction=0), None),
        ("absolute deviation", lambda x: (x - x.mean(0)) / (x - x.mean(0)).abs().mean(0), None),
        ("transposed", lambda x: ((x - x.mean(0)) / x.std(0, correction=0)).T, None),
        ("median", lambda x: (x - x.median(0).values) / x.std(0, correction=0), None),
        ("eps added", lambda x: (x - x.mean(0)) / (x.std(0, correction=0) + 1), None),
    ],
    "tensors.squared_distances": [
        ("no middle dimension", lambda x, y: (x - y) ** 2, None),
        ("first point only", lambda x, y: ((x - y[0]) ** 2).sum(1), None),
        ("expansion without the 2", lambda x, y: (x**2).sum(1)[:, None] + (y**2).sum(1) - x @ y.T, "the two forgotten"),
        ("cdist", lambda x, y: T.cdist(x, y), "took the root"),
        ("y first", lambda x, y: ((y[:, None] - x) ** 2).sum(-1), "transposed"),
        ("half", lambda x, y: ((x[:, None] - y) ** 2).sum(-1) / 2, None),
    ],
    "tensors.mean_squared_error": [
        ("predictions[0]", lambda p, t: ((p[0] - t) ** 2).mean(), "one prediction"),
        ("targets as column of one", lambda p, t: ((p - t[None, :]) ** 2).mean(), "let them broadcast"),
        ("median", lambda p, t: ((p[:, 0] - t) ** 2).median(), None),
        ("n - 1", lambda p, t: ((p[:, 0] - t) ** 2).sum() / (len(t) - 1), "divided by n − 1"),
        ("sorted first", lambda p, t: ((p[:, 0].sort().values - t.sort().values) ** 2).mean(), "sorted"),
    ],
    "tensors.weighted_mean": [
        ("k left unshared", lambda w, v: T.einsum("bqk,bjf->bqf", w, v), "k on both sides unshared"),
        ("features first", lambda w, v: T.einsum("bqk,bkf->bfq", w, v), None),
        ("values transposed", lambda w, v: w @ v.flip(1), None),
        ("first batch only", lambda w, v: T.einsum("qk,bkf->bqf", w[0], v), None),
        ("max", lambda w, v: v[:, w.argmax(-1)[0]], None),
    ],
    "autograd.gradient_after_two": [
        ("2ax", lambda a, x: 2 * a * x, "the second replaces the first"),
        ("ax", lambda a, x: a * x, "the factor 2 lost, once"),
        ("a * x**2 * 2", lambda a, x: 2 * a * x**2, "two values"),
        ("minus", lambda a, x: -4 * a * x, None),
        ("three passes", lambda a, x: 6 * a * x, None),
        ("as text", lambda a, x: f"{4 * a * x}", None),
    ],
    "autograd.central_slope": [
        ("/ 2 * h", lambda f, x, h: (f(x + h) - f(x - h)) / 2 * h, "h in the numerator"),
        ("two h each way", lambda f, x, h: (f(x + 2 * h) - f(x - 2 * h)) / (4 * h), "twice the step"),
        ("item", lambda f, x, h: f(x + h) - f(x - h) / (2 * h), "brackets above"),
        ("step of one", lambda f, x, h: (f(x + 1) - f(x - 1)) / 2, "a step of one"),
    ],
    "autograd.linear_backward": [
        ("order w x b", lambda x, w, u: (u.T @ x, u @ w, u.sum(0)), None),
        ("b.sum(1)", lambda x, w, u: (u @ w, u.T @ x, u.sum(1)), "bias over the features"),
        ("b of ones", lambda x, w, u: (u @ w, u.T @ x, T.ones(u.shape[1]).double()), None),
        ("keepdim", lambda x, w, u: (u @ w, u.T @ x, u.sum(0, keepdim=True)), None),
        ("minus", lambda x, w, u: (-u @ w, -u.T @ x, -u.sum(0)), None),
    ],
    "autograd.directional_derivative": [
        ("forward difference, unit", lambda f, x, v: (f(x + 0.1 * v / v.norm()) - f(x)) / 0.1, None),
        ("v over its sum", lambda f, x, v: T.func.grad(f)(x) @ (v / v.sum()), "divided by the sum"),
        ("second derivative", lambda f, x, v: v @ T.func.hessian(f)(x) @ v / v.norm() ** 2, "the second derivative"),
        ("at v", lambda f, x, v: T.func.grad(f)(v) @ v / v.norm(), "the gradient at v"),
    ],
    "autograd.sigmoid_backward": [
        ("y (y - 1)", lambda y, u: u * y * (y - 1), None),
        ("no brackets", lambda y, u: u * y * 1 - y, "no brackets"),
        ("added", lambda y, u: u + y * (1 - y), "added"),
        ("root", lambda y, u: u * (y * (1 - y)).sqrt(), None),
    ],
    "gradient_descent.one_step": [
        ("the step", lambda c, s, r: r * c * s, "the step, not the place"),
        ("theta - rate J", lambda c, s, r: s - r * 0.5 * c * s**2, "the value for the slope"),
        ("half the slope", lambda c, s, r: s - r * 0.5 * c * s, "half the slope"),
        ("rate * curvature", lambda c, s, r: s - r * c, "the curvature alone"),
        ("minus", lambda c, s, r: r * c * s - s, None),
    ],
    "gradient_descent.largest_stable_rate": [
        ("max diagonal", lambda h: 2 / h.diagonal().max(), "the diagonal"),
        ("determinant", lambda h: 2 / T.linalg.det(h), "the determinant"),
        ("mean of diagonal", lambda h: 2 / h.diagonal().mean(), "the mean"),
        ("all", lambda h: 2 / T.linalg.eigvalsh(h), None),
        ("minus", lambda h: -2 / T.linalg.eigvalsh(h).max(), None),
    ],
    "gradient_descent.gradient_descent": [
        ("return inside", lambda g, s, r, n: s - r * g(s), "one step only"),
        ("ascent", lambda g, s, r, n: _walk(g, s, -r, n), "uphill"),
        ("one more", lambda g, s, r, n: _walk(g, s, r, n + 1), "one step more"),
        ("entry by entry", lambda g, s, r, n: s - r * n * g(s), "the gradient of the start"),
        ("start", lambda g, s, r, n: s, "no step"),
    ],
    "gradient_descent.steps_needed": [
        ("no ceil", lambda k, r: math.log(r) / -math.log((k - 1) / (k + 1)), "not a whole number"),
        ("log10 both, round", lambda k, r: round(math.log10(r) / -math.log10((k - 1) / (k + 1))), None),
        ("kappa/2 ln r", lambda k, r: k / 2 * math.log(r), None),
        ("negative", lambda k, r: math.floor(math.log(r) / math.log((k - 1) / (k + 1))), None),
        ("float", lambda k, r: k * r, None),
    ],
    "gradient_descent.noise_ratio": [
        ("quotient", lambda s, b: b / s, "variance upside down"),
        ("halved", lambda s, b: math.sqrt(s / b) / 2, "the variance"),
        ("1 - ratio of variances", lambda s, b: 1 - s / b, None),
        ("difference of roots", lambda s, b: math.sqrt(b) - math.sqrt(s), None),
    ],
    "linear_regression.line_gradient": [
        ("b first", lambda x, y, w, b: (2 * (w * x + b - y).mean(), 2 * ((w * x + b - y) * x).mean()), None),
        ("b not averaged", lambda x, y, w, b: (2 * ((w * x + b - y) * x).mean(), 2 * (w * x + b - y).sum()), None),
        ("plus y", lambda x, y, w, b: (2 * ((w * x + b + y) * x).mean(), 2 * (w * x + b + y).mean()), "targets added"),
        ("x squared", lambda x, y, w, b: (2 * ((w * x + b - y) * x**2).mean(), 2 * (w * x + b - y).mean()), None),
        ("b's sign", lambda x, y, w, b: (2 * ((w * x + b - y) * x).mean(), -2 * (w * x + b - y).mean()), None),
    ],
    "linear_regression.normal_equations": [
        ("y.mean and uncentred slopes", lambda x, y: T.cat([y.mean().reshape(1), T.linalg.solve(x.T @ x, x.T @ y)]), "from the centred slopes"),
        ("no solve", lambda x, y: T.cat([T.ones(len(x), 1).double(), x], 1).T @ y, "not solved"),
        ("a pair", lambda x, y: (lambda t: (t[0], t[1:]))(_fit(x, y)), None),
        ("column", lambda x, y: _fit(x, y)[:, None], None),
        ("predictions", lambda x, y: T.cat([T.ones(len(x), 1).double(), x], 1) @ _fit(x, y), "the predictions"),
    ],
    "linear_regression.rescaled_coefficient": [
        ("times root", lambda c, s: c * math.sqrt(s), "the root"),
        ("root, divided", lambda c, s: c / math.sqrt(s), "divided by the root"),
        ("minus", lambda c, s: -c * s, None),
        ("one over", lambda c, s: 1 / (c * s), None),
        ("in quotes", lambda c, s: str(c * s), None),
    ],
    "linear_regression.r_squared": [
        ("SS res", lambda y, p: (y - p).square().sum(), "the residual sum of squares"),
        ("ratio upside down", lambda y, p: 1 - (y - y.mean()).square().sum() / (y - p).square().sum(), "upside down"),
        ("no centring", lambda y, p: 1 - (y - p).square().sum() / y.square().sum(), "not centred"),
        ("not below 0", lambda y, p: max(T.tensor(0.0).double(), 1 - (y - p).square().sum() / (y - y.mean()).square().sum()), "cut off at 0"),
        ("correlation", lambda y, p: T.corrcoef(T.stack([y, p]))[0, 1], "the correlation"),
        ("per cent", lambda y, p: 100 - 100 * (y - p).square().sum() / (y - y.mean()).square().sum(), None),
        ("var n-1 above only", lambda y, p: 1 - (y - p).square().mean() / y.var(), "n and n − 1"),
    ],
    "linear_regression.ridge": [
        ("X'X + λI", lambda x, y, s: T.linalg.solve(_design(x).T @ _design(x) + s * T.eye(x.shape[1] + 1, dtype=x.dtype), _design(x).T @ y), "the textbook's"),
        ("n on one side", lambda x, y, s: _penal(x, y, s, left=1, right=len(x)), "left undivided"),
        ("penalty times n too", lambda x, y, s: _penal(x, y, s * len(x)), "penalty times n"),
        ("intercept only", lambda x, y, s: _penal(x, y, s, only_first=True), "only the intercept penalised"),
        ("half", lambda x, y, s: _penal(x, y, s / 2), "half the penalty"),
    ],
    "data_and_modules.batches_in_an_epoch": [
        ("not whole", lambda n, b: n / b, None),
        ("one more", lambda n, b: -(-n // b) + 1, None),
        ("last batch", lambda n, b: n % b, "the size of the last batch"),
        ("times", lambda n, b: n * b, "multiplied"),
        ("the batch", lambda n, b: b, None),
    ],
    "data_and_modules.collate_padded": [
        ("forgot batch_first", lambda s: (T.nn.utils.rnn.pad_sequence(s), T.arange(max(map(len, s))) < T.tensor([len(x) for x in s])[:, None]), "batch second"),
        ("lengths", lambda s: (T.nn.utils.rnn.pad_sequence(s, batch_first=True), T.tensor([len(x) for x in s])), "lengths for a mask"),
        ("no mask", lambda s: T.nn.utils.rnn.pad_sequence(s, batch_first=True), None),
        ("mask of ints", lambda s: (T.nn.utils.rnn.pad_sequence(s, batch_first=True), (T.arange(max(map(len, s))) < T.tensor([len(x) for x in s])[:, None]).long()), None),
        ("padded with ones", lambda s: (T.nn.utils.rnn.pad_sequence(s, batch_first=True, padding_value=1.0), T.arange(max(map(len, s))) < T.tensor([len(x) for x in s])[:, None]), None),
    ],
    "data_and_modules.huber": [
        ("no abs at all", lambda p, t, d: T.where(p - t <= d, (p - t) ** 2 / 2, d * (p - t - d / 2)).mean(), "no size"),
        ("smooth l1", lambda p, t, d: F.smooth_l1_loss(p, t, beta=d), "divided by delta"),
        ("python if", lambda p, t, d: ((p - t) ** 2 / 2 if (p - t).abs() <= d else d * ((p - t).abs() - d / 2)).mean(), None),
        ("delta half missing", lambda p, t, d: T.where((p - t).abs() <= d, (p - t) ** 2 / 2, d * (p - t).abs() - d / 2).mean(), "half delta not squared"),
        ("absolute", lambda p, t, d: (p - t).abs().mean(), "absolute everywhere"),
    ],
    "data_and_modules.update_running_mean": [
        ("dim 1", lambda r, b, m: (1 - m) * r + m * b.mean(1), None),
        ("sum", lambda r, b, m: (1 - m) * r + m * b.sum(0), "over the features"),
        ("difference sign", lambda r, b, m: r - m * (b.mean(0) - r), None),
        ("in place", lambda r, b, m: r.mul_(1 - m).add_(m * b.mean(0)), None),
        ("first row", lambda r, b, m: (1 - m) * r + m * b[0], "one example"),
    ],
    "data_and_modules.parameter_count": [
        ("one bias a layer", lambda s: sum(a * b + 1 for a, b in zip(s, s[1:])), "one bias a layer"),
        ("range off by one", lambda s: sum(s[i] * s[i + 1] + s[i + 1] for i in range(len(s) - 2)), "the last layer missing"),
        ("product", lambda s: math.prod(s), "multiplied all"),
        ("twice", lambda s: 2 * sum((a + 1) * b for a, b in zip(s, s[1:])), None),
        ("one missing bias", lambda s: sum((a + 1) * b for a, b in zip(s, s[1:])) - s[-1], "the last biases missing"),
    ],
    "mnist_classifier.loss_of_ignorance": [
        ("0", lambda k: 0, "zero"),
        ("log10", lambda k: round(math.log10(k), 2), "base ten"),
        ("k", lambda k: k, "the number of classes"),
        ("two thirty", lambda k: 2.30, "ten classes"),
        ("one decimal", lambda k: round(math.log(k), 1) + 0.1, None),
        ("ln of k-1", lambda k: math.log(k - 1) - 0.02, None),
    ],
    "mnist_classifier.log_softmax": [
        ("page's naive", lambda z: z - z.exp().sum(1, keepdim=True).log(), "naive"),
        ("no keepdim", lambda z: z - z.max(1).values, None),
        ("numpy's max", lambda z: z - z.max(dim=1, keepdim=True) - z.exp().sum(1, keepdim=True).log(), None),
        ("one max", lambda z: z - z.max() - (z - z.max()).exp().sum(1, keepdim=True).log(), "one maximum for the batch"),
        ("sum without dim", lambda z: z - z.exp().sum().log(), None),
        ("log2", lambda z: T.log_softmax(z, 1) / math.log(2), None),
        ("minus", lambda z: -T.log_softmax(z, 1), None),
    ],
    "mnist_classifier.cross_entropy": [
        ("one-hot mean", lambda z, y: -(F.one_hot(y, z.shape[1]) * z.log_softmax(1)).mean(), "one-hot mean"),
        ("[:, labels]", lambda z, y: -z.log_softmax(1)[:, y].mean(), "all entries"),
        ("per example", lambda z, y: F.cross_entropy(z, y, reduction="none"), "not averaged"),
        ("log of mean", lambda z, y: -z.softmax(1)[T.arange(len(y)), y].mean().log(), "logarithm of the mean"),
        ("log2", lambda z, y: F.cross_entropy(z, y) / math.log(2), None),
    ],
    "mnist_classifier.precision_and_recall": [
        ("macro", lambda c: ((c.diagonal() / c.sum(0)).mean(), (c.diagonal() / c.sum(1)).mean()), "averaged"),
        ("per cent", lambda c: (100 * c.diagonal() / c.sum(0), 100 * c.diagonal() / c.sum(1)), None),
        ("integer", lambda c: (c.diagonal() // c.sum(0), c.diagonal() // c.sum(1)), "whole numbers"),
        ("whole rows", lambda c: (c / c.sum(0), c / c.sum(1)), "the whole table"),
        ("max", lambda c: (c.max(0).values / c.sum(0), c.max(1).values / c.sum(1)), "the largest for the hits"),
        ("max of precision alone", lambda c: (c.max(0).values / c.sum(0), c.diagonal() / c.sum(1)), None),
        ("first only", lambda c: c.diagonal() / c.sum(0), None),
        ("upside down", lambda c: (c.sum(0) / c.diagonal(), c.sum(1) / c.diagonal()), None),
    ],
    "mnist_classifier.output_size": [
        ("float division", lambda s, k, t, p: (s + 2 * p - k) / t + 1, "not whole"),
        ("padding subtracted", lambda s, k, t, p: (s - 2 * p - k) // t + 1, "padding taken off"),
        ("no padding", lambda s, k, t, p: (s - k) // t + 1, "no padding"),
        ("no brackets", lambda s, k, t, p: s + 2 * p - k // t + 1, "no brackets"),
        ("plus two", lambda s, k, t, p: (s + 2 * p - k) // t + 2, "one place too many"),
    ],
    "optimisers.first_step": [
        ("minus", lambda r, g: -r, "the sign"),
        ("one", lambda r, g: 1, "one"),
        ("tenth of slope", lambda r, g: 0.1 * r * g, None),
        ("half", lambda r, g: r / 2, None),
        ("root of slope", lambda r, g: r * math.sqrt(g), None),
    ],
    "optimisers.adam_step": [
        ("sgd", lambda th, m, v, g, t: th - 0.1 * g, "plain SGD"),
        ("climbed", lambda th, m, v, g, t: th + _adam(m, v, g, t), "climbed"),
        ("only m corrected", lambda th, m, v, g, t: th - 0.1 * ((0.9 * m + 0.1 * g) / (1 - 0.9**t)) / ((0.999 * v + 0.001 * g * g).sqrt() + 1e-3), "only the first corrected"),
        ("rate of 0.01", lambda th, m, v, g, t: th - _adam(m, v, g, t) / 10, None),
        ("betas swapped", lambda th, m, v, g, t: th - 0.1 * (0.999 * m + 0.001 * g) / (1 - 0.999**t) / (((0.9 * v + 0.1 * g * g) / (1 - 0.9**t)).sqrt() + 1e-3), "betas swapped"),
        ("the step", lambda th, m, v, g, t: _adam(m, v, g, t), "the update alone"),
        ("eps 1e-8", lambda th, m, v, g, t: th - 0.1 * ((0.9 * m + 0.1 * g) / (1 - 0.9**t)) / (((0.999 * v + 0.001 * g * g) / (1 - 0.999**t)).sqrt() + 1e-8), "no eps"),
        ("all three", lambda th, m, v, g, t: (th - _adam(m, v, g, t), 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g), "the moments too"),
        ("stale moments", lambda th, m, v, g, t: th - 0.1 * m / (1 - 0.9**t) / ((v / (1 - 0.999**t)).sqrt() + 1e-3), "moments not updated"),
        ("new weighs 0.9", lambda th, m, v, g, t: th - 0.1 * (0.1 * m + 0.9 * g) / (1 - 0.9**t) / (((0.001 * v + 0.999 * g * g) / (1 - 0.999**t)).sqrt() + 1e-3), "weights swapped"),
    ],
    "optimisers.decoupled_decay_step": [
        ("no rate on update", lambda th, u, r, d: th - r * d * th - u, "no rate on the update"),
        ("after the step", lambda th, u, r, d: (th - r * u) - r * d * (th - r * u), "after the step"),
        ("one minus decay", lambda th, u, r, d: th * d - r * u, "multiplied by decay"),
        ("decay on rate", lambda th, u, r, d: th - r * (u - d * th), "grew"),
        ("the change", lambda th, u, r, d: -r * d * th - r * u, None),
    ],
    "optimisers.clip_by_norm": [
        ("sum of norms", lambda g, m: [x * min(1.0, m / float(sum(y.norm() for y in g))) for x in g], "sum of norms"),
        ("inverted", lambda g, m: [x * (T.cat([y.flatten() for y in g]).norm() / m).clamp(max=1.0) for x in g], None),
        ("one tensor", lambda g, m: T.cat([x.flatten() for x in g]), None),
        ("no min", lambda g, m: [x / m for x in g], None),
    ],
    "optimisers.warmup_cosine": [
        ("cos of degrees", lambda s, w, n: s / w if s < w else 0.5 * (1 + math.cos(math.radians((s - w) / (n - w)))), "degrees"),
        ("no half", lambda s, w, n: s / w if s < w else 1 + math.cos(math.pi * (s - w) / (n - w)), "not halved"),
        ("sine", lambda s, w, n: s / w if s < w else 0.5 * (1 + math.sin(math.pi * (s - w) / (n - w))), "a sine"),
        ("warm-up a cosine too", lambda s, w, n: 0.5 * (1 - math.cos(math.pi * s / w)) if s < w else 0.5 * (1 + math.cos(math.pi * (s - w) / (n - w))), "a cosine up"),
        ("no warm-up", lambda s, w, n: 0.5 * (1 + math.cos(math.pi * s / n)), "a cosine alone"),
        ("no 1 +", lambda s, w, n: s / w if s < w else 0.5 * math.cos(math.pi * (s - w) / (n - w)), "not shifted"),
        ("minus", lambda s, w, n: s / w if s < w else 0.5 * (1 - math.cos(math.pi * (s - w) / (n - w))), "minus the cosine"),
        ("180", lambda s, w, n: s / w if s < w else 0.5 * (1 + math.cos(180 * (s - w) / (n - w))), "half a turn of 180"),
        ("upside down", lambda s, w, n: w / s if s < w else 0.5 * (1 + math.cos(math.pi * (s - w) / (n - w))), "warm-up upside down"),
    ],
    "sequences.steps_until_a_hundredth": [
        ("not whole", lambda f: math.log(0.01) / math.log(f), "not whole"),
        ("one too many", lambda f: math.ceil(math.log(0.01) / math.log(f)) + 1, "a step too late"),
        ("one over", lambda f: 100 * f, None),
        ("from the difference", lambda f: round(1 / (1 - f)), "subtracted"),
    ],
    "sequences.rnn_step": [
        ("no bias", lambda x, h, wi, wh, b: T.tanh(x @ wi.T + h @ wh.T), "no bias"),
        ("bias twice", lambda x, h, wi, wh, b: T.tanh(x @ wi.T + b + h @ wh.T + b), "bias twice"),
        ("subtracted", lambda x, h, wi, wh, b: T.tanh(x @ wi.T - h @ wh.T + b), "state subtracted"),
        ("state added", lambda x, h, wi, wh, b: h + T.tanh(x @ wi.T + h @ wh.T + b), None),
        ("not transposed", lambda x, h, wi, wh, b: T.tanh(x @ wi + h @ wh + b), None),
    ],
    "sequences.lstm_step": [
        ("cell first", lambda g, c: _lstm(g, c)[::-1], "cell first"),
        ("order f i g o", lambda g, c: _lstm(T.cat([g.chunk(4, -1)[i] for i in (1, 0, 2, 3)], -1), c), "order f i g o"),
        ("hidden only", lambda g, c: _lstm(g, c)[0], None),
        ("dim 0", lambda g, c: _lstm(g.T.reshape(g.shape), c), None),
        ("coupled", lambda g, c: _coupled(g, c), "coupled gates"),
    ],
    "sequences.teacher_forcing": [
        ("cut", lambda t, s: (t[:, :-1], t[:, 1:]), "cut instead of shifted"),
        ("rolled", lambda t, s: (t.roll(1, 1), t), "rolled"),
        ("one too long", lambda t, s: (T.cat([T.full((len(t), 1), s), t], 1), t), "one too long"),
        ("input only", lambda t, s: T.cat([T.full((len(t), 1), s), t[:, :-1]], 1), None),
        ("lists", lambda t, s: ([s, *t[0].tolist()], t[0].tolist()), None),
    ],
    "sequences.padded_loss": [
        ("per batch", lambda z, y, p: F.cross_entropy(z.mT, y, ignore_index=p, reduction="sum") / len(y), "divided by the batch"),
        ("reshape", lambda z, y, p: F.cross_entropy(z.reshape(len(y), z.shape[2], -1), y, ignore_index=p), "reshaped"),
        ("minus", lambda z, y, p: -F.cross_entropy(z.mT, y, ignore_index=p), None),
        ("first place", lambda z, y, p: F.cross_entropy(z[:, 0], y[:, 0]), "the first place alone"),
        ("softmaxed", lambda z, y, p: F.cross_entropy(z.softmax(-1).mT, y, ignore_index=p), "softmax twice"),
    ],
    "attention.score_spread": [
        ("d", lambda d, s: d, "the width"),
        ("sqrt d", lambda d, s: math.sqrt(d), "the root of the width"),
        ("1024", lambda d, s: d * s, None),
        ("sqrt(d*s)", lambda d, s: math.sqrt(d * s), "deviation once"),
        ("s", lambda d, s: s, "one component's"),
        ("one over", lambda d, s: 1 / math.sqrt(d), None),
    ],
    "attention.attend": [
        ("dim 0", lambda q, k, v: (q @ k.mT / q.shape[-1] ** 0.5).softmax(0) @ v, "softmax over the batch"),
        ("root of keys", lambda q, k, v: (q @ k.mT / k.shape[1] ** 0.5).softmax(-1) @ v, "root of the keys"),
        ("k.T", lambda q, k, v: (q @ k.T).softmax(-1) @ v, None),
        ("no softmax", lambda q, k, v: q @ k.mT / q.shape[-1] ** 0.5 @ v, "no softmax"),
        ("first query", loop_first_row, None),
        ("minus", lambda q, k, v: (-q @ k.mT / q.shape[-1] ** 0.5).softmax(-1) @ v, "sign of the scores"),
    ],
    "attention.attend_causally": [
        ("inverted", lambda s, v: s.masked_fill(T.ones_like(s).tril().bool(), -inf).softmax(-1) @ v, "mask inverted"),
        ("-inf times mask", lambda s, v: (s + -inf * (1 - T.ones_like(s).tril())).softmax(-1) @ v, "infinity times zero"),
        ("no mask", lambda s, v: s.softmax(-1) @ v, "no mask"),
        ("tril(1)", lambda s, v: s.masked_fill(T.ones_like(s).tril(1) == 0, -inf).softmax(-1) @ v, "one step ahead"),
        ("dim -2", lambda s, v: s.masked_fill(T.ones_like(s).tril() == 0, -inf).softmax(-2) @ v, "softmax over the queries"),
        ("-1", lambda s, v: s.masked_fill(T.ones_like(s).tril() == 0, -1).softmax(-1) @ v, "minus one"),
    ],
    "attention.padding_mask": [
        (">", lambda n, s: T.arange(s) > n[:, None], "longer than"),
        ("float", lambda n, s: (T.arange(s) < n[:, None]).float(), None),
        ("4 dims", lambda n, s: (T.arange(s) < n[:, None])[:, None, None], None),
        ("int", lambda n, s: (T.arange(s) < n[:, None]).long(), None),
        ("minus infinity", lambda n, s: T.zeros(len(n), s).masked_fill(T.arange(s) >= n[:, None], -inf), None),
    ],
    "attention.split_heads": [
        ("heads first", lambda x, h: x.reshape(*x.shape[:2], h, -1).permute(2, 0, 1, 3), None),
        ("a list", lambda x, h: list(x.chunk(h, -1)), None),
        ("along positions", lambda x, h: x.transpose(1, 2).reshape(x.shape[0], h, -1, x.shape[1]), "positions cut"),
        ("merged again", lambda x, h: x, None),
        ("batch merged", lambda x, h: x.reshape(*x.shape[:2], h, -1).transpose(1, 2).flatten(0, 1), None),
    ],
    "transformer.block_parameters": [
        ("no biases, no norms", lambda d, f: 4 * d * d + 2 * d * f, "neither biases nor norms"),
        ("one norm", lambda d, f: 4 * (d * d + d) + d * f + f + f * d + d + 2 * d, "one norm"),
        ("two blocks", lambda d, f: 2 * (4 * (d * d + d) + d * f + f + f * d + d + 4 * d), None),
        ("feed-forward alone", lambda d, f: d * f + f + f * d + d, "feed-forward alone"),
        ("rounded", lambda d, f: round(4 * d * d + 2 * d * f, -3), None),
        ("a decoder layer", lambda d, f: 8 * (d * d + d) + 2 * d * f + f + d + 6 * d, "a decoder layer"),
        ("both", lambda d, f: 12 * (d * d + d) + 2 * (2 * d * f + f + d) + 10 * d, "both layers"),
    ],
    "transformer.layer_norm": [
        ("annotated", lambda x, w, b, e: w * (x - x.mean(-1, keepdim=True)) / (x.std(-1, keepdim=True) + e) + b, "eps outside, n − 1"),
        ("no affine", lambda x, w, b, e: F.layer_norm(x, x.shape[-1:], eps=e), "no weight and bias"),
        ("over (1, 2)", lambda x, w, b, e: F.layer_norm(x, x.shape[1:], eps=e) * w + b, "over tokens and features"),
        ("bias inside", lambda x, w, b, e: w * (F.layer_norm(x, x.shape[-1:], eps=e) + b), None),
        ("no keepdim", lambda x, w, b, e: (x - x.mean(-1)) / (x.var(-1) + e).sqrt() * w + b, None),
        ("eps squared", lambda x, w, b, e: F.layer_norm(x, x.shape[-1:], w, b, e**2), None),
    ],
    "transformer.pre_norm": [
        ("no norm", lambda x, n, s: x + s(x), "no norm"),
        ("both", lambda x, n, s: n(x + s(n(x))), "a norm at both places"),
        ("twice", lambda x, n, s: x + s(n(x)) + s(n(x)), None),
        ("minus", lambda x, n, s: x - s(n(x)), None),
        ("norm of the sum", lambda x, n, s: s(n(x + s(x))), None),
    ],
    "transformer.sinusoid": [
        ("i = feature", lambda p, d: T.where(T.arange(d) % 2 == 0, (p / 10000 ** (T.arange(d).double() / d)).sin(), (p / 10000 ** (T.arange(d).double() / d)).cos()), "a wave for every feature"),
        ("2*arange(0,d,2)/d", lambda p, d: _waves(p / 10000 ** (2 * T.arange(0, d, 2).double() / d)), "twice the exponent"),
        ("base 1000", lambda p, d: _waves(p / 1000 ** (T.arange(0, d, 2).double() / d)), "base 1000"),
        ("position from 1", lambda p, d: _waves((p + 1) / 10000 ** (T.arange(0, d, 2).double() / d)), "one place further"),
        ("two rows", lambda p, d: _waves(p / 10000 ** (T.arange(0, d, 2).double() / d)).reshape(-1, 2), None),
    ],
    "transformer.exact_match": [
        ("per cent", lambda w, t, e: 100 * _matches(w, t, e), None),
        ("errors", lambda w, t, e: 1 - _matches(w, t, e), None),
        ("token mean", lambda w, t, e: (w == t).float().mean().item(), "all tokens"),
        ("not averaged", lambda w, t, e: (w == t).all(1), None),
        ("one", lambda w, t, e: 1.0, "always one"),
    ],
    "language_model.bits_per_byte": [
        ("log10", lambda l, t, b: l * t / math.log(10) / b, "base ten"),
        ("nats", lambda l, t, b: l, "nats per token"),
        ("bytes a token", lambda l, t, b: b / t, "bytes per token"),
        ("eight", lambda l, t, b: 8 * l * t / b / math.log(2), None),
        ("total", lambda l, t, b: l * t, "total nats"),
    ],
    "language_model.window": [
        ("one token", lambda i, s, c: (i[s : s + c], i[s + c]), "a single token"),
        ("roll", lambda i, s, c: (i[s : s + c], i[s : s + c].roll(-1)), "rolled"),
        ("one more", lambda i, s, c: (i[s : s + c + 1], i[s + 1 : s + c + 2]), None),
        ("from 0", lambda i, s, c: (i[:c], i[1 : c + 1]), "from the beginning"),
        ("stop at context", lambda i, s, c: (i[s:c], i[s + 1 : c + 1]), None),
        ("stacked wrong", lambda i, s, c: i[s : s + c + 1], "not split"),
    ],
    "language_model.merge": [
        ("overlap", lambda i, p, n: [n if tuple(i[k : k + 2]) == p else i[k] for k in range(len(i))], "stepped one place"),
        ("unchanged", lambda i, p, n: i, "unchanged"),
        ("cuts the last", lambda i, p, n: _merge(i, p, n)[:-1], None),
        ("ends early", lambda i, p, n: _merge(i[:-1], p, n), "the last left out"),
        ("count", lambda i, p, n: len(_merge(i, p, n)), None),
        ("text", lambda i, p, n: " ".join(map(str, _merge(i, p, n))), None),
    ],
    "language_model.with_temperature": [
        ("softmax twice", lambda z, t: (z / t).softmax(0).softmax(0), None),
        ("log", lambda z, t: (z / t).log_softmax(0), "log-softmax"),
        ("logits", lambda z, t: z / t, "no softmax"),
        ("subtracted", lambda z, t: (z - t).softmax(0), "temperature ignored"),
        ("argmax", lambda z, t: (z / t).argmax(), None),
        ("squared", lambda z, t: (z / t**2).softmax(0), "squared temperature"),
    ],
    "language_model.nucleus": [
        ("sorted order", lambda q, p: _nucleus(q, p).sort(descending=True).values, "sorted"),
        ("threshold", lambda q, p: T.where(q >= p, q, 0) / T.where(q >= p, q, 0).sum(), "threshold p"),
        ("nothing", lambda q, p: q, "nothing cut"),
        ("softmaxed", lambda q, p: _nucleus(q, p).softmax(0), None),
        ("indices", lambda q, p: q.argsort(descending=True), "the order"),
        ("complement", lambda q, p: T.where(_nucleus(q, p) > 0, 0, q), "what is cut"),
    ],
    "language_model.cached_step": [
        ("no scale", lambda q, k, v, ks, vs: ((q @ T.cat([ks, k], 1).mT).softmax(-1) @ T.cat([vs, v], 1), T.cat([ks, k], 1), T.cat([vs, v], 1)), "no scale"),
        ("sqrt(seen)", lambda q, k, v, ks, vs: ((q @ T.cat([ks, k], 1).mT / (ks.shape[1] + 1) ** 0.5).softmax(-1) @ T.cat([vs, v], 1), T.cat([ks, k], 1), T.cat([vs, v], 1)), "root of what is seen"),
        ("dim 1", lambda q, k, v, ks, vs: ((q @ T.cat([ks, k], 1).mT / q.shape[-1] ** 0.5).softmax(1) @ T.cat([vs, v], 1), T.cat([ks, k], 1), T.cat([vs, v], 1)), "softmax over the queries"),
        ("cat batch", lambda q, k, v, ks, vs: (q, T.cat([ks, k], 0), T.cat([vs, v], 0)), None),
        ("output only", lambda q, k, v, ks, vs: (q @ T.cat([ks, k], 1).mT / q.shape[-1] ** 0.5).softmax(-1) @ T.cat([vs, v], 1), None),
        ("caches swapped", lambda q, k, v, ks, vs: ((q @ T.cat([ks, k], 1).mT / q.shape[-1] ** 0.5).softmax(-1) @ T.cat([vs, v], 1), T.cat([vs, v], 1), T.cat([ks, k], 1)), None),
    ],
    "fine_tuning.adapter_parameters": [
        ("rank forgotten", lambda i, o, r: i + o, "rank forgotten"),
        ("one side", lambda i, o, r: i * r, "one factor"),
        ("rank twice", lambda i, o, r: r * r * (i + o), "rank squared"),
        ("minus the matrix", lambda i, o, r: i * o - r * (i + o), "what is saved"),
        ("share", lambda i, o, r: r * (i + o) / (i * o), "a share"),
    ],
    "fine_tuning.adapted_forward": [
        ("wrong rank", lambda x, w, a, b, al: x @ w.T + al / len(b) * (x @ a.T @ b.T), "wrong rank"),
        ("W x as printed", lambda x, w, a, b, al: w @ x + al / len(a) * (b @ a @ x), None),
        ("minus", lambda x, w, a, b, al: x @ w.T - al / len(a) * (x @ a.T @ b.T), "subtracted"),
        ("squared scale", lambda x, w, a, b, al: x @ w.T + (al / len(a)) ** 2 * (x @ a.T @ b.T), "scale squared"),
        ("summed", lambda x, w, a, b, al: (x @ w.T + al / len(a) * (x @ a.T @ b.T)).sum(0), None),
    ],
    "fine_tuning.merged_weight": [
        ("alpha only", lambda w, a, b, al: w + al * b @ a, "alpha alone"),
        ("delta only", lambda w, a, b, al: al / len(a) * b @ a, "the change alone"),
        ("transposed all", lambda w, a, b, al: (w + al / len(a) * b @ a).T, None),
        ("a times b", lambda w, a, b, al: w + al / len(a) * a @ b, None),
        ("half", lambda w, a, b, al: w + al / len(a) / 2 * b @ a, None),
    ],
    "fine_tuning.mean_pool": [
        ("max", lambda s, m: s.masked_fill(~m[..., None], -inf).amax(1), "the largest"),
        ("padding in the sum", lambda s, m: s.sum(1) / m.sum(1)[:, None], "padding in the sum"),
        ("global count", lambda s, m: (s * m[..., None]).sum(1) / m.sum(), "one count for all"),
        ("over features", lambda s, m: s.mean(2), "over the features"),
        ("over all", lambda s, m: s[m].mean(0), "one vector for all"),
        ("not reduced", lambda s, m: s * m[..., None], "not yet averaged"),
    ],
    "fine_tuning.training_mebibytes": [
        ("gradient for all", lambda f, t: (4 * (f + t) + 4 * (f + t) + 8 * t) / 2**20, "gradients for all"),
        ("trained weights forgotten", lambda f, t: (4 * f + 12 * t) / 2**20, "trained weights forgotten"),
        ("bytes", lambda f, t: 4 * (f + t) + 12 * t, None),
        ("half precision", lambda f, t: (2 * (f + t) + 6 * t) / 2**20, None),
        ("KiB", lambda f, t: (4 * (f + t) + 12 * t) / 2**10, None),
    ],
    "assistant.answer_targets": [
        ("mask on the answer", lambda p, a: T.cat([p[1:], T.full_like(a, -100)]), "the answer marked"),
        ("one too many", lambda p, a: T.cat([T.full_like(p, -100), a]), "one too many"),
        ("answer alone", lambda p, a: a, "the answer alone"),
        ("answer first", lambda p, a: T.cat([a, T.full_like(p[1:], -100)]), "the answer in front"),
        ("plus 100", lambda p, a: T.cat([T.full_like(p[1:], 100), a]), None),
    ],
    "assistant.chance_to_win": [
        ("94", lambda b, w: 100 / (1 + math.exp(w - b)), "per cent"),
        ("shares of exponents", lambda b, w: math.exp(b) / (math.exp(b) + math.exp(w) + 1), None),
        ("base two", lambda b, w: 1 / (1 + 2 ** (w - b)), None),
        ("minus", lambda b, w: -1 / (1 + math.exp(w - b)), None),
        ("odds", lambda b, w: round(math.exp(b - w), 2), "exponential"),
    ],
    "assistant.dpo_loss": [
        ("sum", lambda b, w, rb, rw, s: -F.logsigmoid(s * (b - rb - w + rw)).sum(), "a sum"),
        ("beta outside", lambda b, w, rb, rw, s: -s * F.logsigmoid(b - rb - w + rw).mean(), "beta outside"),
        ("no minus", lambda b, w, rb, rw, s: F.logsigmoid(s * (b - rb - w + rw)).mean(), "no minus"),
        ("log of sigmoid mean", lambda b, w, rb, rw, s: -T.sigmoid(s * (b - rb - w + rw)).mean().log(), "logarithm of the mean"),
        ("ref the other way", lambda b, w, rb, rw, s: -F.logsigmoid(s * (b - rw - w + rb)).mean(), "references added"),
        ("half", lambda b, w, rb, rw, s: -F.logsigmoid(s * (b - rb - w + rw)).mean() / 2, None),
    ],
    "assistant.group_advantages": [
        ("dim 0", lambda r: (r - r.mean(0)) / r.std(0, correction=0), "down the columns"),
        ("variance", lambda r: (r - r.mean(1, keepdim=True)) / r.var(1, keepdim=True), "variance, k − 1"),
        ("no keepdim", lambda r: (r - r.mean(1)) / r.std(1), None),
        ("ranks", lambda r: r.argsort(1).argsort(1), "ranks"),
        ("softmax", lambda r: r.softmax(1), "a softmax"),
        ("median", lambda r: (r - r.median(1, keepdim=True).values) / r.std(1, correction=0, keepdim=True), None),
    ],
    "assistant.clipped_loss": [
        ("no exp", lambda n, o, a, c: -T.minimum((n - o) * a, (n - o).clamp(1 - c, 1 + c) * a).mean(), "no exponential"),
        ("clamp(-e, e)", lambda n, o, a, c: -T.minimum((n - o).exp() * a, (n - o).exp().clamp(-c, c) * a).mean(), "clipped around zero"),
        ("sum", lambda n, o, a, c: -T.minimum((n - o).exp() * a, (n - o).exp().clamp(1 - c, 1 + c) * a).sum(), "a sum"),
        ("min then times", lambda n, o, a, c: -(T.minimum((n - o).exp(), (n - o).exp().clamp(1 - c, 1 + c)) * a).mean(), "the smaller ratio"),
        ("advantages clipped", lambda n, o, a, c: -((n - o).exp() * a.clamp(-c, c)).mean(), "advantages clipped"),
        ("upper only", lambda n, o, a, c: -((n - o).exp().clamp(max=1 + c) * a).mean(), "the smaller ratio"),
    ],
    "hardware.too_fast": [
        ("work/launch", lambda n, l, w: w / l, "work over launch"),
        ("launch/work", lambda n, l, w: l / w, "launch over work"),
        ("n", lambda n, l, w: n, None),
        ("difference", lambda n, l, w: w - l, "the difference"),
        ("all work", lambda n, l, w: n * w, "the work alone"),
    ],
    "hardware.training_gibibytes": [
        ("2-byte weights", lambda p, d: p * (2 + 12 / d) / 2**30, "two-byte weights"),
        ("MiB", lambda p, d: p * (4 + 12 / d) / 2**20, None),
        ("bytes", lambda p, d: p * (4 + 12 / d), None),
        ("all devices", lambda p, d: p * (4 + 12 / d) * d / 2**30, "all devices together"),
        ("weights only", lambda p, d: p * 4 / 2**30, "weights alone"),
    ],
    "hardware.to_bf16": [
        ("8 bits", lambda x: _digits(x, 8), "eight stored"),
        ("fp16", lambda x: x.half().double(), "fp16"),
        ("floor", lambda x: _digits(x, 7, T.floor), "floor"),
        ("six", lambda x: _digits(x, 6), "one digit too few"),
        ("int", lambda x: x.long(), None),
        ("absolute", lambda x: _digits(x.abs(), 7), None),
    ],
    "hardware.scaled_updates": [
        ("half before scaling", lambda g, s: _updates(g, s, lambda row, s: row.half() * s), "cast before scaling"),
        ("scale only", lambda g, s: s / 2, None),
        ("updates only", lambda g, s: _updates(g, s, lambda row, s: (row * s).half())[0], None),
        ("swapped", lambda g, s: _updates(g, s, lambda row, s: (row * s).half())[::-1], None),
        ("one scale too small", lambda g, s: (_updates(g, s, lambda row, s: (row * s).half())[0], s / 4), None),
    ],
    "hardware.utilisation": [
        ("8N", lambda p, t, k: 8 * p * t / k, "eight"),
        ("12N", lambda p, t, k: 12 * p * t / k, None),
        ("idle", lambda p, t, k: 1 - 6 * p * t / k, None),
        ("flops", lambda p, t, k: 6 * p * t, None),
        ("rounded to a tenth", lambda p, t, k: round(6 * p * t / k, 1) + 0.1, None),
    ],
    "distributed.epoch_shard": [
        ("contiguous", lambda n, e, r, k, s: _perm(n, s + e)[r * (n // k) : (r + 1) * (n // k)], "a block"),
        ("generator goes on", lambda n, e, r, k, s: _going_on(n, e, s)[r::k], "the generator goes on"),
        ("no shuffle", lambda n, e, r, k, s: T.arange(n)[r::k], "not shuffled"),
        ("sorted", lambda n, e, r, k, s: _perm(n, s + e)[r::k].sort().values, None),
        ("one step less", lambda n, e, r, k, s: _perm(n, s + e)[r : n - 1 : k], None),
        ("seed - epoch", lambda n, e, r, k, s: _perm(n, abs(s - e) + 200)[r::k], None),
    ],
    "distributed.mean_gradient": [
        ("not divided", lambda g, c: (g * T.tensor(c)[:, None]).sum(0), "not divided"),
        ("twice n_r", lambda g, c: (g * T.tensor(c)[:, None]).sum(0) * len(c) / sum(c), "weighted twice"),
        ("squared weights", lambda g, c: (g * T.tensor(c)[:, None] ** 2).sum(0) / sum(x * x for x in c), "squared weights"),
        ("softmax", lambda g, c: T.tensor(c).double().softmax(0) @ g, "softmax weights"),
        ("tensor method on a list", lambda g, c: c.sum() * g, None),
    ],
    "distributed.scaled": [
        ("rate kept and all", lambda b, n, e, r: (r, e // b), "nothing changes"),
        ("updates of one", lambda b, n, e, r: (r * n, e // b), "updates alone"),
        ("swapped", lambda b, n, e, r: (e // (b * n), r * n), None),
        ("0.32, 944", lambda b, n, e, r: (r * n, e // (b * n) + 1), None),
        ("rate only", lambda b, n, e, r: r * n, None),
        ("root and one", lambda b, n, e, r: (r * math.sqrt(n), e // b), None),
    ],
    "distributed.ring_bytes": [
        ("2P", lambda p, n: 2 * p, "numbers, many processes"),
        ("8P", lambda p, n: 8 * p, "twice everything"),
        ("n pieces each way", lambda p, n: 2 * (n - 1) * p, "whole gradients"),
        ("per neighbour", lambda p, n: 2 * (n - 1) / n * 4 * p / (n - 1), "one message"),
        ("kilobytes", lambda p, n: 2 * (n - 1) / n * 4 * p / 1000, None),
    ],
    "distributed.zero_bytes": [
        ("not cumulative", lambda p, d, s: 16 * p - (8, 4, 4)[s - 1] * p + (8, 4, 4)[s - 1] * p // d, "this stage alone"),
        ("numbers", lambda p, d, s: (4 * p - sum((2, 1, 1)[:s]) * p) + sum((2, 1, 1)[:s]) * p // d, "numbers"),
        ("all devices", lambda p, d, s: 16 * p * d, "all devices together"),
        ("gradients first", lambda p, d, s: sum((4, 8, 4)[:s]) * p // d + sum((4, 8, 4)[s:]) * p, "gradients first"),
        ("saved", lambda p, d, s: sum((8, 4, 4)[:s]) * p * (d - 1) // d, "what is saved"),
    ],
    "distributed.bubble": [
        ("busy", lambda s, m: m / (m + s - 1), "busy"),
        ("n over M+n-1", lambda s, m: s / (m + s - 1), "n above"),
        ("%", lambda s, m: 100 * (s - 1) / (m + s - 1), "per cent"),
        ("one over M", lambda s, m: 1 / m, "one over the micro-batches"),
        ("n/M", lambda s, m: s / m, "stages over micro-batches"),
    ],
    "shipping.quantise": [
        ("z not rounded", lambda x: _quant(x, round_zero=False), "zero point not rounded"),
        ("+ z forgotten", lambda x: _quant(x, add=False), "zero point forgotten"),
        ("codes only", lambda x: _quant(x)[2], None),
        ("zero first", lambda x: (_quant(x)[1], _quant(x)[0], _quant(x)[2]), None),
        ("codes 1 more", lambda x: (_quant(x)[0], _quant(x)[1], _quant(x)[2] + 1), None),
        ("scale inverse", lambda x: (1 / _quant(x)[0], _quant(x)[1], _quant(x)[2]), None),
        ("z an int32", lambda x: (_quant(x)[0], _quant(x)[1].int(), _quant(x)[2]), None),
    ],
    "shipping.largest_error": [
        ("half weights", lambda s, n, w: n * w * s / 4, None),
        ("minus one input", lambda s, n, w: (n - 1) * w * s / 2, "one input fewer"),
        ("weight not multiplied", lambda s, n, w: n * s, "whole step, no weights"),
        ("one over", lambda s, n, w: n * w / (2 * s), None),
        ("127 steps", lambda s, n, w: n * w * s * 127, None),
    ],
    "shipping.integer_linear": [
        ("sum(0)", lambda q, z, s, w, ws: s * ws * (q @ w.T - z * w.sum(0).sum()), "sum over the batch"),
        ("scale inside", lambda q, z, s, w, ws: (s * q - z) @ (ws * w.T.double()), None),
        ("no transpose", lambda q, z, s, w, ws: s * ws * ((q - z) @ w), None),
        ("transposed result", lambda q, z, s, w, ws: s * ws * (w @ (q - z).T), None),
        ("divided", lambda q, z, s, w, ws: ((q - z) @ w.T) / (s * ws), None),
        ("rounded", lambda q, z, s, w, ws: (s * ws * ((q - z) @ w.T)).round(), None),
    ],
    "shipping.remaining_work": [
        ("1 and 1", lambda s, c: (1, 1), "nothing saved"),
        ("one number", lambda s, c: (1 - s) ** 2, None),
        ("%", lambda s, c: (100.0, 100 * (1 - s) ** 2), None),
        ("root", lambda s, c: (1.0, math.sqrt(1 - s)), None),
        ("kept of weights", lambda s, c: (1 - s, (1 - s) ** 3), None),
        ("eight times", lambda s, c: (1, 8 * (1 - s) ** 2), None),
        ("two digits", lambda s, c: (1, float(f"{(1 - s) ** 2:.0e}")), None),
    ],
    "shipping.served": [
        ("no fixed time", lambda f, e, b, g: ((b - 1) * g + b * e, 1000 / e), "no fixed time"),
        ("throughput with the wait", lambda f, e, b, g: ((b - 1) * g + f + b * e, 1000 * b / ((b - 1) * g + f + b * e)), "throughput with the wait"),
        ("in seconds", lambda f, e, b, g: ((b - 1) * g + f + b * e, b / (f + b * e)), None),
        ("gaps per batch", lambda f, e, b, g: (b * g + f + b * e, 1000 / (f + b * e)), "a gap for each"),
        ("cut", lambda f, e, b, g: ((b - 1) * g + f + b * e, 1000 * b // (f + b * e)), None),
        ("nearly", lambda f, e, b, g: ((b - 1) * g + f + b * e, 1002 * b / (f + b * e)), None),
        ("waits only", lambda f, e, b, g: ((b - 1) * g, 1000 * b / (f + b * e)), None),
    ],
    "shipping.sure_digits": [
        ("no threshold", lambda z, t: z.argmax(1), "no threshold"),
        ("sigmoid", lambda z, t: T.where(z.sigmoid().amax(1) >= t, z.argmax(1), -1), "sigmoid"),
        ("exp/max", lambda z, t: T.where((z.exp() / z.exp().amax(1, keepdim=True)).amax(1) >= t, z.argmax(1), -1), "divided by the largest"),
        ("0 for refused", lambda z, t: T.where(z.softmax(1).amax(1) >= t, z.argmax(1), 0), "zero for refused"),
        ("bool", lambda z, t: z.softmax(1).amax(1) >= t, "sure or not"),
        ("log_softmax", lambda z, t: T.where(z.log_softmax(1).amax(1) >= t, z.argmax(1), -1), "log-probabilities"),
        (">", lambda z, t: T.where(z.softmax(1).amax(1) > t, z.argmax(1), -1), "above the threshold"),
        ("only sure ones", lambda z, t: z.argmax(1)[z.softmax(1).amax(1) >= t], "refused ones dropped"),
    ],
}  # fmt: skip


# Answers written after all slips were, and for none of which one was made: what the next learner may meet.
UNSEEN = {
    "tensors.standardise": [
        ("over dim -1", lambda x: (x - x.mean(-1, keepdim=True)) / x.std(0, correction=0)),
        ("no keepdim", lambda x: (x - x.mean(1)) / x.std(1)),
        ("abs max", lambda x: x / x.abs().max(0).values),
    ],
    "tensors.squared_distances": [
        ("outer of norms", lambda x, y: (x.norm(dim=1)[:, None] - y.norm(dim=1)) ** 2),
        ("mean of all", lambda x, y: ((x[:, None] - y) ** 2).mean()),
    ],
    "tensors.weighted_mean": [
        ("elementwise", lambda w, v: (w * v).sum(-1)),
        ("transposed weights", lambda w, v: w.mT @ v),
        ("matmul the other way", lambda w, v: v.mT @ w.mT),
    ],
    "autograd.central_slope": [
        ("2h below twice", lambda f, x, h: (f(x + h) - f(x - h)) / (4 * h)),
        ("squared h", lambda f, x, h: (f(x + h) - f(x - h)) / (2 * h**2)),
    ],
    "autograd.linear_backward": [
        ("x.T", lambda x, w, u: (u @ w.T, u.T @ x, u.sum(0))),
        ("weights for x", lambda x, w, u: (u @ w, w, u.sum(0))),
    ],
    "autograd.sigmoid_backward": [
        ("wrong way", lambda y, u: -u * y * (1 - y)),
        ("y squared minus y, halved", lambda y, u: u * (y - y**2) / 2),
    ],
    "gradient_descent.largest_stable_rate": [
        ("min", lambda h: 2 / T.linalg.eigvalsh(h)[0]),
        ("norm of hessian", lambda h: 2 / T.linalg.norm(h, 1)),
        ("half L", lambda h: T.linalg.eigvalsh(h).max() / 2),
    ],
    "gradient_descent.gradient_descent": [
        ("averaged", lambda g, s, r, n: sum(_walk(g, s, r, i) for i in range(1, n + 1)) / n),
        ("momentum", lambda g, s, r, n: _walk(g, s, r, n) + 0.9 * (_walk(g, s, r, n) - _walk(g, s, r, n - 1))),
    ],
    "linear_regression.line_gradient": [
        ("x summed", lambda x, y, w, b: (2 * ((w * x + b - y).mean() * x.mean()), 2 * (w * x + b - y).mean())),
        ("abs", lambda x, y, w, b: (((w * x + b - y).sign() * x).mean(), (w * x + b - y).sign().mean())),
    ],
    "linear_regression.r_squared": [
        ("minus", lambda y, p: -(1 - (y - p).square().sum() / (y - y.mean()).square().sum())),
        ("ratio of stds", lambda y, p: p.std() / y.std()),
    ],
    "data_and_modules.collate_padded": [
        ("mask by column", lambda s: (T.nn.utils.rnn.pad_sequence(s, batch_first=True), (T.arange(max(map(len, s)))[:, None] < T.tensor([len(x) for x in s])))),
        ("list of tensors", lambda s: (s, [T.ones(len(x)).bool() for x in s])),
    ],
    "data_and_modules.huber": [
        ("delta squared", lambda p, t, d: T.where((p - t).abs() <= d, (p - t) ** 2 / 2, d**2 * ((p - t).abs() - d / 2)).mean()),
        ("strict sign", lambda p, t, d: -F.huber_loss(p, t, delta=d)),
    ],
    "mnist_classifier.cross_entropy": [
        ("gathered wrong", lambda z, y: -z.log_softmax(1).gather(0, y[None]).mean()),
        ("nll of logits", lambda z, y: F.nll_loss(z, y)),
        ("half", lambda z, y: F.cross_entropy(z, y) / 2),
    ],
    "mnist_classifier.output_size": [
        ("k - 1 twice", lambda s, k, t, p: (s + 2 * p - 2 * (k - 1) - 1) // t + 1),
        ("keras same", lambda s, k, t, p: -(-s // t)),
    ],
    "optimisers.adam_step": [
        ("no square", lambda th, m, v, g, t: th - 0.1 * (0.9 * m + 0.1 * g) / (1 - 0.9**t) / (((0.999 * v + 0.001 * g.abs()) / (1 - 0.999**t)).sqrt() + 1e-3)),
        ("old moments", lambda th, m, v, g, t: th - 0.1 * m / (1 - 0.9**t) / ((v / (1 - 0.999**t)).sqrt() + 1e-3)),
    ],
    "optimisers.clip_by_norm": [
        ("a tuple of one", lambda g, m: g[0] * min(1.0, m / float(g[0].norm()))),
        ("max norm twice", lambda g, m: [x * (2 * m / T.cat([y.flatten() for y in g]).norm()).clamp(max=1.0) for x in g]),
    ],
    "sequences.rnn_step": [
        ("weights swapped", lambda x, h, wi, wh, b: T.tanh(x @ wh.T + h @ wi.T + b)),
        ("softmax", lambda x, h, wi, wh, b: (x @ wi.T + h @ wh.T + b).softmax(-1)),
        ("minus bias", lambda x, h, wi, wh, b: T.tanh(x @ wi.T + h @ wh.T - b)),
    ],
    "sequences.padded_loss": [
        ("logits flattened only", lambda z, y, p: F.cross_entropy(z.flatten(0, 1), y, ignore_index=p)),
        ("log base 2", lambda z, y, p: F.cross_entropy(z.mT, y, ignore_index=p) / math.log(2)),
    ],
    "attention.attend": [
        ("transposed weights", lambda q, k, v: (k @ q.mT / q.shape[-1] ** 0.5).softmax(-1) @ v),
        ("sigmoid", lambda q, k, v: (q @ k.mT / q.shape[-1] ** 0.5).sigmoid() @ v),
        ("query added", lambda q, k, v: F.scaled_dot_product_attention(q, k, v).mean(1)),
    ],
    "attention.padding_mask": [
        ("ones", lambda n, s: T.ones(len(n), s)),
        ("arange only", lambda n, s: T.arange(s) < n),
    ],
    "attention.split_heads": [
        ("view no transpose, heads last", lambda x, h: x.reshape(*x.shape[:2], -1, h)),
        ("first head", lambda x, h: x.reshape(*x.shape[:2], h, -1).transpose(1, 2)[:, 0]),
    ],
    "transformer.layer_norm": [
        ("no centring of weight", lambda x, w, b, e: F.layer_norm(x, x.shape[-1:], eps=e) * (w + 1) + b),
        ("bias subtracted", lambda x, w, b, e: F.layer_norm(x, x.shape[-1:], eps=e) * w - b),
    ],
    "transformer.pre_norm": [
        ("norm added", lambda x, n, s: x + n(x)),
        ("halved", lambda x, n, s: x + 0.5 * s(n(x))),
    ],
    "language_model.window": [
        ("targets first", lambda i, s, c: (i[s + 1 : s + c + 1], i[s : s + c])),
        ("targets as one-hot", lambda i, s, c: (i[s : s + c], F.one_hot(i[s + 1 : s + c + 1]))),
    ],
    "language_model.with_temperature": [
        ("sigmoid", lambda z, t: (z / t).sigmoid()),
        ("minus", lambda z, t: (-z / t).softmax(-1)),
        ("added", lambda z, t: z.softmax(0) + t),
    ],
    "language_model.nucleus": [
        ("renormalised twice", lambda q, p: _nucleus(q, p) / p),
        ("mask", lambda q, p: _nucleus(q, p) > 0),
    ],
    "fine_tuning.adapted_forward": [
        ("b a x in order", lambda x, w, a, b, al: x @ w.T + al / len(a) * (x @ b @ a)),
        ("doubled detour", lambda x, w, a, b, al: x @ w.T + 2 * al / len(a) * (x @ a.T @ b.T)),
    ],
    "fine_tuning.mean_pool": [
        ("median", lambda s, m: s.median(1).values),
        ("sum over both", lambda s, m: (s * m[..., None]).sum((0, 1)) / m.sum()),
    ],
    "assistant.dpo_loss": [
        ("two sigmoids", lambda b, w, rb, rw, s: -(F.logsigmoid(s * (b - rb)) - F.logsigmoid(s * (w - rw))).mean()),
        ("log of sigmoid times -2", lambda b, w, rb, rw, s: -2 * F.logsigmoid(s * (b - rb - w + rw)).mean()),
    ],
    "hardware.to_bf16": [
        ("scaled", lambda x: 2 * _digits(x, 7)),
        ("float32", lambda x: x.float()),
    ],
    "distributed.mean_gradient": [
        ("numpy-like broadcasting", lambda g, c: (g * T.tensor(c)).sum(0) / sum(c)),
        ("max", lambda g, c: g.max(0).values),
        ("minus", lambda g, c: -(g * T.tensor(c)[:, None]).sum(0) / sum(c)),
    ],
    "distributed.ring_bytes": [
        ("n - 1 rounds of 4P/n, once more", lambda p, n: 2 * n / n * 4 * p),
        ("bits", lambda p, n: 8 * 2 * (n - 1) / n * 4 * p),
    ],
    "shipping.integer_linear": [
        ("zero times scale", lambda q, z, s, w, ws: s * ws * (q @ w.T) - z),
        ("as float32", lambda q, z, s, w, ws: ((s * (q - z)).float() @ (ws * w.T).float()).round()),
    ],
    "shipping.sure_digits": [
        ("max of logits", lambda z, t: T.where(z.amax(1) >= t, z.argmax(1), -1)),
        ("column", lambda z, t: T.where(z.softmax(1).amax(1, keepdim=True) >= t, z.argmax(1, keepdim=True), -1)),
        ("-100", lambda z, t: T.where(z.softmax(1).amax(1) >= t, z.argmax(1), -100)),
    ],
}  # fmt: skip


def _walk(gradient, place, rate, steps):
    for _ in range(steps):
        place = place - rate * gradient(place)
    return place


def _design(x):
    return T.cat([T.ones(len(x), 1, dtype=x.dtype), x], 1)


def _fit(x, y):
    return T.linalg.lstsq(_design(x), y[:, None]).solution[:, 0]


def _penal(x, y, strength, left=None, right=None, only_first=False):
    a, n = _design(x), len(x)
    diagonal = T.tensor([float(only_first)] + [float(not only_first)] * x.shape[1], dtype=x.dtype)
    return T.linalg.solve(a.T @ a / (left or n) + strength * T.diag(diagonal), a.T @ y / (right or n))


def _adam(m, v, g, t):
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
    return 0.1 * (m / (1 - 0.9**t)) / ((v / (1 - 0.999**t)).sqrt() + 1e-3)


def _lstm(gates, cell):
    i, f, g, o = gates.chunk(4, -1)
    cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
    return o.sigmoid() * cell.tanh(), cell


def _coupled(gates, cell):
    i, _, g, o = gates.chunk(4, -1)
    cell = (1 - i.sigmoid()) * cell + i.sigmoid() * g.tanh()
    return o.sigmoid() * cell.tanh(), cell


def _waves(angle):
    return T.stack([angle.sin(), angle.cos()], -1).flatten()


def _matches(written, target, end):
    behind = ((target == end).cumsum(1) > 0) & (target != end)
    return ((written == target) | behind).all(1).double().mean().item()


def _merge(ids, pair, new):
    out, k = [], 0
    while k < len(ids):
        hit = tuple(ids[k : k + 2]) == pair
        out.append(new if hit else ids[k])
        k += 2 if hit else 1
    return out


def _nucleus(q, p):
    s, order = q.sort(descending=True)
    kept = T.zeros_like(q)
    kept[order[(s.cumsum(0) - s) < p]] = s[(s.cumsum(0) - s) < p]
    return kept / kept.sum()


def _digits(x, stored, rounding=T.round):
    step = 2.0 ** (x.abs().log2().floor() - stored)
    return rounding(x / step) * step


def _updates(gradients, scale, seen):
    rows = []
    for row in gradients:
        if seen(row, scale).isfinite().all():
            rows.append(seen(row, scale).double() / scale)
        else:
            rows.append(T.zeros_like(row))
            scale /= 2
    return T.stack(rows), scale


def _perm(n, seed):
    return T.randperm(n, generator=T.Generator().manual_seed(seed))


def _going_on(n, epoch, seed):
    generator = T.Generator().manual_seed(seed)
    return [T.randperm(n, generator=generator) for _ in range(epoch + 1)][-1]


def _quant(x, round_zero=True, add=True):
    scale = (x.max() - x.min()) / 255
    zero = -128 - x.min() / scale
    zero = zero.round() if round_zero else zero
    return scale, zero, ((x / scale).round() + (zero if add else 0)).clamp(-128, 127)
