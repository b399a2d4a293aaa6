// Starts a deck: stepping, what fits on a slide, formulas in the speaker's notes.
(() => {
  const SMALLEST = 0.6;
  const deck = new Reveal(document.querySelector(".reveal"), {
    disableLayout: true, // styles scale with the window: a transform would lead the explorables' pointers astray
    display: "flex",
    center: false,
    hash: true,
    overview: false,
    navigationMode: "linear",
    controls: false,
    slideNumber: "c/t",
    transition: "none",
    backgroundTransition: "none",
    plugins: [RevealNotes],
  });

  // Fonts differ between machines: what would not fit is set a little smaller, down to SMALLEST.
  function fit() {
    const slide = deck.getCurrentSlide();
    if (!slide) return;
    for (const formula of slide.querySelectorAll("mjx-container[display]")) {
      formula.style.fontSize = "";
      const [wide, room] = [formula.scrollWidth, formula.parentElement.clientWidth];
      if (wide > room) formula.style.fontSize = `${Math.floor((100 * room) / wide) - 1}%`;
    }
    for (let size = 1; size >= SMALLEST - 0.001; size -= 0.05) {
      slide.style.setProperty("--fit", size.toFixed(2));
      if (slide.scrollHeight <= slide.clientHeight + 1) break;
    }
  }

  // The speaker's window has no MathJax, but every browser reads MathML.
  function writeNotes() {
    const formulas = /\$\$([^$]+)\$\$|\$([^$]+)\$/g;
    for (const notes of document.querySelectorAll("aside.notes")) {
      const walker = document.createTreeWalker(notes, NodeFilter.SHOW_TEXT);
      const texts = [];
      while (walker.nextNode()) {
        if (!walker.currentNode.parentElement.closest("pre, code")) texts.push(walker.currentNode);
      }
      for (const text of texts) {
        const pieces = text.data.split(formulas);
        if (pieces.length === 1) continue;
        const holder = document.createElement("template");
        for (let i = 0; i < pieces.length; i += 3) {
          holder.content.append(pieces[i]);
          const [display, inline] = [pieces[i + 1], pieces[i + 2]];
          if (display === undefined && inline === undefined) continue;
          const math = document.createElement("template");
          math.innerHTML = MathJax.tex2mml(display ?? inline, { display: display !== undefined });
          holder.content.append(math.content);
        }
        text.replaceWith(holder.content);
      }
    }
  }

  for (const explorable of document.querySelectorAll(".explorable")) explorable.dataset.preventSwipe = "";
  deck.on("slidechanged", fit);
  addEventListener("resize", fit);
  window.deck = deck;
  window.deckReady = deck.initialize().then(async () => {
    fit();
    await new Promise((done) => (document.readyState === "complete" ? done() : addEventListener("load", done)));
    await MathJax.startup.promise;
    await document.fonts.ready;
    writeNotes();
    fit();
  });
})();
