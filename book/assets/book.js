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

// On paper nothing can be unfolded.
window.addEventListener("beforeprint", () => {
  for (const folded of document.querySelectorAll(".bd-article details:not([open])")) folded.open = true;
});
