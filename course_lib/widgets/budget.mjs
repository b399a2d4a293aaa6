// Bytes of a GPT's training step on one device, as course_lib.models.gpt_cost and course_lib.training.memory count them.

export function parameters({ vocab, seq, width, layers }) {
  return layers * (12 * width ** 2 + 13 * width) + (vocab + seq + 2) * width;
}

function blockBytes({ batch, seq, width, heads }, { stream, product, copies }) {
  const aToken = 2 * stream * width + 4 * stream + 14 * product * width + 4 * heads;
  return batch * seq * aToken + (copies ? 12 * product * width ** 2 : 0);
}

function activationBytes(setting, bytes) {
  const { vocab, batch, seq, width, layers, checkpointing } = setting;
  const { stream, product, copies } = bytes;
  const tokens = batch * seq;
  const block = checkpointing ? tokens * stream * width : blockBytes(setting, bytes);
  const rest = tokens * (stream * width + 2 * stream + product * width + stream * vocab + 16) + stream;
  return layers * block + rest + (copies ? product * vocab * width : 0);
}

function workingBytes(setting, bytes, shards) {
  const { vocab, batch, seq, width, checkpointing } = setting;
  const { weight, stream, product } = bytes;
  const tokens = batch * seq;
  const block = blockBytes(setting, bytes);
  const kept = activationBytes(setting, bytes);
  const logits = stream * tokens * vocab;
  const gradients = tokens * width * (stream + 4 * product);
  const head = logits + tokens * ((stream + product) * width + 2 * stream);
  const halfABlock = 4 * width ** 2 + 3 * width;
  const inLastBlock = (checkpointing ? block : 0) + gradients - head + weight * (vocab * width + halfABlock);
  const written = weight * (parameters(setting) - seq * width - 2 * halfABlock);
  const inFirstBlock = block + gradients + Math.ceil(written / shards) - (kept - 16 * tokens);
  return Math.max(2 * logits, inLastBlock, inFirstBlock);
}

// The parts of a step: {parameters, weights, gradients, optimizer, activations, working}.
export function budget(setting, choices) {
  const [weight, stream, product, copies] = choices.bytesOf[setting.precision];
  const bytes = { weight, stream, product, copies };
  const full = { ...setting, vocab: choices.vocab, heads: setting.width / choices.headDim };
  const count = parameters(full);
  const shared = (kind) => choices.sharded[setting.sharding].includes(kind);
  const share = (kind, size) => (shared(kind) ? Math.ceil(size / setting.devices) : size);
  const counts = setting.optimizer === "adam" ? 4 * (12 * setting.layers + 4) : 0;
  const gathered = shared("weights") ? weight * parameters({ ...full, layers: 1 }) : 0;
  return {
    parameters: count,
    weights: share("weights", weight * count),
    gradients: share("gradients", weight * count),
    optimizer: share("optimizer", choices.averages[setting.optimizer] * weight * count) + counts,
    activations: activationBytes(full, bytes),
    working: workingBytes(full, bytes, shared("gradients") ? setting.devices : 1) + gathered,
  };
}

// The two fullest moments, part by part from the left.
export function moments({ weights, gradients, optimizer, activations, working }) {
  return {
    "as the backward pass begins": { weights, optimizer, activations, working },
    "at the update": { weights, optimizer, gradients },
  };
}

export function total(parts) {
  return Object.values(parts).reduce((sum, each) => sum + each, 0);
}

export function peak(found) {
  return Math.max(...Object.values(moments(found)).map(total));
}
