// What the figures share; stands in front of each module.

function adorn(element, settings, children) {
  for (const [name, value] of Object.entries(settings)) {
    if (name in element && !(element instanceof SVGElement)) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}
const make = (tag, settings = {}, ...children) => adorn(document.createElement(tag), settings, children);
const shape = (tag, settings = {}, ...children) => adorn(document.createElementNS("http://www.w3.org/2000/svg", tag), settings, children);
const set = (element, settings) => adorn(element, settings, []);
const range = (n) => Array.from({ length: n }, (_, i) => i);
const within = (value, least, most) => Math.min(most, Math.max(least, value));
const number = (value) => `${value < 0 ? "−" : ""}${Math.abs(value).toFixed(2)}`;
const term = (value) => `${value < 0 ? "−" : "+"} ${Math.abs(value).toFixed(2)}`;
const unique = (name) => `${name}-${Math.random().toString(36).slice(2)}`; // an id, for a page may hold a figure twice
const button = (text, act) => make("button", { type: "button", textContent: text, onclick: act });

// A picture that comes as the reader comes near; in a page its address leads to a file, in a notebook it is the picture.
const photo = (settings) => make("img", { loading: "lazy", draggable: false, ...settings });
const turn = (picture, address) => picture.getAttribute("src") === address || picture.setAttribute("src", address);

function fetchAhead(el, addresses) { // all pages, once a figure is used, so that none is waited for
  let held;
  const fetchAll = () => { held ??= addresses.map((src) => make("img", { src })); };
  for (const event of ["pointerover", "focusin"]) el.addEventListener(event, fetchAll, { once: true });
}

function put(model, name, value) {
  model.set(name, value);
  model.save_changes();
}

function drag(element, follow) {
  element.addEventListener("pointerdown", (event) => {
    element.setPointerCapture(event.pointerId);
    follow(event);
  });
  element.addEventListener("pointermove", (event) => event.buttons && follow(event));
}

function watch(model, names, draw) { // and give what undoes it
  names.forEach((name) => model.on(`change:${name}`, draw));
  draw();
  return () => names.forEach((name) => model.off(`change:${name}`, draw));
}
