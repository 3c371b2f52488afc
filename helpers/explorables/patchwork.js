// A point over a patchwork: its patch, the neurons lit there, and the single-layer network in force, computed here.

const SIDE = 400, WIDE = 300, TALL = 230, LOW = 120;

const dot = (a, b) => a.reduce((sum, v, i) => sum + v * b[i], 0);

function run(layers, x) { // outputs of every layer, and the affine map [a, b, c] of the last one, switches as they are
  let maps = [[1, 0, 0], [0, 1, 0]];
  const outputs = [x];
  layers.forEach(({ weight, bias }, depth) => {
    maps = weight.map((row, i) => range(3).map((k) => row.reduce((sum, w, j) => sum + w * maps[j][k], k === 2 ? bias[i] : 0)));
    if (depth < layers.length - 1) maps = maps.map((map) => (dot(map, [...x, 1]) > 0 ? map : [0, 0, 0]));
    outputs.push(maps.map((map) => dot(map, [...x, 1])));
  });
  return { outputs, map: maps[0] };
}

function answer(layers, x) { // the output alone, for the many points of a curve
  return layers.reduce((values, { weight, bias }, depth) => weight.map((row, i) => {
    const sum = dot(row, values) + bias[i];
    return depth < layers.length - 1 ? Math.max(0, sum) : sum;
  }), x)[0];
}

function holds(polygon, [x, y]) { // convex and counterclockwise
  for (let i = 0; i < polygon.length; i += 2) {
    const j = (i + 2) % polygon.length, dx = polygon[j] - polygon[i], dy = polygon[j + 1] - polygon[i + 1];
    if (dx * (y - polygon[i + 1]) - dy * (x - polygon[i]) < -1e-9) return false;
  }
  return true;
}

function zeroLine(layers, polygon) { // the stretch of a patch on which the output is zero, its two ends: straight, for the patch is flat
  const corners = range(polygon.length / 2).map((i) => [polygon[2 * i], polygon[2 * i + 1]]);
  const middle = [0, 1].map((k) => corners.reduce((sum, corner) => sum + corner[k], 0) / corners.length);
  const values = corners.map((corner) => dot(run(layers, middle).map, [...corner, 1]));
  return corners.flatMap((corner, i) => {
    const next = (i + 1) % corners.length, t = values[i] / (values[i] - values[next]);
    return values[i] * values[next] < 0 ? [[0, 1].map((k) => corner[k] + t * (corners[next][k] - corner[k]))] : [];
  });
}

function render({ model, el }) {
  const [left, right, bottom, top] = model.get("bounds"), states = model.get("states");
  const height = (SIDE * (top - bottom)) / (right - left);
  const toX = (x) => ((x - left) / (right - left)) * SIDE, toY = (y) => ((top - y) / (top - bottom)) * height;
  const path = (polygon) => `M${range(polygon.length / 2).map((i) => `${toX(polygon[2 * i]).toFixed(2)},${toY(polygon[2 * i + 1]).toFixed(2)}`).join("L")}Z`;
  let shown = -1, current, neurons = [], wires = [], scale = 1;

  const patches = shape("g"), here = shape("path", { class: "patchwork-here" });
  const zeros = shape("path", { class: "patchwork-zero" });
  const border = shape("line", { class: "patchwork-border" }), spot = shape("circle", { class: "patchwork-point", r: 6.5 });
  const stage = shape("svg", { class: "patchwork-stage", viewBox: `0 0 ${SIDE} ${height}`, tabindex: 0, role: "application" }, patches, zeros, here, border, spot);
  stage.setAttribute("aria-label", "a point on the patchwork; the arrow keys move it, with shift by smaller steps");
  const diagram = shape("svg", { viewBox: `0 0 ${WIDE} ${TALL}`, role: "img", "aria-label": "the network, lit neurons filled" });
  const clip = unique("slice");
  const curve = shape("path", { class: "patchwork-curve" }), tangent = shape("line", { class: "patchwork-tangent" });
  const zero = shape("line", { class: "patchwork-axis", x1: 0, x2: WIDE }), at = shape("line", { class: "patchwork-axis", y1: 0, y2: LOW });
  const mark = shape("circle", { class: "patchwork-point", r: 5 });
  const slice = shape("svg", { viewBox: `0 0 ${WIDE} ${LOW}`, role: "img", "aria-label": "the output along the horizontal line through the point" },
    shape("clipPath", { id: clip }, shape("rect", { width: WIDE, height: LOW })), zero, at,
    shape("g", { "clip-path": `url(#${clip})` }, curve, tangent), mark);
  const said = make("p", { className: "patchwork-said" });
  said.setAttribute("aria-live", "polite");
  const buttons = states.map((state, i) => {
    return button(state.name, () => put(model, "chosen", i));
  });

  function build(state) { // what stays while the point moves
    patches.replaceChildren(...state.polygons.map((polygon, i) => shape("path", { class: "patchwork-patch", d: path(polygon), fill: state.colors[i] })));
    const cuts = state.polygons.map((polygon) => zeroLine(state.layers, polygon)).filter((ends) => ends.length === 2);
    zeros.setAttribute("d", cuts.map((ends) => `M${ends.map(([x, y]) => `${toX(x).toFixed(2)},${toY(y).toFixed(2)}`).join("L")}`).join(""));
    const sizes = [2, ...state.layers.map((layer) => layer.bias.length)];
    const place = (depth, i) => [18 + (depth * (WIDE - 36)) / (sizes.length - 1), TALL / 2 + (i - (sizes[depth] - 1) / 2) * Math.min(22, (TALL - 18) / (sizes[depth] - 1 || 1))];
    wires = state.layers.flatMap(({ weight }, depth) => weight.flatMap((row, i) => row.map((w, j) => {
      const [[x1, y1], [x2, y2]] = [place(depth, j), place(depth + 1, i)];
      return { depth, i, j, w, line: shape("line", { class: "patchwork-wire", x1, y1, x2, y2 }) };
    })));
    neurons = sizes.map((n, depth) => range(n).map((i) => {
      const [cx, cy] = place(depth, i);
      return shape("circle", { class: "patchwork-neuron", cx, cy, r: 6 });
    }));
    const names = [["x", 0, 0], ["y", 0, 1]].map(([name, depth, i]) => shape("text", { x: place(depth, i)[0] - 16, y: place(depth, i)[1] + 3 }, name));
    diagram.replaceChildren(...wires.map(({ line }) => line), ...neurons.flat(), ...names);
    const sizesOf = range(400).map((k) => Math.abs(answer(state.layers, [left + ((k % 20) / 19) * (right - left), bottom + (Math.floor(k / 20) / 19) * (top - bottom)])));
    scale = sizesOf.sort((a, b) => a - b)[320] || 1;
  }

  function show() {
    const state = states[model.get("chosen")], point = model.get("point");
    if (shown !== model.get("chosen")) {
      shown = model.get("chosen");
      build(state);
    }
    buttons.forEach((button, i) => button.setAttribute("aria-pressed", i === shown));
    const { outputs, map } = run(state.layers, point), value = outputs.at(-1)[0];
    const found = state.polygons.findIndex((polygon) => holds(polygon, point));
    current = found < 0 ? current : found;
    here.setAttribute("d", path(state.polygons[current]));
    set(spot, { cx: toX(point[0]), cy: toY(point[1]) });
    const crosses = drawBorder(map);
    drawNetwork(outputs);
    drawSlice(state, point, map, value);
    const lit = outputs.slice(1, -1).map((layer) => layer.filter((v) => v > 0).length);
    const all = outputs.slice(1, -1).reduce((sum, layer) => sum + layer.length, 0);
    said.innerHTML = `Patch ${current + 1} of ${state.polygons.length}. ${lit.reduce((a, b) => a + b)} of ${all} neurons are lit.<br>The single layer in force here: <b>output = ${number(map[0])} x ${term(map[1])} y `
      + `${term(map[2])} = ${number(value)}</b>, so the network says ${value > 0 ? "amber" : "blue"}. `
      + (crosses ? "By itself this layer would draw the border along the dashed line." : "By itself this layer would draw no border in this picture.");
  }

  function drawBorder([a, b, c]) { // where this one plane is zero, across the whole picture
    const ends = [];
    for (const x of [left, right]) if (b) ends.push([x, -(a * x + c) / b]);
    for (const y of [bottom, top]) if (a) ends.push([-(b * y + c) / a, y]);
    const [p, q] = ends.filter(([x, y]) => x >= left - 1e-9 && x <= right + 1e-9 && y >= bottom - 1e-9 && y <= top + 1e-9).sort((m, n) => m[0] - n[0] || m[1] - n[1])
      .filter((_, i, inside) => i === 0 || i === inside.length - 1);
    border.style.display = q ? "" : "none";
    if (q) set(border, { x1: toX(p[0]), y1: toY(p[1]), x2: toX(q[0]), y2: toY(q[1]) });
    return Boolean(q);
  }

  function drawNetwork(outputs) {
    const last = outputs.length - 1;
    const open = (depth, i) => depth === 0 || depth === last || outputs[depth][i] > 0;
    const peak = outputs.map((layer) => Math.max(...layer.map(Math.abs)) || 1);
    neurons.forEach((layer, depth) => layer.forEach((circle, i) => {
      circle.classList.toggle("lit", open(depth, i));
      circle.style.fillOpacity = 0.25 + (0.75 * Math.abs(outputs[depth][i])) / peak[depth];
      if (depth === last || depth === 0) circle.style.fill = circle.style.stroke = outputs[depth][i] > 0 ? "var(--amber)" : "var(--blue)";
    }));
    const loudest = Math.max(...wires.map(({ depth, j, w }) => Math.abs(w * outputs[depth][j]))) || 1;
    wires.forEach(({ depth, i, j, w, line }) => {
      const lit = open(depth, j) && open(depth + 1, i), strength = Math.abs(w * outputs[depth][j]) / loudest;
      line.style.stroke = lit ? (w * outputs[depth][j] > 0 ? "var(--amber)" : "var(--blue)") : "var(--faint)";
      line.style.strokeWidth = lit ? 0.5 + 2.5 * strength : 0.4;
      line.style.opacity = lit ? 0.35 + 0.65 * strength : 0.18;
    });
  }

  function drawSlice(state, [x, y], map, value) {
    const across = (u) => ((u - left) / (right - left)) * WIDE, up = (v) => LOW / 2 - (v / scale) * LOW * 0.4;
    const places = range(301).map((k) => left + (k / 300) * (right - left));
    curve.setAttribute("d", `M${places.map((u) => `${across(u).toFixed(1)},${up(answer(state.layers, [u, y])).toFixed(1)}`).join("L")}`);
    set(tangent, { x1: 0, x2: WIDE, y1: up(dot(map, [left, y, 1])), y2: up(dot(map, [right, y, 1])) });
    set(zero, { y1: up(0), y2: up(0) });
    set(at, { x1: across(x), x2: across(x) });
    set(mark, { cx: across(x), cy: Math.max(4, Math.min(LOW - 4, up(value))) });
  }

  const within = ([x, y]) => [Math.min(right, Math.max(left, x)), Math.min(top, Math.max(bottom, y))];
  function follow(event) {
    const box = stage.getBoundingClientRect();
    put(model, "point", within([left + ((event.clientX - box.left) / box.width) * (right - left), top - ((event.clientY - box.top) / box.height) * (top - bottom)]));
  }
  drag(stage, follow);
  stage.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!way) return;
    event.preventDefault();
    const step = ((right - left) / 100) * (event.shiftKey ? 0.1 : 1), [x, y] = model.get("point");
    put(model, "point", within([x + step * way[0], y + step * way[1]]));
  });

  const choose = make("div", { className: "patchwork-buttons" }, ...buttons);
  choose.setAttribute("role", "group");
  choose.setAttribute("aria-label", "which network");
  const keys = [
    ["amber", "output above 0"], ["blue", "below 0"], ["line ink", "exactly 0"], ["outline", "the patch you are in"], ["dashes", "where its single layer is 0"],
    ["lit", "lit neuron"], ["dark", "dark neuron"], ["amber line", "link that pushes up"], ["blue line", "link that pushes down"],
  ];
  const legend = make("p", { className: "patchwork-legend" }, ...keys.map(([kind, words]) => make("span", {}, make("i", { className: kind }), words)));
  const aside = make("div", {}, make("p", { className: "patchwork-head", textContent: "the network at this point" }), diagram,
    make("p", { className: "patchwork-head", textContent: "output along the horizontal line through the point; dashed: the single layer alone" }), slice);
  el.classList.add("patchwork");
  el.append(choose, make("div", { className: "patchwork-sides" }, stage, aside, legend, said));
  return watch(model, ["point", "chosen"], show);
}

export default { render };
