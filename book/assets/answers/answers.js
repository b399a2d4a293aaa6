// Exercises answered in the page. Nothing is loaded, and nothing is started, before the first click.
window.zeroAnswers = (() => {
  const home = new URL("./", document.currentScript.src);
  // That a cell may run. A page cannot ask for processor time, and a busy machine gives a third of it.
  const SECONDS = 30;
  const KEY = "zero.answer.";
  const LOST = "This browser keeps nothing: copy your answer before you leave the page.";

  // --- what is kept ------------------------------------------------------------------------------------

  const store = {
    get(name) {
      try { return JSON.parse(localStorage.getItem(KEY + name)) ?? {}; } catch { return {}; }
    },
    set(name, kept) {
      try {
        localStorage.setItem(KEY + name, JSON.stringify({ ...store.get(name), ...kept }));
        return true;
      } catch { return false; } // full, or switched off: the text still stands in the editor
    },
  };

  const script = (path) => new Promise((resolve, reject) => {
    const element = document.createElement("script");
    element.src = new URL(path, home);
    element.onload = resolve;
    element.onerror = () => reject(new Error(`${path} did not arrive`));
    document.head.append(element);
  });

  function make(tag, properties = {}, ...children) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  }

  // A verdict as it is said, with `code` as code.
  function tell(place, status, message) {
    place.dataset.status = status;
    place.replaceChildren(...message.split("`").map((part, k) => (k % 2 ? make("code", { textContent: part }) : part)));
  }

  // The cell for JupyterLab has done its work once the reader answers here.
  function instead(box) {
    const cell = box.previousElementSibling;
    if (cell?.matches(".cell")) cell.hidden = true;
  }

  // --- the chapter's exercises -------------------------------------------------------------------------

  const arrived = { packed: undefined, chapter: undefined, chapters: undefined };
  let opening;
  async function chapterOf(name) {
    await script(`chapters/${name}.js`);
    const bytes = Uint8Array.from(atob(arrived.packed), (letter) => letter.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).json();
  }
  function thisChapter() {
    const name = location.pathname.split("/").pop().replace(/\.html$/, "");
    opening ??= chapterOf(name).then(
      (chapter) => { arrived.chapter = chapter; return chapter; },
      (error) => { opening = undefined; throw error; },
    );
    return opening;
  }

  // --- Python ------------------------------------------------------------------------------------------

  const python = {
    worker: undefined, running: undefined, count: 0,
    upTo: -1, // the last of the page's own cells that has run in this worker

    start() {
      if (python.worker) return python.opened;
      const { chapter } = arrived;
      const worker = new Worker(new URL("worker.mjs", home), { type: "module" });
      python.worker = worker;
      python.upTo = -1;
      worker.onmessage = ({ data }) => python.hear(data);
      worker.onerror = (event) => { event.preventDefault(); python.hear({ lost: event.message ?? "the worker did not start" }); };
      const data = Object.fromEntries(Object.entries(chapter.exercises).filter(([, e]) => e.data).map(([name, e]) => [name, e.data]));
      python.opened = python.ask("open", { setup: chapter.setup, data });
      return python.opened;
    },

    // One task at a time; `limit` in seconds, without which it may take what it takes.
    ask(task, given, show = () => {}, limit = Infinity) {
      return new Promise((resolve, reject) => {
        const id = ++python.count;
        let spent = 0;
        let last = performance.now();
        // A page that sleeps does not count: of the time between two ticks no more than two of them.
        const clock = setInterval(() => {
          const now = performance.now();
          spent += Math.min(now - last, 400) / 1000;
          last = now;
          if (spent > limit) python.stop(`Stopped: it ran for ${limit} seconds. Is there a loop without an end? Your text is kept.`);
        }, 200);
        python.running = { id, show, resolve, reject, clock };
        python.worker.postMessage({ id, task, ...given });
      });
    },

    hear({ id, text, result, lost }) {
      const running = python.running;
      if (text !== undefined) return running?.show(text);
      if (lost !== undefined) return python.stop(explain(lost));
      if (running?.id !== id) return undefined;
      clearInterval(running.clock);
      python.running = undefined;
      running.resolve(result);
      // Memory that was full stays with the worker: the next cell gets a new one.
      if (/MemoryError/.test(result.message ?? result.error ?? "")) python.stop();
      return undefined;
    },

    stop(reason) {
      const running = python.running;
      clearInterval(running?.clock);
      python.worker?.terminate();
      python.worker = python.running = python.opened = undefined;
      running?.reject(new Error(reason));
    },
  };

  function explain(lost) {
    if (/call stack|recursion/i.test(lost)) return "Stopped: the function calls itself without an end, or too deeply. Your text is kept.";
    if (/memory|allocation/i.test(lost)) return "Stopped: the page's memory was full. Your text is kept.";
    return `Python stopped: ${lost}. Your text is kept; press again to start it anew.`;
  }

  function missing() {
    if (location.protocol === "file:") {
      return "A page opened as a file may not start Python. Serve the book's folder: run `python -m http.server` in it, and open http://localhost:8000.";
    }
    if (typeof WebAssembly === "undefined" || typeof Worker === "undefined") {
      return "This browser has no WebAssembly, which Python needs here. A newer one has; or answer in JupyterLab.";
    }
    return undefined;
  }

  // --- functions ---------------------------------------------------------------------------------------

  const editorParts = () => import(new URL("../vendor/codemirror/codemirror.mjs", home));

  async function editor(host, text, label, changed) {
    const cm = await editorParts();
    return new cm.EditorView({
      parent: host,
      state: cm.EditorState.create({
        doc: text,
        extensions: [
          cm.history(), cm.drawSelection(), cm.indentOnInput(), cm.bracketMatching(), cm.python(),
          cm.indentUnit.of("    "), cm.EditorView.lineWrapping, cm.syntaxHighlighting(cm.classHighlighter),
          cm.keymap.of([...cm.defaultKeymap, ...cm.historyKeymap]),
          cm.EditorView.contentAttributes.of({ "aria-label": label, spellcheck: "false", autocapitalize: "off" }),
          cm.EditorView.updateListener.of((update) => { if (update.docChanged) changed(update.state.doc.toString()); }),
        ],
      }),
    });
  }

  const textOf = (view) => view.state.doc.toString();
  const setText = (view, text) => view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });

  // An editor with its buttons in the place of a cell: `tasks` by button, each given the text and where print goes.
  async function workbench(box, { text, initial, label, main, tasks, resetTitle, changed = () => {} }) {
    await editorParts(); // before anything is replaced
    const host = make("div", { className: "answer-editor" });
    const verdict = make("div", { className: "answer-verdict" });
    verdict.setAttribute("role", "status");
    const output = make("pre", { className: "answer-output", hidden: true });
    const keys = make("p", { className: "answer-keys", textContent: "Tab leaves the editor; Ctrl+] indents, Ctrl+[ takes it back." });
    const button = (name, act, title = "") => make("button", { type: "button", textContent: name, onclick: act, title });
    const starts = Object.entries(tasks).map(([name, { title, act }]) => button(name, () => work(act), title));
    const stop = button("Stop", () => python.stop("Stopped. Your text is kept."));
    const reset = button("Reset", () => { setText(view, initial); say("", ""); view.focus(); }, resetTitle);
    starts.find((each) => each.textContent === main).classList.add("main");
    stop.disabled = true;
    const view = await editor(host, text, label, (now) => changed(now, keys));
    box.replaceChildren(host, keys, make("div", { className: "answer-buttons" }, ...starts, stop, reset), verdict, output);
    instead(box);
    view.focus();

    function say(status, message) { tell(verdict, status, message); }

    async function work(act) {
      const reason = missing();
      if (reason) return say("error", reason);
      if (python.running) return say("error", "Python is at work elsewhere on this page: wait for it, or stop it there.");
      output.textContent = "";
      output.hidden = true;
      for (const each of [...starts, reset]) each.disabled = true;
      stop.disabled = false;
      const show = (printed) => { output.hidden = false; output.textContent += printed; };
      try {
        if (!python.worker) say("busy", "Python starts; the first time it takes some seconds.");
        await python.start();
        say("busy", "Running.");
        say(...await act(textOf(view), show));
      } catch (error) {
        say("error", error.message);
      } finally {
        for (const each of [...starts, reset]) each.disabled = false;
        stop.disabled = true;
      }
      return undefined;
    }
    return { view, say };
  }

  const ran = ({ error }) => [error ? "error" : "", error];

  async function answerFunction(box, name, exercise) {
    const kept = store.get(name);
    const { symbol } = exercise;
    const { view, say } = await workbench(box, {
      text: kept.text ?? exercise.stub,
      initial: exercise.stub,
      label: `Your answer to ${exercise.title}`,
      main: "Check",
      resetTitle: "Back to the empty function; undo brings yours back",
      changed(text, keys) { if (!store.set(name, { text })) keys.textContent = LOST; },
      tasks: {
        Check: {
          title: "Ask whether the function is right",
          async act(source, show) {
            const { status, message } = await python.ask("check", { source, exercise: name, symbol }, show, SECONDS);
            store.set(name, { status, message, symbol });
            mark(name, status);
            return [status, message];
          },
        },
        Run: {
          title: "Run the code; the value of its last line is shown",
          act: async (source, show) => ran(await python.ask("run", { source }, show, SECONDS)),
        },
      },
    });
    window.addEventListener("storage", (event) => {
      const text = event.key === KEY + name ? store.get(name).text : undefined;
      if (text !== undefined && !view.hasFocus && text !== textOf(view)) setText(view, text);
    });
    if (kept.status) say(kept.status, kept.message);
  }

  // --- cells that run here -----------------------------------------------------------------------------

  function editCell(box, source, number) {
    return workbench(box, {
      text: source,
      initial: source,
      label: "The cell's code",
      main: "Run",
      resetTitle: "Back to the book's code",
      tasks: {
        Run: {
          title: "Run this cell, and before it those above that have not run",
          async act(text, show) {
            for (const [before, code] of Object.entries(arrived.chapter.cells)) {
              if (Number(before) <= python.upTo || Number(before) >= number) continue;
              try {
                await python.ask("run", { source: code }, () => {}, SECONDS);
              } catch (error) {
                throw new Error(`The cell above that begins with \`${code.trim().split("\n")[0]}\` must run first. ${error.message}`);
              }
              python.upTo = Number(before);
            }
            const found = await python.ask("run", { source: text }, show, SECONDS);
            python.upTo = Math.max(python.upTo, number);
            return ran(found);
          },
        },
      },
    });
  }

  function wakeCell(box) {
    const button = make("button", { type: "button", className: "run-open", textContent: "Edit and run" });
    button.onclick = async () => {
      button.disabled = true;
      try {
        const { cells } = await thisChapter();
        await editCell(box, cells[box.dataset.cell], Number(box.dataset.cell));
      } catch (error) {
        button.disabled = false;
        box.append(missing() ?? `This did not load: ${error.message}.`);
      }
    };
    box.replaceChildren(button);
  }

  // --- predictions -------------------------------------------------------------------------------------

  // A value as Python writes it: numbers, arithmetic, a few functions of math, text, tuples and lists.
  function parse(text) {
    const tokens = text.match(/\d[\d_]*\.?[\d_]*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|"[^"]*"|'[^']*'|[A-Za-z_][\w.]*|\*\*|\/\/|\S/g) ?? [];
    let at = 0;
    const peek = () => tokens[at];
    const take = (token) => (peek() === token ? tokens[at++] : undefined);
    const odd = (token) => new SyntaxError(/^[A-Za-z]/.test(token) ? `write the number alone, without ${token}` : `${token} is not expected here`);
    const need = (token) => { if (!take(token)) throw peek() ? odd(peek()) : new SyntaxError("something is missing at the end"); };
    const whole = (value, a, b) => ({ number: value, whole: a.whole && b.whole });
    const numeric = (value) => { if (!("number" in value)) throw new SyntaxError("only numbers can be computed with"); return value; };
    const functions = { log: Math.log, exp: Math.exp, sqrt: Math.sqrt, log2: Math.log2, log10: Math.log10, tanh: Math.tanh, sin: Math.sin, cos: Math.cos };

    function atom() {
      if (take("(")) return inside(")", false);
      if (take("[")) return inside("]", true);
      const token = tokens[at++];
      if (token === undefined) throw new SyntaxError("something is missing at the end");
      if (/^["']/.test(token)) return { text: token.slice(1, -1) };
      if (/^[\d.]/.test(token)) return { number: Number(token.replaceAll("_", "")), whole: /^[\d_]+$/.test(token) };
      const name = token.replace(/^(math|np|numpy|torch)\./, "").replace(/^ln$/, "log");
      if (name === "pi") return { number: Math.PI, whole: false };
      if (name in functions && take("(")) {
        const value = numeric(sum());
        need(")");
        return { number: functions[name](value.number), whole: false };
      }
      throw new SyntaxError(`${token} is not known here: write a number, or (2, 3), or arithmetic`);
    }
    function inside(end, list) {
      const parts = [];
      while (peek() !== end) {
        parts.push(sum());
        if (!take(",")) { need(end); return list || parts.length > 1 ? { parts } : parts[0]; }
      }
      need(end);
      return { parts };
    }
    function power() {
      const base = atom();
      if (!take("**")) return base;
      const exponent = numeric(unary());
      return whole(numeric(base).number ** exponent.number, base, { whole: exponent.whole && exponent.number >= 0 });
    }
    function unary() {
      if (take("-")) { const value = numeric(unary()); return { number: -value.number, whole: value.whole }; }
      return take("+") ? numeric(unary()) : power();
    }
    function product() {
      let value = unary();
      for (;;) {
        const sign = ["*", "/", "//", "%"].find(take);
        if (!sign) return value;
        if (sign === "%" && (peek() === undefined || /^[,)\]]$/.test(peek()))) throw new SyntaxError("leave out the %, and write a share as a fraction: 0.25 for 25%");
        const [a, b] = [numeric(value), numeric(unary())];
        if (sign !== "*" && b.number === 0) throw new SyntaxError("that divides by zero");
        const of = { "*": () => a.number * b.number, "/": () => a.number / b.number, "//": () => Math.floor(a.number / b.number), "%": () => a.number - b.number * Math.floor(a.number / b.number) };
        value = sign === "/" ? { number: of[sign](), whole: false } : whole(of[sign](), a, b);
      }
    }
    function sum() {
      let value = product();
      for (;;) {
        const sign = ["+", "-"].find(take);
        if (!sign) return value;
        const [a, b] = [numeric(value), numeric(product())];
        value = whole(sign === "+" ? a.number + b.number : a.number - b.number, a, b);
      }
    }

    const first = sum();
    const parts = [first];
    while (take(",") && peek() !== undefined) parts.push(sum());
    if (peek() !== undefined) throw odd(peek());
    return parts.length > 1 ? { parts } : first;
  }

  // What was typed, as a value and as Python writes it: commas between thousands, as in 1,664, are left out where
  // only so the answer has the form that is wanted.
  function read(text, wanted) {
    const fits = (given) => ("parts" in wanted ? given.parts?.length === wanted.parts.length : !("parts" in given));
    const given = parse(text);
    const plain = text.replace(/(?<![\d.,])\d{1,3}(?:,\d{3})+(?!\d)/g, (number) => number.replaceAll(",", ""));
    if (fits(given) || plain === text) return [given, text];
    const other = parse(plain);
    return fits(other) ? [other, plain] : [given, text];
  }

  // The same rule as in `course_exercises.forms.agrees` for values worked out by hand.
  function agrees(given, known, { decimals, tolerance }) {
    if ("parts" in given || "parts" in known) {
      return "parts" in given && "parts" in known && given.parts.length === known.parts.length
        && given.parts.every((part, place) => agrees(part, known.parts[place], { decimals, tolerance }));
    }
    if ("text" in given || "text" in known) return given.text === known.text;
    const [value, right] = [given.number, known.number];
    if (given.whole && known.whole) return value === right;
    if (decimals !== null && right !== Math.round(right)) return Math.abs(value - right) <= 0.5 * 10 ** -decimals * (1 + 1e-6);
    const relative = Math.max(tolerance, 1e-9) * Math.max(Math.abs(value), Math.abs(right));
    return Math.abs(value - right) <= Math.max(relative, 1e-9) || rounded(right).includes(value);
  }
  function rounded(value) {
    if (value === Math.round(value)) return [];
    const digits = [2, 3, 4, 5, 6, 7, 8, 9, 10];
    return [1 - 1e-13, 1, 1 + 1e-13].flatMap((nudge) => digits.map((places) => Number((value * nudge).toExponential(places))));
  }

  function predicted(exercise, draw, text) {
    if (!text.trim() || text.trim() === "...") return ["unanswered", `${exercise.title}: not answered yet.`];
    const wanted = draw.answers[0][0];
    let [given, python] = [];
    try { [given, python] = read(text.trim(), wanted); } catch (error) { return ["error", `${text.trim()}: ${error.message}.`]; }
    const found = draw.answers.find(([known]) => agrees(given, known, draw));
    if (found) return [found[0] === wanted ? "right" : "wrong", found[1], python];
    return ["wrong", `${exercise.title}: not yet. ${otherwise(given, wanted, text.trim())}`, python];
  }
  function otherwise(given, wanted, text) {
    if ("parts" in wanted) {
      if (!("parts" in given)) return `${wanted.parts.length} values are wanted, as in (2, 3).`;
      if (given.parts.length !== wanted.parts.length) return `${wanted.parts.length} values are wanted; these are ${given.parts.length}.`;
    } else if (!("number" in given)) return "A number is wanted.";
    return `${text} is not the answer.`;
  }

  function answerPrediction(box, name, exercise) {
    const kept = store.get(name);
    let place = kept.draw ?? 0;
    const question = make("p", { className: "answer-question" });
    const field = make("input", { type: "text", value: kept.text ?? "", autocomplete: "off", spellcheck: false });
    field.setAttribute("aria-label", `Your prediction for ${exercise.title}`);
    const verdict = make("div", { className: "answer-verdict" });
    verdict.setAttribute("role", "status");
    const check = make("button", { type: "submit", textContent: "Check", className: "main" });
    const another = make("button", {
      type: "button", textContent: "Another one", title: "The same question with other values",
      onclick() { place = (place + 1) % exercise.draws.length; field.value = ""; say("", ""); ask(); field.focus(); },
    });
    const form = make("form", {
      onsubmit(event) {
        event.preventDefault();
        const [status, message, python = field.value] = predicted(exercise, exercise.draws[place], field.value);
        say(status, message);
        store.set(name, { text: field.value, draw: place, status, message, ...(place === 0 && { first: python }) });
        mark(name, status);
        if (status === "right") unfold(box);
      },
    }, field, check, another);
    function say(status, message) { tell(verdict, status, message); }
    // The box above poses the first draw: it is not asked twice.
    const letters = (text) => text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "");
    const posed = letters([...document.querySelectorAll(".exercise")].findLast((each) => each.compareDocumentPosition(box) & Node.DOCUMENT_POSITION_FOLLOWING)?.textContent ?? "");
    function ask() {
      question.textContent = exercise.draws[place].question;
      question.hidden = posed.includes(letters(question.textContent));
    }
    ask();
    if (kept.status) say(kept.status, kept.message);
    box.replaceChildren(question, form, verdict);
    instead(box);
    field.focus();
  }

  // What the prediction hides opens once it is answered.
  function unfold(box) {
    const next = box.nextElementSibling;
    if (next?.matches(".admonition.solution.toggle")) next.querySelector(".toggle-button")?.matches(".toggle-button-hidden") && next.querySelector(".toggle-button").click();
    else if (next?.matches("details.solution")) next.open = true;
  }

  // --- boxes -------------------------------------------------------------------------------------------

  const said = { right: "done", wrong: "not yet", error: "not yet", unanswered: "open" };
  function mark(name, status) {
    const box = [...document.querySelectorAll(".answer-here")].find((each) => each.dataset.exercise === name);
    if (box) box.dataset.status = said[status] ?? "open";
  }

  function wake(box) {
    const name = box.dataset.exercise;
    const kept = store.get(name);
    const button = make("button", { type: "button", className: "answer-open", textContent: kept.text === undefined ? "Answer here" : "Go on with your answer" });
    const state = make("span", { className: "answer-state", textContent: kept.status === "right" ? "✓ answered" : "" });
    button.onclick = async () => {
      button.disabled = true;
      try {
        const exercise = (await thisChapter()).exercises[name];
        await (exercise.kind === "predict" ? answerPrediction : answerFunction)(box, name, exercise);
      } catch (error) {
        button.disabled = false;
        state.textContent = missing() ?? `This did not load: ${error.message}.`;
      }
    };
    box.replaceChildren(button, state);
    box.dataset.status = said[kept.status] ?? "open";
  }

  // --- all answers -------------------------------------------------------------------------------------

  // The chapter's assignment with the answers in it, as `classroom grade` and JupyterLab read it.
  function filled({ notebook, exercises }) {
    const copy = structuredClone(notebook);
    for (const cell of copy.cells) {
      const { role, exercise } = cell.metadata.course_lib ?? {};
      const kept = role === "answer" ? store.get(exercise) : {};
      if (exercises[exercise]?.kind === "predict") {
        if (kept.first) cell.source = [`${cell.source[0].split("=")[0]}= ${kept.first.trim()}`];
      } else if (kept.text !== undefined) {
        cell.source = kept.text.split(/(?<=\n)/);
      }
    }
    return copy;
  }

  async function download(name) {
    const notebook = filled(await chapterOf(name));
    const content = JSON.stringify(notebook, null, 1);
    const link = make("a", { href: URL.createObjectURL(new Blob([content], { type: "application/x-ipynb+json" })), download: `${notebook.metadata.course_lib.assignment}.ipynb` });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }

  async function overview(place) {
    await script("exercises.js");
    const rows = arrived.chapters.map(({ page, title, exercises }) => {
      const name = page.split("/").pop();
      const states = exercises.map(([exercise]) => said[store.get(exercise).status] ?? "open");
      const items = exercises.map(([, text], k) => make("li", { textContent: `${text}: ${states[k]}` }));
      const link = make("a", { href: new URL(`../../${page}.html`, home), textContent: title });
      const count = `${states.filter((state) => state === "done").length} of ${exercises.length} done`;
      const get = make("button", { type: "button", textContent: "Download my answers", onclick: () => download(name) });
      get.setAttribute("aria-label", `Download my answers to ${title}`);
      return make("section", { className: "answers-chapter" }, make("h2", {}, link), make("p", { textContent: count }), make("details", {}, make("summary", { textContent: "Exercises" }), make("ul", {}, ...items)), get);
    });
    const clear = make("button", {
      type: "button", textContent: "Clear all answers",
      onclick() {
        if (!confirm("Delete all your answers from this browser? They cannot be brought back.")) return;
        Object.keys(localStorage).filter((key) => key.startsWith(KEY)).forEach((key) => localStorage.removeItem(key));
        overview(place);
      },
    });
    place.replaceChildren(...rows, clear);
  }

  window.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll(".answer-here").forEach(wake);
    document.querySelectorAll(".run-here").forEach(wakeCell);
    document.querySelectorAll(".answers-overview").forEach(overview);
  });

  return {
    open(packed) { arrived.packed = packed; },
    list(chapters) { arrived.chapters = chapters; },
    chapterOf, predicted, python,
  };
})();
