// A touched picture becomes large on a narrow screen, and small again: see book.css.
document.addEventListener("click", (event) => {
  if (event.target.matches("figure.picture img")) event.target.closest("figure").classList.toggle("large");
});
