// A second engine for a model of the page: ONNX Runtime, compiled to WebAssembly. It and the model's .onnx file lie
// beside the book's pages and are fetched on a click, from a server only: a browser lets no file fetch its neighbour.
import { html, number } from "./base.mjs";
import { button } from "./frame.mjs";

const FOLDERS = { runtime: "_static/vendor/onnxruntime/", models: "onnx/" };

function address(path) {
  const root = document.documentElement.dataset.content_root;
  if (root === undefined) throw new Error("it comes with the book's own pages, not with a notebook");
  if (location.protocol === "file:") throw new Error("a page opened from a file may not load it; serve the book (make serve) and try again");
  return new URL(root + path, document.baseURI).href;
}

// The runtime, once for all models of a page.
function runtime() {
  const fetched = async () => {
    const folder = address(FOLDERS.runtime);
    const ort = await import(`${folder}ort.wasm.bundle.min.mjs`);
    ort.env.wasm.wasmPaths = { wasm: `${folder}ort-wasm-simd-threaded.wasm` };
    ort.env.wasm.numThreads = 1; // more would need headers that a plain file server does not send
    return ort;
  };
  return (globalThis.courseRuntime ??= fetched());
}

// A model as a function of named tensors, each [type, data, shape]; it answers with the output "logits" as Float32Array.
export async function onnxModel(name) {
  const ort = await runtime();
  const session = await ort.InferenceSession.create(address(`${FOLDERS.models}${name}.onnx`));
  return async (inputs) => {
    const feeds = Object.fromEntries(Object.entries(inputs).map(([key, [type, data, shape]]) => [key, new ort.Tensor(type, data, shape)]));
    return (await session.run(feeds)).logits.data;
  };
}

// A button that fetches the engine, and a line that says how far its logits are from the page's own. `present()` gives
// what stands on screen, { inputs, logits }, or null; what is drawn anew calls `refresh`.
export function secondEngine(name, present) {
  let [model, stale, busy] = [null, false, false];
  const told = html("span", { role: "status", tabindex: -1, "data-reading": "engine" }, "14 MB, fetched when you ask");
  const start = button("Ask ONNX Runtime too", async () => {
    start.disabled = true;
    told.textContent = "fetching …";
    try {
      model = await onnxModel(name);
      await refresh();
      const focused = document.activeElement === start;
      start.remove();
      if (focused) told.focus(); // keys go on from here
    } catch (error) {
      globalThis.courseRuntime = model = null; // a later click tries anew
      start.disabled = false;
      told.textContent = `ONNX Runtime did not start: ${error.message}`;
    }
  });

  // One question at a time; of what is drawn meanwhile only the newest is asked.
  async function refresh() {
    if (!model) return;
    stale = true;
    if (busy) return;
    busy = true;
    try {
      while (stale) {
        stale = false;
        const asked = present();
        told.textContent = asked ? await compare(asked) : "ONNX Runtime has nothing to compare";
      }
    } finally {
      busy = false;
    }
  }

  async function compare({ inputs, logits }) {
    const begin = performance.now();
    const theirs = await model(inputs);
    const took = performance.now() - begin;
    const apart = theirs.reduce((most, each, k) => Math.max(most, Math.abs(each - logits[k])), 0);
    return `ONNX Runtime's ${theirs.length} logits: at most ${apart.toExponential(1)} from ours, in ${number(took, 1)} ms`;
  }

  return { node: html("div", { class: "xp-choices" }, start, told), refresh };
}
