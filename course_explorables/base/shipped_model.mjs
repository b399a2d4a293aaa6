// Where a page or a notebook finds a shipped model: its settings, its tokenizer's merges, its safetensors file.
import { html } from "./base.mjs";
import { fromBase64 } from "./safetensors.mjs";

// The model's parts: from the kernel, or from the script that lies below the site's root.
export function parts(model) {
  if (model.get("weights")) {
    return Promise.resolve({ settings: model.get("model_settings"), merges: model.get("merges"), weights: model.get("weights") });
  }
  const name = model.get("name");
  const shelf = () => globalThis.courseModels?.[name];
  const loads = (globalThis.courseModelLoads ??= {});
  loads[name] ??= new Promise((resolve, reject) => {
    if (shelf()) { resolve(shelf()); return; }
    const root = document.documentElement.dataset.content_root ?? "./";
    document.head.append(html("script", {
      src: `${root}gpt/${encodeURIComponent(name)}.js`,
      onload: () => (shelf() ? resolve(shelf()) : reject(new Error("the script holds no model"))),
      onerror: () => reject(new Error("no such script")),
    }));
  });
  return loads[name].then(({ settings, merges, weights }) => ({ settings, merges, weights: fromBase64(weights) }));
}
