// Bytes of a GPT's training step on one device, as course_lib.models.cost and course_lib.training.memory count them.

export function parameters({ vocab, seq, width, layers }) {
  return layers * (12 * width ** 2 + 13 * width) + (vocab + seq + 2) * width;
}

function blockBytes({ batch, seq, width, heads }, { stream, product, copies }) {
  const aToken = 2 * stream * width + 16 + 14 * product * width + 4 * heads;
  return batch * seq * aToken + (copies ? 12 * product * width ** 2 : 0);
}

function activationBytes(setting, bytes) {
  const { vocab, batch, seq, width, layers, checkpointing } = setting;
  const { stream, product, copies, loss } = bytes;
  const tokens = batch * seq;
  const block = checkpointing ? tokens * stream * width : blockBytes(setting, bytes);
  const rest = tokens * (stream * width + 8 + product * width + loss * vocab + 16) + stream;
  return layers * block + rest + (copies ? product * vocab * width : 0);
}

// Three moments of the backward pass, each as [activations, gradients of weights, gradients of activations].
function backwardMoments(setting, bytes, shards) {
  const { vocab, batch, seq, width, checkpointing } = setting;
  const { weight, stream, product, copies, loss, lossGradient } = bytes;
  const tokens = batch * seq;
  const block = blockBytes(setting, bytes);
  const kept = activationBytes(setting, bytes);
  const onTheirWay = tokens * width * (stream + 4 * product + (copies ? product : 0));
  const head = tokens * (loss * vocab + (stream + product) * width + 8) + (copies ? product * vocab * width : 0);
  const recomputed = checkpointing ? block - stream * tokens * width : 0;
  const halfABlock = 4 * width ** 2 + 3 * width;
  const nearlyAll = weight * (parameters(setting) - seq * width - 2 * halfABlock);
  return {
    "as the backward pass begins": [kept, 0, lossGradient * tokens * vocab],
    "in the last block": [kept - head + recomputed, weight * (vocab * width + halfABlock), onTheirWay],
    "in the first block": [block + 16 * tokens, Math.ceil(nearlyAll / shards), onTheirWay],
  };
}

// The parts of a step: {parameters, weights, gradients, optimizer, activations, fullest}; fullest is the backward
// pass's fullest moment: {moment, activations, gradients, working}.
export function budget(setting, choices) {
  const [weight, stream, product, copies, loss, lossGradient] = choices.bytesOf[setting.precision];
  const bytes = { weight, stream, product, copies, loss, lossGradient };
  const full = { ...setting, vocab: choices.vocab, heads: setting.width / choices.headDim };
  const count = parameters(full);
  const shared = (kind) => choices.sharded[setting.sharding].includes(kind);
  const share = (kind, size) => (shared(kind) ? Math.ceil(size / setting.devices) : size);
  const counts = setting.optimizer === "adam" ? 4 * (12 * setting.layers + 4) : 0;
  const gathered = shared("weights") ? weight * parameters({ ...full, layers: 1 }) : 0;
  const found = Object.entries(backwardMoments(full, bytes, shared("gradients") ? setting.devices : 1));
  const size = ([, parts]) => parts.reduce((sum, each) => sum + each, 0);
  const [moment, [activations, gradients, working]] = found.reduce((most, each) => (size(each) > size(most) ? each : most));
  return {
    parameters: count,
    weights: share("weights", weight * count),
    gradients: share("gradients", weight * count),
    optimizer: share("optimizer", choices.averages[setting.optimizer] * weight * count) + counts,
    activations: activationBytes(full, bytes),
    fullest: { moment, activations, gradients, working: working + gathered },
  };
}

// The two fullest moments, part by part from the left.
export function moments({ weights, gradients, optimizer, fullest }) {
  const { moment, activations, gradients: written, working } = fullest;
  return {
    [moment]: { weights, gradients: written, optimizer, activations, working },
    "at the update": { weights, gradients, optimizer },
  };
}

export function total(parts) {
  return Object.values(parts).reduce((sum, each) => sum + each, 0);
}

export function peak(found) {
  return Math.max(...Object.values(moments(found)).map(total));
}
