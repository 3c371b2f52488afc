// Pages of pictures turned over by sliders, by dragging across a picture, and by the arrow keys of the sliders.

const percent = (p) => (p > 0 && p < 0.01 ? "under 1 %" : p < 1 && p > 0.99 ? "over 99 %" : `${Math.round(100 * p)} %`);

function render({ model, el }) {
  const dials = model.get("dials"), panels = model.get("panels");
  const pictures = panels.map(([title]) => photo({ alt: title }));
  pictures.forEach((picture) => { picture.style.aspectRatio = model.get("ratio"); });
  const figures = panels.map(([title], i) => make("figure", {}, pictures[i], ...(title ? [make("figcaption", { textContent: title })] : [])));
  const bars = make("ol", { className: "flipbook-bars" });
  bars.setAttribute("aria-label", "what the network says");
  bars.setAttribute("aria-live", "polite");
  const stage = make("div", { className: "flipbook-stage" }, ...figures, ...(model.get("bars").length ? [bars] : []));

  const sliders = dials.map(([name, stops], i) => {
    const slider = make("input", { type: "range", min: 0, max: stops.length - 1, step: 1 });
    slider.setAttribute("aria-label", name);
    slider.addEventListener("input", () => put(i, Number(slider.value)));
    return slider;
  });
  const chosen = dials.map(() => make("output"));
  const rows = dials.map(([name], i) => make("label", {}, make("span", { textContent: name }), sliders[i], chosen[i]));

  function put(dial, stop) {
    model.set("stops", model.get("stops").map((old, i) => (i === dial ? stop : old)));
    model.save_changes();
  }

  function drawBars(top) {
    bars.replaceChildren(...top.map(([name, p], i) => {
      const bar = make("i");
      bar.style.width = `${Math.max(0.5, 100 * p)}%`;
      const line = make("span", {}, name, make("b", { textContent: percent(p) }));
      return make("li", { className: i ? "" : "first" }, line, bar);
    }));
  }

  function draw() {
    const stops = model.get("stops");
    const page = stops.reduce((sum, stop, i) => sum * dials[i][1].length + stop, 0);
    pictures.forEach((picture, i) => { turn(picture, panels[i][1][page]); });
    if (model.get("bars").length) drawBars(model.get("bars")[page]);
    stops.forEach((stop, i) => {
      sliders[i].value = stop;
      sliders[i].setAttribute("aria-valuetext", dials[i][1][stop]);
      chosen[i].textContent = dials[i][1][stop];
    });
  }

  function follow(event) { // across a picture: the last slider from its first stop to its last
    const box = event.currentTarget.getBoundingClientRect(), last = dials.length - 1, count = dials[last][1].length;
    const share = (event.clientX - box.left) / box.width;
    put(last, Math.min(count - 1, Math.max(0, Math.floor(share * count))));
  }
  pictures.forEach((picture) => drag(picture, follow));

  el.classList.add("flipbook");
  el.append(stage, make("div", { className: "flipbook-dials" }, ...rows));
  fetchAhead(el, panels.flatMap(([, pages]) => pages));
  return watch(model, ["stops"], draw);
}

export default { render };
