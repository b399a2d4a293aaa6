// Turns the document, as Chromium shows it on paper, into the pages of an EPUB. Evaluated with the name of each
// explorable's picture, in order; gives of each page its key, XHTML, pictures, and whether it holds MathML.
(drawn) => {
  const MATHML = "http://www.w3.org/1998/Math/MathML";
  const articles = [...document.querySelectorAll("article.bd-article")];

  function made(tag, attributes, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...children);
    return node;
  }

  function renamed(node, tag) {
    node.replaceWith(made(tag, node.className ? { class: node.className } : {}, ...node.childNodes));
  }

  // The tree that MathJax typeset. A number stands in a row's last cell: few reading systems know labelled rows.
  function mathml(item) {
    const math = new DOMParser().parseFromString(MathJax.startup.toMML(item.root), "text/xml").documentElement;
    for (const row of math.querySelectorAll("mlabeledtr")) {
      const [label, ...cells] = row.children;
      const plain = document.createElementNS(MATHML, "mtr");
      plain.append(...cells, label);
      row.replaceWith(plain);
    }
    for (const node of [math, ...math.querySelectorAll("*")]) {
      for (const name of node.getAttributeNames()) if (/^(data-|class$|id$)/.test(name)) node.removeAttribute(name);
    }
    math.setAttribute("alttext", item.math.trim().replace(/\s+/g, " "));
    return math;
  }

  for (const item of window.MathJax?.startup.document.math ?? []) item.typesetRoot.replaceWith(mathml(item));

  document.querySelectorAll(".explorable").forEach((figure, index) => {
    const alive = figure.querySelector(".xp-alive").textContent;
    const title = figure.querySelector(".xp-title").textContent;
    const read = [...figure.querySelectorAll(".xp-row")].map((row) => row.textContent.replace(/\s+/g, " ").trim());
    const alt = [`A figure that moves, at rest: ${title}.`, ...read].join(" ").slice(0, 400);
    figure.replaceWith(made("figure", {}, made("img", { src: drawn[index], alt }), made("figcaption", {}, alive)));
  });

  const unseen = (node) => getComputedStyle(node).display === "none";
  [...document.querySelectorAll("article *")].filter(unseen).forEach((node) => node.remove());
  document.querySelectorAll("summary").forEach((node) => renamed(node, "p"));
  document.querySelectorAll("details").forEach((node) => renamed(node, "div"));

  const aims = new Set(articles);
  for (const link of document.querySelectorAll('article a[href^="#"]')) {
    const aim = document.getElementById(decodeURIComponent(link.getAttribute("href").slice(1)));
    const page = aim?.closest("article");
    if (!page) link.replaceWith(...link.childNodes);
    else {
      aims.add(aim);
      const file = page === link.closest("article") ? "" : `${page.id}.xhtml`;
      link.setAttribute("href", aim === page ? `${page.id}.xhtml` : `${file}#${aim.id}`);
    }
  }

  return articles.map((article) => {
    const pictures = [...article.querySelectorAll("img")].map((image) => image.getAttribute("src"));
    for (const image of article.querySelectorAll("img")) {
      image.setAttribute("src", `images/${image.getAttribute("src").split("/").pop()}`);
    }
    for (const node of [article, ...article.querySelectorAll("*")]) {
      if (node.id && !aims.has(node)) node.removeAttribute("id");
      for (const name of node.getAttributeNames()) {
        if (/^(data-|aria-level$|tabindex$)/.test(name)) node.removeAttribute(name);
      }
    }
    return {
      key: article.id,
      text: new XMLSerializer().serializeToString(article),
      pictures,
      math: article.querySelector("math") !== null,
    };
  });
}
