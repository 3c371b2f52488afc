// A line with corners to drag toward a curve; each corner is a ReLU that turns the line by its weight.

const WIDE = 640, HIGH = 240, TURNS = 96, NEAR = 0.02; // the curve, the weights below it, and how close corners may come

function render({ model, el }) {
  const curve = model.get("curve"), most = model.get("most");
  const target = (x) => { // between two samples of the curve, straight
    const at = x * (curve.length - 1), i = Math.min(Math.floor(at), curve.length - 2);
    return curve[i] + (at - i) * (curve[i + 1] - curve[i]);
  };
  const toX = (x) => x * WIDE, toY = (y) => (1 - y) * HIGH;
  const path = (points) => `M${points.map(([x, y]) => `${toX(x).toFixed(1)},${toY(y).toFixed(1)}`).join("L")}`;
  const hugged = curve.map((y, i) => [i / (curve.length - 1), y]);
  let chosen = 1;

  const gap = shape("path", { class: "kinks-gap", "fill-rule": "evenodd" }), output = shape("path", { class: "kinks-output" });
  const straight = shape("line", { class: "kinks-straight" }), corners = shape("g");
  const clip = unique("kinks");
  const stage = shape("svg", { class: "kinks-stage", viewBox: `0 -12 ${WIDE} ${HIGH + 24}` },
    shape("clipPath", { id: clip }, shape("rect", { y: -12, width: WIDE, height: HIGH + 24 })),
    gap, shape("path", { class: "kinks-target", d: path(hugged) }), shape("g", { "clip-path": `url(#${clip})` }, straight), output, corners);
  const stems = shape("g");
  const weights = shape("svg", { viewBox: `0 0 ${WIDE} ${TURNS}`, "aria-hidden": "true" },
    shape("line", { class: "kinks-axis", x1: 0, x2: WIDE, y1: TURNS / 2, y2: TURNS / 2 }), stems,
    shape("text", { x: WIDE - 4, y: 14, "text-anchor": "end" }, "each neuron's weight: how far it turns the line"));
  const slider = make("input", { type: "range", min: 1, max: most, step: 1 }), count = make("output");
  const miss = make("strong"), said = make("p", { className: "kinks-said" });
  said.setAttribute("aria-live", "polite");

  const lay = (neurons) => range(neurons + 1).map((i) => [i / neurons, target(i / neurons)]); // evenly, on the curve
  const neurons = (points) => points.slice(0, -1).map(([x, y], i) => { // where each switches on, and its weight
    const slope = (k) => (points[k + 1][1] - points[k][1]) / (points[k + 1][0] - points[k][0]);
    return { x, y, weight: slope(i) - (i ? slope(i - 1) : 0) };
  });
  const answer = (found, x) => found.reduce((sum, one) => sum + one.weight * Math.max(0, x - one.x), found[0].y);
  const kind = (weight) => (weight > 0 ? "up" : "down");

  function move(i, x, y) {
    const points = model.get("corners").map((corner) => [...corner]), end = i === 0 || i === points.length - 1;
    points[i] = [end ? points[i][0] : within(x, points[i - 1][0] + NEAR, points[i + 1][0] - NEAR), within(y, 0, 1)];
    chosen = i;
    put(model, "corners", points);
  }

  function build(points) { // handles that stay while they are dragged
    chosen = Math.min(chosen, points.length - 1);
    corners.replaceChildren(...points.map((_, i) => {
      const handle = shape("circle", { r: 10, tabindex: 0, role: "slider", "aria-label": `corner ${i + 1}`, "aria-valuemin": 0, "aria-valuemax": 1 });
      handle.addEventListener("focus", () => { chosen = i; draw(); });
      handle.addEventListener("keydown", (event) => {
        const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
        if (!way) return;
        event.preventDefault();
        const [x, y] = model.get("corners")[i], step = event.shiftKey ? 0.002 : 0.02;
        move(i, x + step * way[0], y + step * way[1]);
      });
      return handle;
    }));
    stems.replaceChildren(...range(points.length - 1).map(() => shape("line")));
  }

  function draw() {
    const points = model.get("corners");
    if (corners.childElementCount !== points.length) build(points);
    const found = neurons(points), tallest = Math.max(8, ...found.map((one) => Math.abs(one.weight)));
    output.setAttribute("d", path(points));
    gap.setAttribute("d", `${path([...hugged, ...[...points].reverse()])}Z`);
    [...corners.children].forEach((handle, i) => {
      const [x, y] = points[i];
      set(handle, { cx: toX(x), cy: toY(y), class: `kinks-corner ${found[i] ? kind(found[i].weight) : ""}${i === chosen ? " chosen" : ""}`,
        "aria-valuenow": y.toFixed(3), "aria-valuetext": `at ${x.toFixed(2)}, height ${y.toFixed(2)}` });
    });
    [...stems.children].forEach((stem, i) => {
      const { x, weight } = found[i], top = TURNS / 2 - (weight / tallest) * (TURNS / 2 - 6);
      set(stem, { class: `kinks-stem ${kind(weight)}`, x1: within(toX(x), 3, WIDE), x2: within(toX(x), 3, WIDE), y1: TURNS / 2, y2: top });
    });
    tell(points, found);
  }

  function tell(points, found) {
    const worst = Math.max(...hugged.map(([x, y]) => Math.abs(y - answer(found, x)))), one = found[chosen];
    [slider.value, count.textContent] = [found.length, found.length];
    miss.textContent = `largest gap ${worst.toFixed(2)}`;
    straight.style.display = one ? "" : "none";
    if (one) { // how the line would go on without this neuron
      const slope = chosen ? (one.y - points[chosen - 1][1]) / (one.x - points[chosen - 1][0]) : 0;
      set(straight, { class: `kinks-straight ${kind(one.weight)}`, x1: toX(one.x), y1: toY(one.y), x2: WIDE, y2: toY(one.y + slope * (1 - one.x)) });
    }
    const terms = found.map(({ x, weight }, i) => {
      const relu = `${term(weight)} relu(${x ? `x − ${number(x)}` : "x"})`;
      return `<span>${i === chosen ? `<b class="${kind(weight)}">${relu}</b>` : relu}</span>`;
    });
    said.innerHTML = `output = ${number(found[0].y)} ${terms.join(" ")}`;
  }

  drag(stage, (event) => { // the corner that is nearest when the pointer comes down
    const box = stage.getBoundingClientRect(), scale = WIDE / box.width;
    const x = ((event.clientX - box.left) * scale) / WIDE, y = 1 - ((event.clientY - box.top) * scale - 12) / HIGH;
    if (event.type === "pointerdown") {
      const far = model.get("corners").map(([a, b]) => Math.hypot(toX(a) - toX(x), toY(b) - toY(y)));
      chosen = far.indexOf(Math.min(...far));
    }
    move(chosen, x, y);
  });
  slider.addEventListener("input", () => put(model, "corners", lay(Number(slider.value))));

  el.classList.add("kinks");
  const choose = make("label", {}, make("span", { textContent: "neurons" }), slider, count);
  el.append(stage, weights, make("div", { className: "kinks-controls" }, choose, miss), said);
  if (!model.get("corners").length) model.set("corners", lay(model.get("neurons")));
  return watch(model, ["corners"], draw);
}

export default { render };
