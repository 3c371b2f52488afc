// A picture before and after, under a divider that mouse, finger and arrow keys move.

function render({ model, el }) {
  const [rowName, columnName] = model.get("names");
  const [width, height] = model.get("size");
  const before = photo({ alt: "", className: "divider-before" });
  const after = photo({ alt: "", className: "divider-after" });
  const line = make("div", { className: "divider-line" });
  const tags = [make("span", { className: "divider-tag left" }), make("span", { className: "divider-tag right" })];
  const stage = make("div", { className: "divider-stage", tabIndex: 0 }, before, after, line, ...tags);
  stage.style.aspectRatio = `${width} / ${height}`;
  stage.setAttribute("role", "slider");
  stage.setAttribute("aria-label", "divider between original and result");
  stage.setAttribute("aria-valuemin", 0);
  stage.setAttribute("aria-valuemax", 100);

  const buttons = model.get("rows").map((name, i) => {
    return button(name, () => put(model, "row", i));
  });
  const slider = make("input", { type: "range", min: 0, max: model.get("columns").length - 1, step: 1 });
  slider.setAttribute("aria-label", columnName);
  slider.addEventListener("input", () => put(model, "column", Number(slider.value)));
  const chosen = make("output");
  const rows = make("div", { className: "divider-buttons" }, make("span", { textContent: rowName }), ...buttons);
  rows.setAttribute("role", "group");
  const columns = make("label", {}, make("span", { textContent: columnName }), slider, chosen);

  function draw() {
    const [row, column, position] = [model.get("row"), model.get("column"), model.get("position")];
    turn(before, model.get("original"));
    turn(after, model.get("frames")[row][column]);
    after.style.clipPath = `inset(0 0 0 ${100 * position}%)`;
    line.style.left = `${100 * position}%`;
    stage.setAttribute("aria-valuenow", Math.round(100 * position));
    buttons.forEach((button, i) => button.setAttribute("aria-pressed", i === row));
    slider.value = column;
    chosen.textContent = model.get("columns")[column];
    tags[0].textContent = "original";
    tags[1].textContent = `${model.get("rows")[row]}, ${model.get("columns")[column]}`;
    tags[0].style.opacity = position > 0.18 ? 1 : 0;
    tags[1].style.opacity = position < 0.7 ? 1 : 0;
  }

  function follow(event) {
    const box = stage.getBoundingClientRect();
    put(model, "position", Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)));
  }
  drag(stage, follow);
  stage.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -0.02, ArrowRight: 0.02, Home: -1, End: 1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    put(model, "position", Math.min(1, Math.max(0, model.get("position") + step)));
  });

  el.classList.add("divider");
  el.append(stage, make("div", { className: "divider-controls" }, rows, columns));
  fetchAhead(el, model.get("frames").flat());
  return watch(model, ["row", "column", "position"], draw);
}

export default { render };
