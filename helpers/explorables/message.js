// Drag the sum along three activation functions; see what a message keeps after so many layers of each.

const FUNCTIONS = [
  { name: "sigmoid", value: (z) => 1 / (1 + Math.exp(-z)), slope: (z) => 1 / (2 + Math.exp(z) + Math.exp(-z)) },
  { name: "identity", value: (z) => z, slope: () => 1 },
  { name: "ReLU", value: (z) => Math.max(0, z), slope: (z) => (z > 0 ? 1 : 0), bend: 0 },
];
const WIDE = 640, HIGH = 250, LOW_Y = -1.4, HIGH_Y = 2.9; // of the curves
const TRACK = 62, LEAST = -12, MOST = 3; // of the bars: height, and powers of ten at the bottom and the top

function scientific(value) {
  if (value === 0) return "nothing";
  if (value >= 0.001 && value < 10000) return String(Number(value.toPrecision(2)));
  const [digits, power] = value.toExponential(1).split("e");
  return `${digits} × 10${[...String(Number(power))].map((c) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[c] ?? "⁻").join("")}`;
}

function render({ model, el }) {
  const limits = model.get("limits");
  const [least, most] = limits.sum;
  const across = (z) => ((z - least) / (most - least)) * WIDE;
  const up = (y) => ((HIGH_Y - y) / (HIGH_Y - LOW_Y)) * HIGH;

  // The curves, with a dot, a tangent, and a handle to drag.
  const plot = shape("svg", { viewBox: `0 0 ${WIDE} ${HIGH + 26}`, class: "message-plot" });
  const axis = { class: "message-axis" };
  plot.append(
    shape("rect", { class: "message-flat", x: 0, y: 0, width: across(-3), height: HIGH }),
    shape("rect", { class: "message-flat", x: across(3), y: 0, width: WIDE - across(3), height: HIGH }),
    shape("line", { ...axis, x1: 0, x2: WIDE, y1: up(0), y2: up(0) }),
    shape("line", { ...axis, x1: 0, x2: WIDE, y1: up(1), y2: up(1), "stroke-dasharray": "2 5" }),
    shape("text", { x: 4, y: up(1) - 5 }, "1"),
    shape("text", { x: 4, y: 18 }, "the sigmoid is saturated"),
    shape("text", { x: WIDE - 4, y: HIGH - 8, "text-anchor": "end" }, "and here too"),
  );
  for (let z = -6; z <= 6; z += 2) {
    plot.append(shape("text", { x: across(z), y: HIGH + 20, "text-anchor": "middle" }, String(z).replace("-", "−")));
  }
  const handle = shape("line", { class: "message-handle", y1: 0, y2: HIGH });
  plot.append(handle);
  const clip = unique("message");
  plot.append(shape("clipPath", { id: clip }, shape("rect", { x: 0, y: 0, width: WIDE, height: HIGH })));
  const inside = shape("g", { "clip-path": `url(#${clip})` });
  plot.append(inside);
  const marks = FUNCTIONS.map(({ name, value }) => {
    const points = Array.from({ length: 321 }, (_, i) => least + (i * (most - least)) / 320);
    const d = points.map((z, i) => `${i ? "L" : "M"}${across(z).toFixed(1)} ${up(value(z)).toFixed(1)}`).join("");
    const tangent = shape("line", { class: `message-tangent ${name}` });
    const dot = shape("circle", { class: `message-dot ${name}`, r: name === "identity" ? 11 : 7 });
    inside.append(shape("path", { class: `message-curve ${name}`, d }), tangent, dot);
    return { tangent, dot };
  });
  const stage = make("div", { className: "message-stage", tabIndex: 0 }, plot);
  stage.setAttribute("role", "slider");
  stage.setAttribute("aria-label", "weighted sum");
  stage.setAttribute("aria-valuemin", least);
  stage.setAttribute("aria-valuemax", most);

  // One row of bars for each function: the message after each layer.
  const rows = FUNCTIONS.map(({ name }) => {
    const says = make("span", { className: "message-says" });
    const left = make("strong", { className: "message-left" });
    const bars = shape("svg", { viewBox: `0 0 ${WIDE} ${TRACK}`, class: `message-bars ${name}`, preserveAspectRatio: "none" });
    bars.setAttribute("aria-hidden", "true");
    const head = make("div", { className: "message-head" }, make("b", { textContent: name, className: name }), says, left);
    return { says, left, bars, row: make("div", { className: "message-row" }, head, bars) };
  });

  function slider(name, words, step) {
    const input = make("input", { type: "range", step, min: limits[name][0], max: limits[name][1] });
    const shown = make("output");
    input.addEventListener("input", () => put(name, Number(input.value)));
    return { input, shown, label: make("label", {}, make("span", { textContent: words }), input, shown) };
  }
  const layers = slider("layers", "layers back", 1);
  const weight = slider("weight", "weight", 0.05);

  function put(name, value) {
    model.set(name, name === "layers" ? value : Math.round(value * 100) / 100);
    model.save_changes();
  }

  function drawBars(bars, factor, count) {
    const height = (value) => {
      const power = Math.min(MOST, Math.max(LEAST, Math.log10(value))); // the logarithm of 0 is the least as well
      return ((power - LEAST) / (MOST - LEAST)) * TRACK;
    };
    const one = TRACK - height(1);
    const pitch = WIDE / limits.layers[1];
    bars.replaceChildren(shape("line", { class: "message-axis", x1: 0, x2: WIDE, y1: one, y2: one, "stroke-dasharray": "2 5" }));
    for (let k = 1; k <= count; k += 1) {
      const tall = height(factor ** k);
      bars.append(
        shape("rect", {
          x: WIDE - k * pitch + 2, y: TRACK - Math.max(tall, 0.8), width: pitch - 4, height: Math.max(tall, 0.8), rx: 1.5,
          opacity: 0.25 + 0.75 * Math.min(1, tall / height(1)),
        }),
      );
    }
  }

  function draw() {
    const [z, count, w] = [model.get("sum"), model.get("layers"), model.get("weight")];
    handle.setAttribute("x1", across(z));
    handle.setAttribute("x2", across(z));
    const told = FUNCTIONS.map(({ name, value, slope, bend }, i) => {
      const [y, rise, { tangent, dot }, row] = [value(z), slope(z), marks[i], rows[i]];
      dot.setAttribute("cx", across(z));
      dot.setAttribute("cy", up(Math.min(HIGH_Y - 0.12, Math.max(LOW_Y + 0.12, y))));
      const [from, to] = [z - 1.5, z + 1.5].map((end) => (end > bend === z > bend ? end : bend)); // not past a bend
      Object.entries({ x1: across(from), x2: across(to), y1: up(y + (from - z) * rise), y2: up(y + (to - z) * rise) })
        .forEach(([key, place]) => tangent.setAttribute(key, place));
      const kept = (w * rise) ** count;
      row.says.textContent = `output ${scientific(Math.abs(y)).replace("nothing", "0").replace(/^/, y < 0 ? "−" : "")}, slope ${scientific(rise).replace("nothing", "0")}`;
      row.left.textContent = `${scientific(kept)} left`;
      drawBars(row.bars, w * rise, count);
      return `${name} ${scientific(kept)}`;
    });
    stage.setAttribute("aria-valuenow", z);
    stage.setAttribute("aria-valuetext", `sum ${z.toFixed(1)}; left after ${count} layers: ${told.join(", ")}`);
    [layers.input.value, layers.shown.textContent] = [count, count];
    [weight.input.value, weight.shown.textContent] = [w, w.toFixed(2)];
  }

  function follow(event) {
    const box = plot.getBoundingClientRect();
    const share = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    put("sum", least + share * (most - least));
  }
  drag(stage, follow);
  stage.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -0.1, ArrowDown: -0.1, ArrowRight: 0.1, ArrowUp: 0.1, PageDown: -1, PageUp: 1, Home: -16, End: 16 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    put("sum", Math.min(most, Math.max(least, model.get("sum") + step)));
  });

  el.classList.add("message");
  const note = "One bar for each layer, the first step back at the right, on a logarithmic scale: the dotted line is 1, the bottom 10⁻¹² or less.";
  const controls = make("div", { className: "message-controls" }, layers.label, weight.label);
  el.append(stage, controls, ...rows.map(({ row }) => row), make("p", { className: "message-note", textContent: note }));
  return watch(model, ["sum", "layers", "weight"], draw);
}

export default { render };
