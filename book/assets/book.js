// An output in columns keeps its lines on a phone, where other text wraps (book.css).
document.addEventListener("DOMContentLoaded", () => {
  for (const output of document.querySelectorAll(".bd-article .output:not(.traceback) pre")) {
    const lines = output.textContent.split("\n");
    const wide = (spaces) => lines.filter((line) => RegExp(`\\S {${spaces},}\\S`).test(line)).length;
    output.classList.toggle("columns", wide(2) > 1 || wide(3) > 0);
  }
});

// What is wider than its column scrolls; whoever has no mouse must be able to scroll it too.
(() => {
  const watched = ".bd-article pre, .bd-article div.math, .bd-article mjx-container, .bd-article .pst-scrollable-table-container, .bd-article table.table";

  function reach() {
    for (const box of document.querySelectorAll(watched)) {
      if (!box.checkVisibility()) continue; // folded: it is measured when it is shown
      const { overflowX, overflowY } = getComputedStyle(box);
      const scrolls = (box.scrollWidth > box.clientWidth + 1 && overflowX !== "visible")
        || (box.scrollHeight > box.clientHeight && ["auto", "scroll"].includes(overflowY));
      if (scrolls) box.tabIndex = 0;
      else if (box.tabIndex === 0) box.removeAttribute("tabindex");
    }
  }

  window.addEventListener("load", () => {
    const typeset = window.MathJax?.startup?.promise ?? Promise.resolve();
    typeset.then(reach);
    window.addEventListener("resize", reach);
    // A font that comes late widens a formula: its own box may be resized, or only what is drawn in it.
    document.fonts.addEventListener("loadingdone", reach);
    const resized = new ResizeObserver(reach);
    typeset.then(() => document.querySelectorAll(`${watched}, .bd-article mjx-math`).forEach((box) => resized.observe(box)));
  });
})();

// On paper the page is light, nothing is folded, a figure says where it moves, and solutions stand at the end.
(() => {
  const waysBack = [];

  function change(forth, back) {
    forth();
    waysBack.push(back);
  }

  function made(tag, className, ...children) {
    const node = Object.assign(document.createElement(tag), { className });
    node.append(...children);
    return node;
  }

  const link = (id, text) => Object.assign(document.createElement("a"), { href: `#${id}`, textContent: text });

  function solutionsToTheEnd(article) {
    const heading = Object.assign(made("h2", "", "Solutions"), { ariaLevel: article.querySelector("h2")?.ariaLevel ?? null });
    const end = made("section", "solutions", heading);
    let exercise;
    for (const box of article.querySelectorAll(".admonition:is(.exercise, .solution)")) {
      if (box.matches(".exercise")) {
        exercise = box;
        continue;
      }
      const of = made("p", "solution-of", link(exercise.id, exercise.querySelector(".admonition-title").textContent.trim()));
      of.id = `solution-of-${exercise.id}`;
      const at = made("p", "solution-at", link(of.id, "Solution: at the end of this chapter"));
      change(() => { box.replaceWith(at); end.append(of, box); }, () => at.replaceWith(box));
    }
    if (end.children.length > 1) change(() => article.append(end), () => end.remove());
  }

  function toPaper() {
    if (waysBack.length) return;
    const { dataset } = document.documentElement;
    const { theme } = dataset;
    change(() => { dataset.theme = "light"; }, () => { dataset.theme = theme; });
    for (const article of document.querySelectorAll(".bd-article")) {
      for (const folded of article.querySelectorAll("details:not([open])")) {
        change(() => { folded.open = true; }, () => { folded.open = false; });
      }
      for (const { classList } of article.querySelectorAll(".toggle-hidden")) {
        change(() => classList.remove("toggle-hidden"), () => classList.add("toggle-hidden"));
      }
      const title = article.querySelector("h1").textContent.replace(/#$/, "");
      for (const figure of article.querySelectorAll(".explorable")) {
        const alive = made("p", "xp-alive", `Alive at “${title}” in the rendered book.`);
        change(() => figure.append(alive), () => alive.remove());
      }
      solutionsToTheEnd(article);
    }
  }

  function toScreen() {
    while (waysBack.length) waysBack.pop()();
  }

  const paper = window.matchMedia("print");
  paper.addEventListener("change", () => (paper.matches ? toPaper() : toScreen()));
  window.addEventListener("beforeprint", toPaper);
  window.addEventListener("afterprint", toScreen);
})();
