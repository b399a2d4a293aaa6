// Python in a worker of its own: whatever a reader runs, the page goes on answering.
import { loadPyodide } from "../vendor/pyodide/pyodide.mjs";

let page;

const ready = (async () => {
  const [python, answer] = await Promise.all([
    loadPyodide({ indexURL: new URL("../vendor/pyodide/", import.meta.url).href }),
    fetch(new URL("python.bin", import.meta.url)),
  ]);
  const files = await new Response(answer.body.pipeThrough(new DecompressionStream("deflate"))).json();
  const runner = files[""]["page_runner.py"];
  delete files[""];
  python.FS.writeFile("/home/pyodide/page_runner.py", runner);
  const module = python.pyimport("page_runner");
  module.opened(python.toPy(files), "/home/pyodide/book");
  return { python, module };
})();

const tasks = {
  async open({ setup, data }) {
    const { python, module } = await ready;
    page = module.Page(setup, python.toPy(data));
    return {};
  },
  run: ({ source }) => page.run(source, (text) => postMessage({ text })),
  check: ({ exercise, symbol, source }) => page.check(exercise, symbol, source, (text) => postMessage({ text })),
};

self.onmessage = async ({ data: { id, task, ...given } }) => {
  try {
    const result = await tasks[task](given);
    const plain = result?.toJs ? result.toJs({ dict_converter: Object.fromEntries }) : result;
    result?.destroy?.();
    postMessage({ id, result: plain });
  } catch (error) {
    // Python's own errors are results; what arrives here ended the interpreter.
    postMessage({ id, lost: String(error?.message ?? error) });
  }
};
