"""Calls that the page's torch must answer as torch does, as text; each group says what its names stand for.

x, y: floating point, of one dtype and shapes that broadcast. p: positive, u: between −1 and 1, like x. m, n: numbers of
any dtypes. i, j: whole numbers. k, l: truth values. s: a number. A, B: matrices, of inner size equal; S: square, far from
singular; Q: symmetric, positive; v, w: vectors. t3, r3: batches of matrices. z: class scores, labels: their classes.
Of the last group, x and y hold what arithmetic stumbles over.
"""

from __future__ import annotations

FLOAT = """
x + y | x - y | x * y | x / (y * y + 1) | x + s | s + x | s - x | x - s | s * x | s / (x * x + 1) | x / 2 | -x | +x | abs(x)
x ** 2 | x ** 3 | x ** 0 | p ** 0.5 | p ** y | 2.0 ** x | p ** -1 | torch.pow(p, y) | torch.pow(2.0, x) | p.pow(2.5)
torch.add(x, y, alpha=2) | x.sub(y, alpha=0.5) | torch.sub(x, y) | x.subtract(y) | torch.mul(x, y) | x.multiply(y) | torch.multiply(x, y)
torch.subtract(x, y) | torch.div(x, p) | x.divide(p) | x.true_divide(p) | torch.divide(x, p) | torch.true_divide(x, p) | torch.rsub(x, y)
x.div(p, rounding_mode="floor") | x.div(p, rounding_mode="trunc") | x // p | x % p | torch.remainder(x, p)
torch.floor_divide(x, p) | x.floor_divide(p) | x.remainder(p) | torch.maximum(x, y) | x.minimum(y) | torch.minimum(x, y) | x.maximum(y)
x.exp() | torch.exp(x) | x.exp2() | torch.exp2(x) | x.expm1() | torch.expm1(x) | p.log() | torch.log(p) | p.log2() | torch.log2(p)
p.log10() | torch.log10(p) | p.log1p() | torch.log1p(p) | p.sqrt() | torch.sqrt(p) | p.rsqrt() | torch.rsqrt(p) | p.reciprocal()
torch.reciprocal(p) | x.sin() | torch.sin(x) | x.cos() | torch.cos(x) | x.tan() | torch.tan(x) | u.asin() | torch.asin(u) | u.acos()
torch.acos(u) | u.arccos() | torch.arccos(u) | x.atan() | torch.atan(x) | x.sinh() | torch.sinh(x) | x.cosh() | torch.cosh(x)
x.tanh() | torch.tanh(x) | F.tanh(x) | x.sigmoid() | torch.sigmoid(x) | F.sigmoid(x) | x.relu() | torch.relu(x) | F.relu(x)
x.erf() | torch.erf(x) | x.neg() | torch.neg(x) | x.negative() | torch.negative(x) | x.abs() | torch.abs(x) | x.absolute()
torch.absolute(x) | x.sign() | torch.sign(x) | x.floor() | torch.floor(x) | x.ceil() | torch.ceil(x) | x.trunc() | torch.trunc(x)
x.round() | torch.round(x) | x.round(decimals=1) | x.square() | torch.square(x) | x.deg2rad() | torch.deg2rad(x) | x.rad2deg()
torch.rad2deg(x) | torch.atan2(x, p) | x.atan2(p) | torch.logaddexp(x, y) | x.logaddexp(y)
x.clamp(-1, 1) | torch.clamp(x, min=0) | x.clamp(max=0.5) | torch.clip(x, -1, 1) | x.clip(max=1) | x.clamp_min(0) | x.clamp_max(0)
torch.clamp_min(x, 0.5) | torch.clamp_max(x, 0.5) | x.clamp(min=y) | x.clamp() | x.lerp(x * 2, 0.3) | torch.lerp(x, x + 1, 0.25)
torch.addcmul(x, x, x, value=0.5) | x.addcmul(x, x) | torch.addcdiv(x, x, p, value=0.5) | x.addcdiv(x, p) | x.nan_to_num() | torch.nan_to_num(x)
F.silu(x) | F.gelu(x) | F.gelu(x, approximate="tanh") | F.softplus(x) | F.softplus(x, beta=2.0) | F.logsigmoid(x) | F.leaky_relu(x)
F.leaky_relu(x, 0.2)
x.sum() | torch.sum(x) | x.sum(0) | x.sum(dim=-1, keepdim=True) | x.sum((0, -1)) | x.sum(axis=0) | x.sum(dtype=torch.float64) | x.sum(9)
x.mean() | torch.mean(x) | x.mean(0) | x.mean(dim=-1, keepdim=True) | x.mean((0, -1)) | x.mean([], keepdim=True) | x.var() | torch.var(x)
x.var(0) | x.var(dim=-1, correction=0) | x.var(unbiased=False) | x.std() | torch.std(x) | x.std(0) | x.std(-1, keepdim=True)
x.std(dim=0, correction=0) | x.prod() | torch.prod(x) | x.prod(0) | x.prod(-1, keepdim=True) | x.logsumexp(0) | torch.logsumexp(x, -1)
x.max() | torch.max(x) | x.max(0) | x.max(-1, keepdim=True) | torch.max(x, y) | x.min() | torch.min(x) | x.min(0) | x.min(dim=-1).values
x.max(dim=0).indices | x.amax() | torch.amax(x, 0) | x.amax((0, -1)) | x.amax(-1, keepdim=True) | x.amin() | torch.amin(x, dim=0)
x.argmax() | torch.argmax(x, 0) | x.argmax(-1, keepdim=True) | x.argmin() | torch.argmin(x, dim=-1) | x.median() | torch.median(x)
x.median(0) | x.median(-1, keepdim=True) | x.sort() | torch.sort(x, 0) | x.sort(descending=True) | x.argsort() | torch.argsort(x, 0)
x.topk(1) | torch.topk(x, 1, 0) | x.topk(2, largest=False) | x.topk(9) | x.cumsum(0) | torch.cumsum(x, -1)
x.norm() | torch.norm(x) | x.norm(dim=0) | x.norm(1) | x.norm(p=1, dim=-1, keepdim=True)
x.norm(torch.inf) | x.norm(3.0) | torch.linalg.norm(x, dim=-1) | torch.linalg.vector_norm(x) | torch.linalg.vector_norm(x, 1, dim=0)
x.softmax(0) | x.softmax(-1) | torch.softmax(x, -1) | F.softmax(x, -1) | F.softmax(x) | x.log_softmax(0) | torch.log_softmax(x, dim=-1)
F.log_softmax(x, 0) | x.softmax() | x.softmax(9) | torch.exp(1.5) | torch.sqrt(2) | x.softmax(0, dtype=torch.float64)
F.mse_loss(x, x * 2) | F.l1_loss(x, y * 0 + x * 3, reduction="sum") | F.smooth_l1_loss(x, x * 2 + 0.3)
F.mse_loss(x, x + 1, reduction="none") | F.mse_loss(x, x, reduction="no")
F.binary_cross_entropy_with_logits(x, u.square()) | F.binary_cross_entropy_with_logits(x, u.square(), pos_weight=p.detach())
x.detach() | x.clone() | torch.clone(x) | x.contiguous() | x.double() | x.float() | x.to(torch.float64) | x.to(y) | x.to("cpu") | x.cpu() | x.half() | x.bfloat16()
x.requires_grad | x.is_leaf | x.data | (x * 2).retains_grad | (x * 2).output_nr | x.grad
torch.where(x > 0, x, y) | x.where(x > 0, y) | torch.where(x > 0, x, 0.0) | torch.where(x > y, 1.0, x) | x.masked_fill(x > 0, 0.5)
torch.masked_fill(x, x > 0, -torch.inf) | x.masked_fill(x > 0, x.sum()) | x[x > 0]
x.gather(-1, x.argsort(-1)) | torch.gather(x, 0, x.argsort(0))
x.gather(0, x) | x.gather(0, [1]) | x.index_select(0, torch.tensor([0, 0]))
torch.index_select(x, -1, torch.tensor([0])) | x.index_select(0, torch.tensor([7])) | x.flip(0) | torch.flip(x, (-1,)) | x.roll(1)
torch.roll(x, 1, 0) | x.roll(-1, dims=-1) | x.repeat(2, 1, 1, 1)
x.T | x.t() | torch.t(x) | x.mT | x.transpose(0, -1) | torch.transpose(x, 0, 1) | x.swapaxes(0, -1) | torch.swapaxes(x, 0, -1) | x.permute(-1, *range(x.ndim - 1))
torch.permute(x, list(range(x.ndim))) | x.movedim(0, -1) | torch.movedim(x, -1, 0) | x.moveaxis(0, -1) | torch.moveaxis(x, 0, -1)
x.reshape(-1) | torch.reshape(x, (-1, 1)) | x.view(-1) | x.T.view(-1) | x.T.reshape(-1) | x.reshape(7) | x.flatten() | torch.flatten(x, 1)
x.unflatten(0, (-1, 1)) | torch.unflatten(x, -1, (1, -1)) | x.view_as(x) | x.squeeze() | torch.squeeze(x, 0) | x.squeeze(-1)
x.unsqueeze(0) | torch.unsqueeze(x, -1) | x.unsqueeze(1) | x.expand(2, 3, 4, *x.shape) | x[None].expand(3, *[-1] * x.ndim) | x.expand_as(x) | x.expand(7)
x.broadcast_to(2, *x.shape) | torch.broadcast_to(x, (2, *x.shape)) | x.unbind() | torch.unbind(x, -1)
x.split(1) | torch.split(x, 2, -1) | x.split([1, x.shape[0] - 1]) | x.chunk(2) | torch.chunk(x, 2, -1) | x.select(0, 0) | torch.select(x, -1, -1)
x.narrow(0, 0, 1) | torch.narrow(x, -1, 0, 9) | x.diagonal() | torch.diagonal(x, 1) | x.diagonal(-1, -2, -1)
x.tril() | torch.tril(x, 1) | x.triu() | torch.triu(x, -1) | x.diag() | torch.diag(x, 1) | x.diag_embed() | torch.diag_embed(x) | x.trace() | torch.trace(x)
torch.cat([x, x]) | torch.cat((x, y), dim=-1) | torch.concat([x, x * 2], -1) | torch.concatenate([x, x]) | torch.stack([x, x * 2]) | torch.stack([x, y], -1)
torch.cat([x, x.double()]) | torch.atleast_1d(x) | torch.atleast_2d(x) | torch.cat([]) | torch.stack(x)
x[0] | x[-1] | x[..., 0] | x[:, None] | x[None] | x[1:] | x[::2] | x[..., -1:] | x[[0, 0]] | x[[0, -1], ..., 0] | x[torch.tensor([0, 0])] | x[9] | x[x] | x[..., [0]] | x["a"]
x[torch.tensor([[0], [0]])] | x[:, torch.tensor([0])] | x[0, :, torch.tensor([0, 0])] | x[True] | x[torch.tensor(0)] | x[::-1] | x[0, 0, 0, 0, 0] | list(x) | x[...] | x[[9]]
x.scatter(0, x.argmax(0, keepdim=True), 1.5)
torch.scatter(x, -1, x.argsort(-1), x * 2) | x.scatter_add(0, x.argsort(0), x * 3) | torch.scatter_add(x, -1, x.argsort(-1), x)
torch.cdist(x, x + 1) | x.numel() | torch.numel(x) | x.dim() | x.ndim | x.shape | x.size() | x.size(-1)
x.stride() | x.T.stride() | x.T.clone().view(-1) | (x.T + 1).reshape(-1) | (x.T * x.T).sum(0) | x.stride(0) | x.storage_offset() | x[1:].storage_offset() | x.is_contiguous() | x.T.is_contiguous() | x.element_size() | x.itemsize | x.nbytes | x.nelement()
x.is_floating_point() | torch.is_floating_point(x) | x.is_complex() | x.is_signed() | x.dtype | x.device | x.layout | x.is_cuda | x.is_sparse | len(x) | bool(x) | float(x) | int(x) | x.item() | x.tolist()
torch.is_tensor(x) | x.equal(x) | torch.equal(x, y) | torch.allclose(x, x) | x.allclose(x + 1e-9) | x.isclose(x * 1.1) | torch.isclose(x, x + 1) | x.isnan() | torch.isnan(x)
x.isinf() | torch.isinf(x) | x.isfinite() | torch.isfinite(x) | x in x | 0.5 in x | f"{x.sum():.3f}" | hash(x) == hash(x) | x.new_tensor([1, 2]) | x.new_zeros(2) | x.new_ones(2, 3) | x.new_empty(2).shape
x.new_full((2,), 7) | torch.zeros_like(x) | torch.ones_like(x) | torch.full_like(x, 2.5) | torch.empty_like(x).shape | torch.zeros_like(x, dtype=torch.int64)
x.untyped_storage().nbytes() | x[0].untyped_storage().data_ptr() == x.untyped_storage().data_ptr() | (x.data_ptr() == x.T.data_ptr()) | x._version | x.nosuchthing | torch.nosuchthing | F.nosuchthing
nn.ReLU()(x) | nn.Tanh()(x) | nn.Sigmoid()(x) | nn.SiLU()(x) | nn.Softmax(-1)(x)
nn.GELU()(x) | nn.LogSigmoid()(x) | nn.LeakyReLU(0.3)(x) | nn.SmoothL1Loss()(x, x * 2) | nn.Identity()(x) | nn.MSELoss()(x, x * 2) | nn.L1Loss(reduction="sum")(x, x + 1) | nn.BCEWithLogitsLoss()(x, u.square())
nn.Flatten(0)(x) | x.detach().requires_grad_().is_leaf | torch.rand_like(x).shape | torch.randn_like(x).shape | (x @ x) | x.matmul(y) | x.inverse()
y = x * 1; y += 1; y | y = x * 1; y *= 2; y | y = x * 1; y -= x; y | y = x * 1; y /= 2; y | y = x * 1; y **= 2; y | y = x * 1; y.add_(x); y | y = x * 1; y.sub_(1); y | y = x * 1; y.mul_(x); y | y = x * 1; y.div_(2); y
y = x * 1; y[0] = 0.5; y | y = x * 1; y[..., 0] = x[..., 0] * 2; y | y = x * 1; y[x > 0] = 0.0; y | y = x * 1; y[[0]] = 1.0; y | y = x * 1; z = y[0]; z.mul_(2); y | y = x * 1; z = y[0]; y.mul_(2); z
y = x * 1; y.zero_(); y | y = x * 1; y.fill_(2.0); y | y = x * 1; y.copy_(x * 3); y | y = x * 1; y.clamp_(-1, 1); y | y = x * 1; y.exp_(); y | y = x * 1; y.masked_fill_(x > 0, 0); y | y = x * 1; y.relu_(); y | y = x * 1; y.neg_(); y
x += 1; x | x[0] = 1.0; x | x.zero_() | y = x.detach(); y.add_(1); x | y = x.exp(); y.add_(1); y.sum().backward() | y = x * x; y.sum().backward(); y.sum().backward() | y = x + 1; y.sum().backward(); y.sum().backward(); x.grad
(x * x).sum().backward(); x.grad | x.sum().backward(retain_graph=True); x.grad | y = x * 2; y.retain_grad(); y.sum().backward(); y.grad | (x * 2).backward() | (x * 2).backward(torch.ones_like(x)); x.grad | x.detach().sum().backward()
torch.autograd.grad((x * x).sum(), x) | torch.autograd.grad(x.sum(), [x, p], allow_unused=True) | torch.autograd.grad(x.sum(), p) | torch.autograd.backward((x * 3).sum()); x.grad | (x * x).sum().backward(torch.ones(2))
g, = torch.autograd.grad((x ** 3).sum(), x, create_graph=True); torch.autograd.grad(g.sum(), x) | with_no_grad = torch.no_grad(); with_no_grad.__enter__(); y = x * 2; with_no_grad.__exit__(None, None, None); y.requires_grad
torch.func.grad(lambda x: (x ** 3).sum())(x.detach()) | torch.func.grad_and_value(lambda x: (x ** 2).sum())(x.detach()) | torch.func.jacrev(torch.tanh)(x.detach()) | torch.func.jacfwd(torch.sin)(x.detach()) | torch.func.hessian(lambda x: (x ** 3).sum())(x.detach())
torch.func.vmap(lambda r: r * 2)(x.detach()) | torch.vmap(torch.sum)(x.detach()) | torch.func.grad(lambda x: x * 2)(x.detach()) | torch.is_grad_enabled() | x.requires_grad_(False).requires_grad | h = x * 2; h.register_hook(lambda g: g * 3); h.sum().backward(); x.grad
repr(x) | str(x * 1000) | repr(x / 1e5) | repr(x.sum()) | repr(x.detach().double()) | repr(x[:0]) | repr(x.half()) | torch.testing.assert_close(x, x) | torch.testing.assert_close(x, x + 1) | x.detach().log_softmax(-1).exp().sum(-1) | torch.enable_grad()(lambda: x * 2)().requires_grad | torch.no_grad()(lambda: x * 2)().requires_grad
"""

ANY = """
m + n | m - n | m * n | m / n | m == n | m != n | m < n | m <= n | m > n | m >= n | m + 1 | m + 1.5 | m * True | 2 - m | 1.5 * m | m / 2 | m // 2 | m % 3 | m ** 2 | -m | m.abs() | m.sum() | m.sum(0) | m.prod()
m.cumsum(0) | m.max() | m.min(0) | m.argmax() | m.amax() | m.sort() | m.unique() | torch.unique(m, return_counts=True) | torch.unique(m, return_inverse=True) | m.float() | m.double() | m.long() | m.int() | m.short() | m.bool() | m.half() | m.to(torch.uint8) | m.to(torch.int8) | m.to(n.dtype)
torch.eq(m, n) | m.eq(n) | torch.ne(m, n) | m.ne(1) | torch.lt(m, n) | m.lt(n) | torch.le(m, n) | m.le(n) | torch.gt(m, n) | m.gt(n) | torch.ge(m, n) | m.ge(n) | torch.logical_and(m, n) | m.logical_and(n) | torch.logical_or(m, n) | m.logical_or(n)
torch.logical_xor(m, n) | m.logical_xor(n) | torch.logical_not(m) | m.logical_not() | m & n | m | ~m | m.all() | torch.all(m) | m.all(0) | m.any() | torch.any(m, -1) | m.any(0, keepdim=True) | m.nonzero() | torch.nonzero(m) | torch.nonzero(m, as_tuple=True) | torch.where(m)
torch.where(m > 0, m, n) | torch.where(m, 1, 0) | m.count_nonzero() | torch.count_nonzero(m, 0) | torch.cat([m, m]) | torch.stack([m, m]) | m.mean() | m.var() | m.std() | m.exp() | m.sqrt() | m.softmax(0) | m.sign() | m.floor() | m.round() | m.tolist() | m.sum().item()
m.relu() | torch.maximum(m, n) | m.minimum(n) | torch.maximum(m, 0) | m.clamp(0, 1) | m.clamp(min=0.5) | m.fill_(1) | m.zero_() | m.add_(1) | m.add_(1.5) | m.mul_(n) | m.div_(2) | m.requires_grad_() | m.masked_fill(m > 0, 0) | m.reshape(-1)
m.T | m[0] | m[m > 0] | m.flip(0) | m.tril() | m.norm() | m.isnan() | m.isfinite() | m.logical_not_() if hasattr(m, 'zzz') else 0 | m.equal(m) | m.item() | int(m.sum()) | float(m.sum()) | bool(m.any()) | repr(m) | str(m) | m.repeat(2, 1, 1, 1) | m.numel() | torch.zeros_like(m) | torch.ones_like(m) | torch.full_like(m, 1)
m.copy_(n) | m.bitwise_and(n) | m.bitwise_or(n) | m.bitwise_xor(n) | m.bitwise_not() | torch.isfinite(m) | m.gather(0, m.argsort(0)) | m.median() | m.topk(1) | torch.equal(m, n) | m.is_floating_point() | m.element_size() | m.data.dtype | m.nan_to_num() | m.square() | torch.tensor(m.tolist()) | torch.as_tensor(m) | torch.asarray(m.tolist(), dtype=torch.float64)
i + j | i - j | i * j | i ^ j | i & j | torch.bitwise_and(i, j) | torch.bitwise_or(i, j) | torch.bitwise_xor(i, j) | torch.bitwise_not(i) | i // (j * j + 1) | i % (j * j + 1) | i ** 2 | i ** -1 | i // 0 | 2 ** (j * j) | i / j | i.float() / 0 | k & l | k ^ l | ~k | k + l | k - l | -k | k.sum() | k * 2 | torch.arange(9)[i % 9] | i.abs() | i.div(2, rounding_mode="floor") | F.one_hot(i % 4) | F.one_hot(i % 4, 5) | F.one_hot(i, 2)
"""

MATRIX = """
A @ B | torch.mm(A, B) | A.mm(B) | A.matmul(B) | torch.matmul(A, B) | torch.linalg.matmul(A, B) | A @ A | A @ v | A.mv(v) | torch.mv(A, v) | v @ B | v @ v | torch.dot(v, v * 2) | v.dot(v) | v @ A.T | v.dot(w)
A @ B.double() | A.long() @ B | A @ 2 | 2 @ A | A @ v.sum() | t3 @ r3 | torch.bmm(t3, r3) | t3.bmm(r3) | t3 @ t3 | t3 @ B | t3 @ v | A @ r3 | t3[None] @ r3 | v @ r3 | B.sum(0).addmm(A, B) if 0 else 0 | t3.mT @ t3 | A.mm(v) | torch.bmm(A, B)
torch.einsum("ij,jk->ik", A, B) | torch.einsum("ij,jk", A, B) | torch.einsum("bij,bjk->bik", t3, r3) | torch.einsum("...ij,...jk->...ik", t3, r3) | torch.einsum("ij->ji", A) | torch.einsum("ij->", A) | torch.einsum("ii->i", S) | torch.einsum("ii", S) | torch.einsum("i,j->ij", v, w) | torch.einsum("bij,jk->bik", t3, B) | torch.einsum("ij,ij->i", A, A)
torch.einsum("ij,j->i", A, v) | torch.einsum("ij,kj->ik", A, A) | torch.einsum("bij,bkj->bik", t3, t3) | torch.einsum("ij,jk->ik", A, A) | torch.einsum("ijk,jk->ik", A, B) | torch.einsum("ij,jk,kl->il", A, B, B.T) | torch.einsum("ij,jk->iz", A, B) | torch.einsum("ij->ii", A) | torch.einsum("bij,bjf->bif", t3, r3) | torch.einsum("i...->...", A)
F.linear(A, B.T) | F.linear(A, B.T, B.sum(0)) | F.linear(t3, B.T, B.sum(0)) | F.linear(A, A) | F.linear(A, B) | F.linear(v, B.T) | F.scaled_dot_product_attention(t3, t3, t3) | F.scaled_dot_product_attention(t3, t3, t3, is_causal=True) | F.scaled_dot_product_attention(A, A, A, attn_mask=(A @ A.T > 0)) | F.scaled_dot_product_attention(A, A, A, scale=0.3)
F.layer_norm(A, (A.shape[1],)) | torch.layer_norm(A, (A.shape[1],), v, v) | F.layer_norm(A, (A.shape[1],), v, v, 1e-3) | F.layer_norm(A, (9,)) | torch.outer(v, w) | v.outer(v) | A.outer(v) | torch.cdist(A, A * 2) | torch.cdist(A, A + 1, p=1.0) | A.cov() | torch.cov(A) | A.corrcoef() | torch.corrcoef(A)
torch.linalg.solve(S, w) | torch.linalg.solve(S, S) | torch.linalg.solve(S, v[:1]) | torch.linalg.solve(S * 0, w) | torch.linalg.inv(S) | torch.inverse(S) | S.inverse() | torch.linalg.inv(S * 0) | torch.linalg.inv(A) | torch.linalg.det(S) | torch.det(S) | S.det() | torch.linalg.solve_triangular(Q, S, upper=False) | torch.linalg.solve_triangular(Q, S, upper=True)
torch.linalg.cholesky(Q.detach()) | torch.linalg.cholesky(-Q.detach()) | torch.linalg.eigvalsh(Q) | torch.linalg.eigh(Q.detach()).eigenvalues | torch.linalg.eigh(Q.detach()).eigenvectors.abs() | torch.linalg.qr(A.detach()) | torch.linalg.qr(S.detach(), mode="complete") | torch.linalg.lstsq(S.detach(), S.detach()).solution | torch.linalg.lstsq(S.detach(), S.detach()[:, 0]).solution | torch.linalg.norm(A) | torch.linalg.norm(v, 1)
F.cross_entropy(z, labels) | F.cross_entropy(z, labels, reduction="sum") | F.cross_entropy(z, labels, reduction="none") | F.cross_entropy(z, labels, label_smoothing=0.1) | F.cross_entropy(z, labels, ignore_index=1) | F.cross_entropy(z, z.detach().softmax(1)) | F.cross_entropy(z, labels.float()) | F.cross_entropy(z, labels[:-1]) | F.cross_entropy(z[0], labels[0]) | F.cross_entropy(z, labels, weight=v0)
F.cross_entropy(z[:, :, None], labels[:, None]) | F.cross_entropy(z, labels + 9) | F.nll_loss(z.log_softmax(1), labels) | F.nll_loss(z, labels, reduction="none") | nn.CrossEntropyLoss()(z, labels) | nn.NLLLoss()(z, labels) | z.argmax(1) == labels | (z.argmax(dim=1) == labels).float().mean() | z[torch.arange(len(z)), labels] | z.gather(1, labels[:, None])
F.cross_entropy(z, labels, weight=v0, label_smoothing=0.2) | F.cross_entropy(z, labels, reduction="mean", ignore_index=0, label_smoothing=0.1) | z.scatter(1, labels[:, None], 0.0) | z.detach().scatter_(1, labels[:, None], 1.0) | z.detach().scatter_add_(1, labels[:, None], z.detach() * 2)
nn.utils.rnn.pad_sequence([v, v[1:]]) | nn.utils.rnn.pad_sequence([A, A[1:]], batch_first=True, padding_value=-1.0)
"""

MADE = """
a = torch.arange(24.0).reshape(2, 3, 4); (a.mT + 1).stride() | a = torch.arange(24.0).reshape(2, 3, 4); (a.mT * a.mT).stride() | a = torch.arange(24.0).reshape(2, 3, 4); (1 - a.mT).stride() | a = torch.arange(24.0).reshape(2, 3, 4); a.mT.exp().stride() | a = torch.arange(24.0).reshape(2, 3, 4); a.mT.clone().stride() | a = torch.arange(24.0).reshape(2, 3, 4); a.mT.double().stride() | a = torch.arange(24.0).reshape(2, 3, 4); a.mT.contiguous().stride() | a = torch.arange(24.0).reshape(2, 3, 4); (a.mT > 0).stride() | a = torch.arange(24.0).reshape(2, 3, 4); a.mT.relu().stride() | a = torch.arange(24.0).reshape(2, 3, 4); torch.zeros_like(a.mT).stride() | a = torch.arange(24.0).reshape(2, 3, 4); torch.ones_like(a.mT).stride() | a = torch.arange(24.0).reshape(2, 3, 4); (a.mT + a[0, 0, 0]).stride() | a = torch.arange(24.0).reshape(2, 3, 4); (a.mT + torch.ones(a.mT.shape)).stride() | a = torch.arange(24.0).reshape(2, 3, 4); (torch.ones(a.mT.shape) + a.mT).stride() | a = torch.arange(24.0).reshape(2, 3, 4); a.mT[::2].clone().stride() | a = torch.arange(24.0).reshape(2, 3, 4); a.mT.sum(0).stride() | a = torch.arange(24.0).reshape(2, 3, 4); a.mT.softmax(-1).stride() | a = torch.arange(24.0).reshape(2, 3, 4); a.mT.reshape(4, 6).stride() | a = torch.arange(24.0).reshape(2, 3, 4); a.mT.expand(2, *a.mT.shape).clone().stride() | a = torch.arange(24.0).reshape(2, 3, 4); (a.mT ** 2).stride() | a = torch.arange(24.0).reshape(2, 3, 4); (-a.mT).stride() | a = torch.arange(24.0).reshape(2, 3, 4); a.mT.masked_fill(a.mT > 3, 0).stride()
a = torch.arange(24.0).reshape(2, 3, 4); (a.transpose(0, 2) + 1).stride() | a = torch.arange(24.0).reshape(2, 3, 4); (a.transpose(0, 2) * a.transpose(0, 2)).stride() | a = torch.arange(24.0).reshape(2, 3, 4); (1 - a.transpose(0, 2)).stride() | a = torch.arange(24.0).reshape(2, 3, 4); a.transpose(0, 2).exp().stride() | a = torch.arange(24.0).reshape(2, 3, 4); a.transpose(0, 2).clone().stride() | a = torch.arange(24.0).reshape(2, 3, 4); a.transpose(0, 2).double().stride() | a = torch.arange(24.0).reshape(2, 3, 4); a.transpose(0, 2).contiguous().stride() | a = torch.arange(24.0).reshape(2, 3, 4); (a.transpose(0, 2) > 0).stride() | a = torch.arange(24.0).reshape(2, 3, 4); a.transpose(0, 2).relu().stride() | a = torch.arange(24.0).reshape(2, 3, 4); torch.zeros_like(a.transpose(0, 2)).stride() | a = torch.arange(24.0).reshape(2, 3, 4); torch.ones_like(a.transpose(0, 2)).stride() | a = torch.arange(24.0).reshape(2, 3, 4); (a.transpose(0, 2) + a[0, 0, 0]).stride() | a = torch.arange(24.0).reshape(2, 3, 4); (a.transpose(0, 2) + torch.ones(a.transpose(0, 2).shape)).stride() | a = torch.arange(24.0).reshape(2, 3, 4); (torch.ones(a.transpose(0, 2).shape) + a.transpose(0, 2)).stride() | a = torch.arange(24.0).reshape(2, 3, 4); a.transpose(0, 2)[::2].clone().stride() | a = torch.arange(24.0).reshape(2, 3, 4); a.transpose(0, 2).sum(0).stride() | a = torch.arange(24.0).reshape(2, 3, 4); a.transpose(0, 2).softmax(-1).stride() | a = torch.arange(24.0).reshape(2, 3, 4); a.transpose(0, 2).reshape(4, 6).stride() | a = torch.arange(24.0).reshape(2, 3, 4); a.transpose(0, 2).expand(2, *a.transpose(0, 2).shape).clone().stride() | a = torch.arange(24.0).reshape(2, 3, 4); (a.transpose(0, 2) ** 2).stride() | a = torch.arange(24.0).reshape(2, 3, 4); (-a.transpose(0, 2)).stride() | a = torch.arange(24.0).reshape(2, 3, 4); a.transpose(0, 2).masked_fill(a.transpose(0, 2) > 3, 0).stride()
a = torch.arange(24.0).reshape(2, 3, 4); (a.permute(2, 0, 1) + 1).stride() | a = torch.arange(24.0).reshape(2, 3, 4); (a.permute(2, 0, 1) * a.permute(2, 0, 1)).stride() | a = torch.arange(24.0).reshape(2, 3, 4); (1 - a.permute(2, 0, 1)).stride() | a = torch.arange(24.0).reshape(2, 3, 4); a.permute(2, 0, 1).exp().stride() | a = torch.arange(24.0).reshape(2, 3, 4); a.permute(2, 0, 1).clone().stride() | a = torch.arange(24.0).reshape(2, 3, 4); a.permute(2, 0, 1).double().stride() | a = torch.arange(24.0).reshape(2, 3, 4); a.permute(2, 0, 1).contiguous().stride() | a = torch.arange(24.0).reshape(2, 3, 4); (a.permute(2, 0, 1) > 0).stride() | a = torch.arange(24.0).reshape(2, 3, 4); a.permute(2, 0, 1).relu().stride() | a = torch.arange(24.0).reshape(2, 3, 4); torch.zeros_like(a.permute(2, 0, 1)).stride() | a = torch.arange(24.0).reshape(2, 3, 4); torch.ones_like(a.permute(2, 0, 1)).stride() | a = torch.arange(24.0).reshape(2, 3, 4); (a.permute(2, 0, 1) + a[0, 0, 0]).stride() | a = torch.arange(24.0).reshape(2, 3, 4); (a.permute(2, 0, 1) + torch.ones(a.permute(2, 0, 1).shape)).stride() | a = torch.arange(24.0).reshape(2, 3, 4); (torch.ones(a.permute(2, 0, 1).shape) + a.permute(2, 0, 1)).stride() | a = torch.arange(24.0).reshape(2, 3, 4); a.permute(2, 0, 1)[::2].clone().stride() | a = torch.arange(24.0).reshape(2, 3, 4); a.permute(2, 0, 1).sum(0).stride() | a = torch.arange(24.0).reshape(2, 3, 4); a.permute(2, 0, 1).softmax(-1).stride() | a = torch.arange(24.0).reshape(2, 3, 4); a.permute(2, 0, 1).reshape(4, 6).stride() | a = torch.arange(24.0).reshape(2, 3, 4); a.permute(2, 0, 1).expand(2, *a.permute(2, 0, 1).shape).clone().stride() | a = torch.arange(24.0).reshape(2, 3, 4); (a.permute(2, 0, 1) ** 2).stride() | a = torch.arange(24.0).reshape(2, 3, 4); (-a.permute(2, 0, 1)).stride() | a = torch.arange(24.0).reshape(2, 3, 4); a.permute(2, 0, 1).masked_fill(a.permute(2, 0, 1) > 3, 0).stride()
torch.tensor(s) | torch.tensor([1, 2]) | torch.tensor([1, 2.5]) | torch.tensor([True, False]) | torch.tensor([[1, 2], [3, 4]], dtype=torch.float64) | torch.tensor([]) | torch.tensor([[], []]) | torch.tensor([1, [2]]) | torch.tensor([[1, 2], [3]]) | torch.tensor("a") | torch.tensor(None) | torch.tensor(2**70) | torch.tensor([1.5], dtype=torch.int64) | torch.tensor(1, requires_grad=True) | torch.tensor(1.0, requires_grad=True) | torch.tensor([torch.tensor(1.5), torch.tensor(2.0)])
torch.tensor([300], dtype=torch.uint8) if 0 else 0 | torch.tensor(1.1, dtype=torch.float16) | torch.tensor(1.1, dtype=torch.bfloat16) | torch.tensor(1e39) | torch.tensor(1e5, dtype=torch.half) | torch.as_tensor([1, 2]) | torch.Tensor([1, 2]) | torch.Tensor(2, 0) | torch.zeros(2, 3) | torch.zeros((2,)) | torch.zeros(2, dtype=torch.int64) | torch.zeros(-1) | torch.zeros(2.5) | torch.ones(2, requires_grad=True) | torch.empty(2, 3).shape
torch.full((2, 2), 7) | torch.full((2,), 1.5) | torch.full((2,), True) | torch.arange(5) | torch.arange(1, 2, 0.25) | torch.arange(5, 0, -2) | torch.arange(0) | torch.arange(3.0) | torch.arange(0, 5, -1) | torch.arange(5, dtype=torch.float64) | torch.arange(1, 5, 0) | torch.linspace(0, 1, 5) | torch.linspace(-1, 1, 4, dtype=torch.float64) | torch.linspace(3, 1, 1) | torch.eye(3) | torch.eye(2, 3, dtype=torch.int64)
repr(torch.arange(2000.0)) | repr(torch.ones(40, 50)) | repr(torch.arange(40)) | repr(torch.zeros(2, 0)) | repr(torch.tensor([1e10, 1.0])) | repr(torch.tensor([True])) | torch.broadcast_shapes((2, 1), (3,)) | torch.broadcast_shapes((2,), (3,)) | torch.get_default_dtype() | torch.finfo(torch.float32).eps | torch.finfo(torch.float32).max | torch.finfo(torch.float64).tiny | torch.finfo(torch.bfloat16).eps | torch.iinfo(torch.int8).min | torch.iinfo(torch.uint8).max | torch.float32 | torch.half | torch.long | torch.double | torch.float | torch.int | torch.short | torch.bool | torch.uint8 | torch.int8 | torch.int16 | torch.int32 | torch.int64 | torch.float16 | torch.bfloat16 | torch.float64
torch.Size([2, 3]) | torch.Size([2, 3]).numel() | torch.Size([2, 3])[1:] | torch.device("cpu") | str(torch.device("cpu")) | torch.pi | torch.e | torch.inf | torch.nan != torch.nan | torch.newaxis | torch.strided | torch.dtype.__name__ | torch.Tensor.__module__ | torch.float32.is_floating_point | torch.int64.itemsize | torch.cuda.is_available() | callable(torch.accelerator.is_available) | callable(torch.accelerator.current_accelerator) | torch.ones(2, 3).t().clone(memory_format=torch.contiguous_format).stride() | torch.ones(2, 3).t().clone(memory_format=torch.preserve_format).stride() | torch.set_printoptions(precision=2) if 0 else 0 | torch.set_default_dtype(torch.float32)
G = torch.Generator().manual_seed(7); G.initial_seed() | G = torch.Generator().manual_seed(7); torch.rand(5, generator=G) | G = torch.Generator().manual_seed(7); torch.rand(5, generator=G, dtype=torch.float64) | G = torch.Generator().manual_seed(8); torch.randn(5, generator=G) | G = torch.Generator().manual_seed(8); torch.randn(15, generator=G, dtype=torch.float64) | G = torch.Generator().manual_seed(8); [torch.randn(3, generator=G), torch.randn(2, generator=G), torch.rand(1, generator=G)]
G = torch.Generator().manual_seed(9); torch.randn(16, generator=G) | G = torch.Generator().manual_seed(9); torch.randn(3, 7, generator=G) | G = torch.Generator().manual_seed(9); torch.randn(37, generator=G, dtype=torch.float64) | G = torch.Generator().manual_seed(1); torch.randint(0, 10, (6,), generator=G) | G = torch.Generator().manual_seed(1); torch.randint(5, (3,), generator=G) | G = torch.Generator().manual_seed(1); torch.randint(0, 2**40, (3,), generator=G) | torch.randint(3, 3, (1,))
G = torch.Generator().manual_seed(2); torch.randperm(20, generator=G) | torch.manual_seed(3); [torch.rand(2), torch.randn(2), torch.randperm(5), torch.randint(9, (2,))] | torch.manual_seed(4); torch.zeros(5).uniform_(-1, 3) | torch.manual_seed(4); torch.zeros(20).normal_(1, 2)
torch.manual_seed(6); a = torch.get_rng_state(); b = torch.rand(3); torch.set_rng_state(a); (b == torch.rand(3)).all() | torch.manual_seed(6); torch.initial_seed() | torch.random.manual_seed(1); a = torch.random.get_rng_state(); b = torch.rand(2); torch.random.set_rng_state(a); [b, torch.rand(2), torch.random.initial_seed()] | torch.default_generator.initial_seed() if 0 else 0 | g = torch.Generator(); a = g.manual_seed(1).get_state(); b = torch.rand(2, generator=g); g.set_state(a); [b, torch.rand(2, generator=g)]
torch.manual_seed(0); nn.Linear(3, 2).weight | torch.manual_seed(0); nn.Linear(3, 2, bias=False)(torch.ones(3)) | torch.manual_seed(0); nn.Linear(4, 5).bias | torch.manual_seed(0); nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))(torch.ones(4, 2)) | nn.Linear(3, 2)(torch.ones(2)) | nn.Linear(3, 2, dtype=torch.float64)(torch.ones(3))
repr(nn.MSELoss()) | repr(nn.Parameter(torch.ones(2))) | nn.Parameter(torch.ones(2)).requires_grad | [n for n, _ in nn.Sequential(nn.Linear(1, 2), nn.Linear(2, 1)).named_parameters()] | sum(p.numel() for p in nn.Linear(3, 4).parameters()) | list(nn.Linear(2, 1).state_dict()) | nn.Linear(2, 1).load_state_dict({})
l = nn.Linear(2, 1); l.load_state_dict({"weight": torch.ones(1, 2), "bias": torch.zeros(1)}); l(torch.tensor([1.0, 2.0])) | l = nn.Linear(2, 2); l.double(); l.weight.dtype | l = nn.Linear(2, 2); l(torch.ones(2)).sum().backward(); l.zero_grad(); l.weight.grad | l = nn.Linear(2, 2); l.requires_grad_(False); l(torch.ones(2)).requires_grad | l = nn.Linear(2, 2); l.weight = 3 | l = nn.Module(); l(1) | l = nn.Module(); l.nosuch
torch.manual_seed(1); nn.init.kaiming_uniform_(torch.empty(3, 4), nonlinearity="relu") | torch.manual_seed(1); nn.init.normal_(torch.empty(3), 1.0, 0.1) | torch.manual_seed(1); nn.init.uniform_(torch.empty(3), 1.0, 2.0) | nn.init.zeros_(torch.ones(2)) | nn.init.ones_(torch.zeros(2)) | nn.init.constant_(torch.zeros(2), 3.0)
nn.functional.relu(torch.tensor([-1.0, 2.0])) | nn.parameter.Parameter(torch.ones(1)) | torch.set_grad_enabled(True).__class__.__name__ | torch.enable_grad().__class__.__name__ | torch.is_tensor(3) | torch.func.grad(3) if 0 else 0 | torch.nn.Linear.__name__ | torch.linalg.LinAlgError.__name__ | isinstance(torch.tensor(1), torch.Tensor) | issubclass(nn.Parameter, torch.Tensor) | torch.iinfo(torch.int64).max | torch.sigmoid.__name__ | hasattr(torch.Tensor, "numpy") | hasattr(torch.Tensor, "nosuch")
"""

ENTRYWISE = """
x + y | x - y | x * y | x / y | x ** y | x // y | x % y | torch.maximum(x, y) | torch.minimum(x, y) | torch.atan2(x, y) | x == y | x < y | x >= y
x.exp() | x.log() | x.log2() | x.log1p() | x.sqrt() | x.rsqrt() | x.reciprocal() | x.sin() | x.tanh() | x.sigmoid() | x.relu() | x.expm1()
x.abs() | x.sign() | x.floor() | x.ceil() | x.round() | x.trunc() | x.square() | x.clamp(-1, 1) | x.isnan() | x.isinf() | x.isfinite() | x.nan_to_num()
x.asin() | x.acos() | x.atan() | x.sinh() | x.cosh() | x.erf() | F.silu(x) | F.softplus(x) | F.logsigmoid(x) | x.max() | x.min()
x.argmax() | x.sort() | x.median() | x.sum() | x.softmax(0) | x.log_softmax(0) | x.logsumexp(0) | x.any() | x.all() | repr(x) | x.unique().numel()
x.to(torch.float16) | x.to(torch.bfloat16) | x.to(torch.bool) | x.float() | x.double() | x.cumsum(0) | x.mean() | x.var() | x.topk(2).values
"""

MISTAKEN = """
x.sum("a") | x.sum(foo=1) | x.sum(1.5) | x.reshape("a") | x.reshape(2.0) | torch.zeros("a") | torch.zeros() | torch.cat(x, y) | torch.cat(x) | torch.stack(x, y)
torch.stack(x, x) | x.view(2.0) | x.mean(1.5) | x.matmul(3) | F.cross_entropy(x) | x.max("a") | x ** "a" | x + None | x + [1, 2] | x + "a" | x @ [1] | x @ 2
torch.arange("a") | torch.arange() | torch.softmax(x) | torch.softmax([1.0, 2.0], 0) | torch.exp() | torch.exp([1.0]) | x.exp(1) | x.unsqueeze() | torch.where(x > 0, x)
x.transpose(0) | x.gather(0) | torch.einsum("ij", x, x) | torch.mean([1.0]) | torch.sum(3) | torch.maximum(x, 0) | torch.max(3, 4) | torch.abs(-2) | x() | x.shape()
x.ndim() | x.T() | x.item().mean() | [1.0].mean() | (3.0).sqrt() | None.sum() | x.foo | torch.foo(x) | F.softmx(x) | torch.relu(3) | F.relu(-1.0) | F.mse_loss(x, 3)
F.mse_loss(x) | nn.Linear(2) | nn.Linear(2, 3)(3) | nn.Linear(2, 3)(torch.ones(4)) | torch.linspace(0, 1) | torch.eye() | torch.full(2, 3) | torch.full((2,))
torch.ones(2)(3) | x.clamp("a") | x.clamp(1, 2, 3) | x.std("a") | x.softmax("a") | x.argmax(1.5) | x.topk() | x.sort(5) | x.cumsum() | x.flip() | x.flip("a") | x.roll("a")
x.repeat() | x.expand() | x.permute() | x.permute(0, 0) | x.squeeze("a") | x.split() | x.chunk() | x.masked_fill(x > 0) | x.masked_fill([True], 1) | x.where(x > 0)
torch.where([True], 1, 2) | x.scatter(0) | x.index_select(0, [0]) | x[1.5] | x[x] | x[:, :, :, :, 0] | x.new_zeros("a") | x.to("foo") | x.to("cuda") | x.backward()
torch.autograd.grad(x) | torch.autograd.grad(x.sum(), 3) | torch.func.grad(3)(x) | torch.randn("a") | torch.randint(3) | torch.randint(0, 3) | torch.rand(-1)
torch.randperm(-1) | torch.randperm("a") | torch.manual_seed("a") | math.sqrt(x) | float(x) | int(x) | bool(x) | range(x) | len(x.sum()) | list(x.sum()) | x.sum()[0]
x if x > 0 else 0 | max(x, 0) | min(x, x) | x > "a" | x == "a" | x != None | not x | x and y | sum(x) | sum([x, x]) | x.sum() in [1, 2] | abs(x) | round(x) | round(x.sum())
pow(x, 2) | divmod(x, 2) | 5 // x | ~x | x & 1 | x.__or__(1) | "a" + x | [1] * x | x.dim() + "a" | x.log(2) | torch.log(x, 2) | torch.tensor([1, "a"])
torch.tensor([None]) | torch.tensor([[1], 2]) | torch.tensor([x, x]) | torch.tensor({1: 2}) | torch.cat([1, 2]) | torch.stack([]) | x.t().view(-1)
"""

PROMOTING = """
a + b | a / b | a == b | a * 2 | a * 1.5 | a * True | torch.maximum(a, b) | torch.cat([a.reshape(-1), b.reshape(-1)])
torch.where(a == b, a, b) | a.sum() | a.prod() | a.cumsum(0) | a.exp() | torch.stack([a, b.to(a.dtype)]) | a.clamp(0, 1.5) | a ** 2
a.add_(b) | a.mul_(1.5) | a // 2 | a % 2 | b.masked_fill(a == a, 1) | a.to(b.dtype) | torch.tensor([a.item(), b.item()]) | 2 - a
"""


def listed(group: str) -> list[str]:
    """The calls of a group."""
    return [call.strip() for line in group.strip().splitlines() for call in line.split(" | ")]
