// A touched picture becomes large on a narrow screen, and small again: see book.css.
document.addEventListener("click", (event) => {
  const picture = event.target;
  if (!picture.matches("figure.picture img")) return;
  picture.closest("figure").classList.toggle("large");
  picture.sizes = "220vw"; // so that it is the whole picture, not its twin for phones: see book/light.py
});

// What the theme and Sphinx leave without words, or give other words than those one sees, or roles that are no more.
document.addEventListener("DOMContentLoaded", () => {
  for (const fold of document.querySelectorAll(".bd-links summary")) {
    fold.setAttribute("aria-label", `Pages below ${fold.closest("li").querySelector("a").textContent.trim()}`);
  }
  for (const fold of document.querySelectorAll("details.hide > summary[aria-label]")) fold.removeAttribute("aria-label");
  for (const entry of document.querySelectorAll('[role="doc-biblioentry"]')) entry.setAttribute("role", "listitem");
  const side = document.querySelector("#pst-primary-sidebar"); // with the list of chapters and the book's name
  side?.setAttribute("role", "complementary");
  side?.setAttribute("aria-label", "The book");
});

// What is wider than a narrow screen can be moved sideways, so the keyboard must be able to come to it. The theme sees to
// tables and code when a page is loaded or its width changes, and formulas.js to formulas: here, when a fold is opened.
document.addEventListener("toggle", () => dispatchEvent(new Event("resize")), true);
