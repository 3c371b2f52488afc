// A touched picture becomes large on a narrow screen, and small again: see book.css.
document.addEventListener("click", (event) => {
  if (event.target.matches("figure.picture img")) event.target.closest("figure").classList.toggle("large");
});

// What the theme leaves without words, or gives other words than those one sees: the folds in the list of chapters, what
// holds that list and the book's name, and the folds of code.
document.addEventListener("DOMContentLoaded", () => {
  for (const fold of document.querySelectorAll(".bd-links summary")) {
    const page = fold.closest("li").querySelector("a").textContent.trim();
    fold.setAttribute("aria-label", `Pages below ${page}`);
  }
  for (const fold of document.querySelectorAll("details.hide > summary[aria-label]")) fold.removeAttribute("aria-label");
  const side = document.querySelector("#pst-primary-sidebar");
  side?.setAttribute("role", "complementary");
  side?.setAttribute("aria-label", "The book");
});
