// A touched picture becomes large on a narrow screen, and small again: see book.css.
document.addEventListener("click", (event) => {
  if (event.target.matches("figure.picture img")) event.target.closest("figure").classList.toggle("large");
});

// What the theme leaves without words: the folds in the list of chapters, and what holds that list and the book's name.
document.addEventListener("DOMContentLoaded", () => {
  for (const fold of document.querySelectorAll(".bd-links summary")) {
    const page = fold.closest("li").querySelector("a").textContent.trim();
    fold.setAttribute("aria-label", `Pages below ${page}`);
  }
  const side = document.querySelector("#pst-primary-sidebar");
  side?.setAttribute("role", "complementary");
  side?.setAttribute("aria-label", "The book");
});
