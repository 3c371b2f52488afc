// Where a page has a laboratory, `<div class="lab" data-lab="see|attack|dream|neuron|ledger|all"></div>`, this puts a
// button there; the network itself is loaded when the button is pressed. Other pages are left alone.
(() => {
  const here = document.currentScript.src;
  const at = (name) => new URL(name, here).href;
  const WORDS = {
    see: "See what the network sees in your own photo",
    attack: "Attack your own photo",
    dream: "Let the network dream into your own photo",
    neuron: "Draw what a neuron wants to see",
    ledger: "Predict, then measure on your own photo",
    all: "The network, in this page",
  };
  let loading;

  function add(tag, settings) {
    return new Promise((done, failed) => {
      document.head.append(Object.assign(document.createElement(tag), settings, { onload: done, onerror: failed }));
    });
  }

  function load() {
    loading ??= add("script", { src: at("lab/network.js") }).catch(() => {
      loading = null;
      throw new Error("The network could not be loaded. If this page lies in a folder of its own, _static/lab is missing beside it; else try again.");
    });
    return loading;
  }

  async function start(place, button, told) {
    button.disabled = true;
    told.textContent = "Loading the network, 6 MB…";
    const before = [...place.childNodes];
    try {
      await load();
      await underTheHood.mount(place, place.dataset.lab);
      place.querySelector("button, input, [tabindex='0']")?.focus({ preventScroll: true });
    } catch (error) {
      place.classList.remove("started");
      place.replaceChildren(...before);
      button.disabled = false;
      told.textContent = error.message;
    }
  }

  function prepare(place) {
    const mode = WORDS[place.dataset.lab] ? place.dataset.lab : "all";
    const [title, words, button, told] = ["p", "p", "button", "p"].map((tag) => document.createElement(tag));
    title.className = "lab-title";
    title.textContent = WORDS[mode];
    words.textContent = "It computes on this device, and your photo never leaves it.";
    button.type = "button";
    button.className = "lab-main";
    button.textContent = "Start the laboratory, 6 MB";
    button.onclick = () => start(place, button, told);
    told.setAttribute("role", "status");
    place.dataset.lab = mode;
    place.setAttribute("role", "region");
    place.setAttribute("aria-label", WORDS[mode]);
    place.replaceChildren(title, words, button, told);
  }

  function begin() {
    const places = document.querySelectorAll(".lab[data-lab]");
    if (places.length) add("link", { rel: "stylesheet", href: at("lab/lab.css") }).catch(() => {});
    places.forEach(prepare);
  }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
  else begin();
})();
