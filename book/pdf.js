// What book/pdf.py does inside the browser: it takes each page as it was drawn, and settles the gathered book.
window.edition = {
  sheets: () => [...document.querySelectorAll('link[rel="stylesheet"]')].map((link) => link.href),

  async gather({ name, anchors, public: home }) {
    const slug = anchors[name], article = document.querySelector("article.bd-article");
    await window.setFormulas?.();
    for (const figure of article.querySelectorAll(".explorable")) {
      for (let tries = 0; !figure.childElementCount && tries < 100; tries += 1) await new Promise((done) => setTimeout(done, 100));
    }
    article.querySelectorAll("script, .headerlink, .copybtn, .doors, .study-progress, .study-note, .study-done, .lab, details.hide, .cell.tag_hide-input > .cell_input").forEach((one) => one.remove());
    for (const canvas of article.querySelectorAll("canvas")) {
      const picture = Object.assign(new Image(), { src: canvas.toDataURL(), alt: "" });
      picture.style.cssText = "width:2.2rem;height:2.2rem;image-rendering:pixelated";
      canvas.replaceWith(picture);
    }
    article.querySelectorAll("img").forEach((picture) => {
      picture.src = picture.src; // in full: the book lies elsewhere than this page
      picture.loading = "eager";
      ["srcset", "sizes"].forEach((name) => picture.removeAttribute(name)); // a page of paper is no phone
    });
    this.solve(article);
    article.querySelectorAll("details").forEach((fold) => { fold.open = true; });

    for (const one of article.querySelectorAll("[id]")) if (!(one instanceof SVGElement)) one.id = `${slug}--${one.id}`;
    for (const link of article.querySelectorAll("a[href]")) {
      const url = new URL(link.href), own = url.origin === location.origin;
      const page = url.pathname.slice(1).replace(/\.html$/, "").replace(/^index$/, "book/intro");
      if (!own) continue;
      if (anchors[page]) link.setAttribute("href", `#${anchors[page]}${url.hash ? `--${decodeURIComponent(url.hash.slice(1))}` : ""}`);
      else if (home) link.href = home + url.pathname.slice(1) + url.hash;
      else link.replaceWith(...link.childNodes);
    }
    const heading = article.querySelector("h1");
    if (name === "book/intro") heading.textContent = "About this book";
    const number = /^notebooks\/(evidence\/)?0*(\d+)_/.exec(name);
    const title = heading.textContent.trim();
    if (number) heading.textContent = `${number[1] ? "E" : ""}${number[2]}\u2002${title}`;
    const math = document.getElementById("MJX-CHTML-styles");
    const sections = [...article.querySelectorAll("h2")].map((one) => [one.closest("[id]").id, one.textContent.trim()]);
    return { html: article.innerHTML, style: math ? [...math.sheet.cssRules].map((rule) => rule.cssText).join("\n") : "", title, sections };
  },

  solve(article) { // the solutions go to the end of the chapter
    const all = document.createElement("section");
    all.id = "solutions";
    all.append(Object.assign(document.createElement("h2"), { textContent: "Solutions" }));
    let number = "";
    for (const one of article.querySelectorAll("p > strong:first-child, details.solution")) {
      if (one.tagName === "STRONG") {
        number = /^Exercise (\d+\.\d+)$/.exec(one.textContent.trim())?.[1] ?? number;
        continue;
      }
      const place = document.createElement("section");
      place.id = `solution-${number}`;
      place.className = "solution";
      place.append(Object.assign(document.createElement("h3"), { textContent: `Exercise ${number}` }));
      one.querySelector("summary")?.remove();
      place.append(...one.childNodes);
      all.append(place);
      one.replaceWith(Object.assign(document.createElement("p"), { className: "to-solution", innerHTML: `<a href="#solution-${number}">Solution at the end of the chapter</a>` }));
    }
    if (all.childElementCount > 1) article.append(all);
  },

  async settle() { // every picture and font is there, and every link leads somewhere
    for (const link of document.querySelectorAll('a[href^="#"]')) {
      const id = link.getAttribute("href").slice(1);
      if (!document.getElementById(id)) link.setAttribute("href", `#${id.split("--")[0]}`);
    }
    await Promise.all([...document.images].map((picture) => picture.decode().catch(() => {})));
    await document.fonts.ready;
  },

  number(pages) { // of the contents
    for (const place of document.querySelectorAll(".at")) place.textContent = pages[place.dataset.to] ?? "";
  },
};
