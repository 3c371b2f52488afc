// Masks on a small network: throw one, a hundred or all of them, and watch the mean of the answers settle.

const WIDTH = 400, HEIGHT = 316, LEFT = 150, RIGHT = 262, BARS = 280, LONGEST = 116;

const times = (layer, x) => layer.weight.map((row, i) => row.reduce((sum, w, j) => sum + w * x[j], layer.bias[i]));

function logSoftmax(z) {
  const top = Math.max(...z), log = top + Math.log(z.reduce((sum, v) => sum + Math.exp(v - top), 0));
  return z.map((v) => v - log);
}

function render({ model, el }) {
  const [first, last] = model.get("layers"), p = model.get("p");
  const n = first.bias.length, kinds = last.bias.length, side = Math.sqrt(model.get("pictures")[0].length);
  const all = 2 ** n, pixel = 72 / side, top = 122;
  const yNeuron = (i) => 12 + (i * (HEIGHT - 24)) / (n - 1), yKind = (k) => 22 + (k * (HEIGHT - 44)) / (kinds - 1);
  let picture, hidden, scaled, mask, count, sums, history, running = 0;

  const pixels = range(side * side).map((i) => shape("rect", {
    class: "masks-pixel", x: 8 + (i % side) * pixel, y: top + Math.floor(i / side) * pixel, width: pixel, height: pixel,
  }));
  const digit = shape("g", { class: "masks-digit" }, ...pixels);
  const inputs = range(n).map((i) => shape("line", { class: "masks-wire", x1: 82, y1: top + 36, x2: LEFT, y2: yNeuron(i) }));
  const wires = range(kinds * n).map((w) => shape("line", {
    class: "masks-wire", x1: LEFT, y1: yNeuron(w % n), x2: RIGHT, y2: yKind(Math.floor(w / n)),
  }));
  const neurons = range(n).map((i) => shape("circle", {
    class: "masks-neuron", cx: LEFT, cy: yNeuron(i), r: 8, tabindex: i ? -1 : 0, role: "switch",
  }));
  const names = range(kinds).map((k) => shape("text", { x: RIGHT + 8, y: yKind(k) + 3.5 }, `${k}`));
  const bar = (name, dy, height) => range(kinds).map((k) => shape("rect", { class: name, x: BARS, y: yKind(k) + dy, height }));
  const ones = bar("masks-one", -10, 4), means = bar("masks-mean", -5, 12);
  const ticks = range(kinds).map((k) => shape("line", { class: "masks-scaled", y1: yKind(k) - 8, y2: yKind(k) + 9 }));
  const stage = shape("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}` },
    ...inputs, ...wires, digit, ...neurons, ...names, ...ones, ...means, ...ticks);

  const xCount = (k) => 40 + (Math.log(k) / Math.log(all)) * 340;
  const yGap = (gap) => 16 + (Math.min(3, -Math.log10(Math.max(gap, 1e-9))) / 3) * 80;
  const curve = shape("path", { class: "masks-curve" });
  const chart = shape("svg", { viewBox: `0 0 ${WIDTH} 128` },
    ...[1, 10, 100, 1000, 10000].filter((k) => k <= all).map((k) => shape("text", { x: xCount(k), y: 110, "text-anchor": "middle" }, `${k}`)),
    ...[1, 0.1, 0.01, 0.001].flatMap((gap) => [
      shape("line", { class: "masks-grid", x1: 40, x2: 384, y1: yGap(gap), y2: yGap(gap) }),
      shape("text", { x: 35, y: yGap(gap) + 3.5, "text-anchor": "end" }, gap > 0.001 ? `${gap}` : "≤0.001")]),
    shape("text", { x: 212, y: 125, "text-anchor": "middle" }, "masks thrown"),
    shape("text", { x: 212, y: 8, "text-anchor": "middle" }, "distance between their mean and the whole network"),
    curve);

  const digits = model.get("pictures").map((values, i) => {
    const element = button("", () => put(model, "chosen", i)), stamp = make("canvas", { width: side, height: side });
    const ink = new ImageData(new Uint8ClampedArray(values.flatMap((v) => [255 * v, 255 * v, 255 * v, 255])), side, side);
    stamp.getContext("2d").putImageData(ink, 0, 0);
    element.append(stamp);
    element.className = "masks-stamp";
    element.setAttribute("aria-label", `digit ${i + 1}`);
    return element;
  });
  const choices = ["geometric", "arithmetic"].map((name) => button(name, () => put(model, "mean", name)));
  const key = (color, text) => make("span", {}, make("i", { style: `background:${color}` }), text);
  const said = make("p", { className: "masks-said" });
  said.setAttribute("aria-live", "polite");
  const row = (text, ...children) => {
    const element = make("div", { className: "masks-row" }, make("span", { textContent: text }), ...children);
    element.setAttribute("role", "group");
    element.setAttribute("aria-label", text);
    return element;
  };

  function look() { // at the picture anew: everything thrown so far is void
    hidden = times(first, picture).map(Math.tanh);
    scaled = logSoftmax(times(last, hidden)).map(Math.exp);
    mask = range(n).map(() => 1);
    [count, sums, history] = [0, { geometric: Array(kinds).fill(0), arithmetic: Array(kinds).fill(0) }, []];
    running += 1;
    show();
  }

  const answer = (m) => logSoftmax(times(last, hidden.map((h, i) => (h * m[i]) / (1 - p))));

  function meanNow(kind) {
    const mean = sums[kind].map((sum) => sum / count);
    return kind === "geometric" ? logSoftmax(mean).map(Math.exp) : mean;
  }

  const apart = (a, b) => a.reduce((sum, v, k) => sum + Math.abs(v - b[k]), 0) / 2;

  function add(m) {
    mask = m;
    const log = answer(m);
    count += 1;
    log.forEach((v, k) => { sums.geometric[k] += v; sums.arithmetic[k] += Math.exp(v); });
    if (count < 64 || count % Math.ceil(count / 64) === 0 || count === all) {
      history.push([count, apart(meanNow("geometric"), scaled), apart(meanNow("arithmetic"), scaled)]);
    }
  }

  const toss = () => range(n).map(() => (Math.random() < p ? 0 : 1));

  function throwMany(total) { // a few in every frame, so that one sees them
    const mine = (running += 1), slow = !matchMedia("(prefers-reduced-motion: reduce)").matches;
    const frame = () => {
      if (mine !== running || !el.isConnected) return;
      range(slow ? 2 : total).forEach(() => total-- > 0 && add(toss()));
      show(total > 0);
      if (total > 0) requestAnimationFrame(frame);
    };
    frame();
  }

  function throwAll() { // each mask once, in random order
    look();
    const order = range(all);
    for (let i = all - 1; i > 0; i -= 1) {
      const j = Math.floor(Math.random() * (i + 1));
      [order[i], order[j]] = [order[j], order[i]];
    }
    order.forEach((code) => add(range(n).map((i) => (code >> i) & 1)));
    show();
  }

  function show(busy = false) {
    const untouched = !count && mask.every(Boolean); // nothing is suppressed yet, so nothing need be scaled up
    const kind = model.get("mean"), one = untouched ? scaled : answer(mask).map(Math.exp);
    const mean = count ? meanNow(kind) : Array(kinds).fill(0);
    pixels.forEach((rect, i) => rect.setAttribute("fill", `rgb(${range(3).map(() => Math.round(255 * picture[i])).join()})`));
    neurons.forEach((circle, i) => {
      circle.classList.toggle("off", !mask[i]);
      circle.style.fill = mask[i] ? (hidden[i] > 0 ? "var(--amber)" : "var(--blue)") : "";
      circle.style.fillOpacity = 0.15 + 0.85 * Math.abs(hidden[i]);
      circle.setAttribute("aria-checked", Boolean(mask[i]));
      circle.setAttribute("aria-label", `hidden neuron ${i + 1}`);
      inputs[i].style.stroke = mask[i] ? "var(--faint)" : "none";
    });
    wires.forEach((wire, w) => {
      const pull = mask[w % n] * hidden[w % n] * last.weight[Math.floor(w / n)][w % n];
      wire.style.stroke = pull > 0 ? "var(--amber)" : "var(--blue)";
      wire.style.strokeOpacity = Math.min(0.9, Math.abs(pull) / 3);
    });
    range(kinds).forEach((k) => {
      ones[k].setAttribute("width", LONGEST * one[k]);
      means[k].setAttribute("width", LONGEST * mean[k]);
      for (const end of ["x1", "x2"]) ticks[k].setAttribute(end, BARS + LONGEST * scaled[k]);
    });
    const gap = kind === "geometric" ? 1 : 2;
    curve.setAttribute("d", history.map((point, i) => `${i ? "L" : "M"}${xCount(point[0]).toFixed(1)},${yGap(point[gap]).toFixed(1)}`).join(""));
    digits.forEach((element, i) => element.setAttribute("aria-pressed", i === model.get("chosen")));
    choices.forEach((element) => element.setAttribute("aria-pressed", element.textContent === kind));
    if (busy) return;
    const away = (other) => (apart(other, scaled) < 1e-12 ? "nothing but rounding" : apart(other, scaled).toPrecision(2));
    said.textContent = count
      ? `${count === all ? `All ${all.toLocaleString("en")}` : count.toLocaleString("en")} mask${count > 1 ? "s" : ""} thrown. Distance from the `
        + `whole network: their ${kind} mean ${away(mean)}, the last mask alone ${away(one)}.`
      : "All neurons at work. Throw a mask, or switch neurons off by hand; paint on the digit to change it.";
  }

  function pick() {
    picture = [...model.get("pictures")[model.get("chosen")]];
    look();
  }

  function paint(event) {
    const i = pixels.indexOf(document.elementFromPoint(event.clientX, event.clientY));
    if (i < 0) return;
    if (event.type === "pointerdown") digit.ink = picture[i] > 0.5 ? 0 : 1;
    picture[i] = digit.ink;
    look();
  }
  digit.addEventListener("pointerdown", paint);
  digit.addEventListener("pointermove", (event) => event.buttons && paint(event));

  function flip(i) {
    running += 1;
    mask = mask.map((on, j) => (j === i ? 1 - on : on));
    show();
  }
  neurons.forEach((circle, i) => {
    circle.addEventListener("click", () => flip(i));
    circle.addEventListener("keydown", (event) => {
      const move = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
      if (move) neurons[(i + move + n) % n].focus();
      else if (event.key === " " || event.key === "Enter") flip(i);
      else return;
      event.preventDefault();
    });
  });

  el.classList.add("masks");
  el.append(
    row("digit", ...digits), stage,
    make("div", { className: "masks-key" },
      key("var(--faint)", "this mask"), key("currentColor", "mean of all masks thrown"), key("var(--red)", "whole network")),
    row("throw", button("one mask", () => { running += 1; add(toss()); show(); }), button("a hundred", () => throwMany(100)),
      button(`all ${all.toLocaleString("en")}`, throwAll), button("start over", look)),
    row("mean", ...choices), chart, said);
  const redraw = () => show();
  model.on("change:mean", redraw);
  const leave = watch(model, ["chosen"], pick);
  return () => { running += 1; leave(); model.off("change:mean", redraw); };
}

export default { render };
