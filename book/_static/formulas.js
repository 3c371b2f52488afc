// Sets a page's formulas when one is in sight, when the reader begins to move, or a little later. MathJax is larger than
// all else that the first view of a page needs, so it comes after that.
(() => {
  const here = document.currentScript.src;
  let set;
  function setFormulas() {
    set ??= new Promise((done, failed) => {
      const source = new URL("mathjax/startup.js", here).href;
      document.head.append(Object.assign(document.createElement("script"), { src: source, onload: done, onerror: failed }));
    }).then(() => MathJax.startup.promise).then(reach);
    return set;
  }
  // A formula that is wider than a narrow screen can be moved sideways, so the keyboard must be able to come to it.
  function reach() {
    for (const formula of document.querySelectorAll("mjx-container[display]")) {
      if (formula.scrollWidth > formula.clientWidth) formula.tabIndex = 0;
      else formula.removeAttribute("tabindex");
    }
  }
  if (!document.querySelector(".math")) return;
  window.setFormulas = setFormulas; // for book/pdf.py
  addEventListener("resize", reach);
  for (const sign of ["scroll", "wheel", "pointermove", "pointerdown", "touchstart", "keydown", "beforeprint"]) {
    addEventListener(sign, setFormulas, { once: true, passive: true });
  }
  const watch = new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && setFormulas());
  document.querySelectorAll(".math").forEach((formula) => watch.observe(formula));
  const later = () => setTimeout(setFormulas, 3000); // a reader who hears the page may never move
  if (document.readyState === "complete") later();
  else addEventListener("load", later);
})();
