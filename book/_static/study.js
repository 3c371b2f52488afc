// What a reader did stays in this browser: quiz answers, predictions, finished exercises; progress on the front page.
// Nothing leaves the machine. Where a browser keeps nothing, the pages work as they would without this.
(() => {
  const KEY = "under-the-hood";
  const EMPTY = { answers: {}, predictions: {}, exercises: {} };

  function load() {
    try {
      return { ...EMPTY, ...JSON.parse(localStorage.getItem(KEY) || "{}") };
    } catch {
      return { ...EMPTY };
    }
  }
  function keep(kind, id, value) {
    const all = load();
    all[kind] = { ...all[kind] };
    if (value) all[kind][id] = value;
    else delete all[kind][id];
    try {
      localStorage.setItem(KEY, JSON.stringify(all));
    } catch {} // no room, or not allowed
  }
  const page = decodeURIComponent(location.pathname.split("/").pop()).replace(/\.html$/, "");
  const words = (element) => element.textContent.replace(/\s+/g, " ").trim();
  const name = (text) => `${page}/${[...text].reduce((sum, c) => (sum * 31 + c.codePointAt(0)) >>> 0, 7).toString(36)}`;
  function make(tag, properties = {}, ...children) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  }

  // Quizzes, which make themselves once the page stands: each question's answer is pressed again.
  function restore(quiz) {
    const spoken = quiz.querySelectorAll("[aria-live]");
    spoken.forEach((one) => one.setAttribute("aria-live", "off")); // what was said before is not said again
    for (const question of quiz.querySelectorAll(".quiz-question")) {
      const id = name(words(question.firstElementChild).replace(/^\d+\. /, ""));
      const { answers } = load();
      const buttons = [...question.querySelectorAll("button")];
      buttons.find((button) => answers[id] && words(button) === answers[id].said)?.click();
      for (const button of buttons) {
        button.addEventListener("click", () => keep("answers", id, { said: words(button), right: button.className === "right" }));
      }
    }
    setTimeout(() => spoken.forEach((one) => one.setAttribute("aria-live", "polite")), 500);
  }
  function await_quizzes() {
    const seen = new Set();
    const look = () => {
      for (const quiz of document.querySelectorAll(".explorable.quiz")) {
        if (!quiz.querySelector(".quiz-score") || seen.has(quiz)) continue;
        seen.add(quiz);
        restore(quiz);
      }
    };
    const observer = new MutationObserver(look);
    for (const one of document.querySelectorAll(".explorable")) observer.observe(one, { childList: true });
    look();
  }

  function predictions() {
    for (const box of document.querySelectorAll(".admonition")) {
      if (words(box.querySelector(".admonition-title") || box) !== "Predict") continue;
      const id = name(words(box));
      const field = make("textarea", { rows: 2, value: load().predictions[id] || "", placeholder: "Stays in this browser" });
      field.addEventListener("input", () => keep("predictions", id, field.value.trim()));
      const fold = make("details", { className: "study-note", open: Boolean(field.value) });
      fold.append(make("summary", { textContent: "My prediction" }), make("label", {}, make("span", { className: "study-unseen", textContent: "My prediction" }), field));
      box.append(fold);
    }
  }

  function exercises() {
    for (const strong of document.querySelectorAll("article p > strong:first-child")) {
      const number = /^Exercise (\d+\.\d+)$/.exec(words(strong))?.[1];
      if (!number || strong.previousSibling) continue; // a mention inside a sentence
      const box = make("input", { type: "checkbox", checked: Boolean(load().exercises[`${page}/${number}`]) });
      box.setAttribute("aria-label", `Exercise ${number} is done`);
      box.addEventListener("change", () => keep("exercises", `${page}/${number}`, box.checked));
      strong.parentElement.append(make("label", { className: "study-done" }, box, " done"));
    }
  }

  function progress() {
    const place = document.querySelector(".study-progress");
    if (!place) return;
    const draw = () => {
      const all = load();
      const count = (kind, chapter, test = () => true) =>
        Object.entries(all[kind]).filter(([id, value]) => id.startsWith(`${chapter.page}/`) && test(value)).length;
      const rows = JSON.parse(place.dataset.chapters).map((chapter) => {
        const done = [
          [count("predictions", chapter), chapter.predictions, "predictions"],
          [count("exercises", chapter), chapter.exercises, "exercises"],
          [count("answers", chapter, (answer) => answer.right), chapter.questions, "quiz answers right"],
        ].filter(([, of]) => of);
        const bar = make("progress", { max: done.reduce((sum, [, of]) => sum + of, 0) || 1, value: done.reduce((sum, [n, of]) => sum + Math.min(n, of), 0) });
        bar.setAttribute("aria-label", `Done of ${chapter.title}`);
        const link = make("a", { href: `../notebooks/${chapter.page}.html`, textContent: chapter.title });
        return make("li", {}, link, bar, make("span", { textContent: done.map(([n, of, what]) => `${Math.min(n, of)} of ${of} ${what}`).join(", ") }));
      });
      const any = Object.values(all).some((kind) => Object.keys(kind).length);
      const said = any ? "Kept in this browser, and nowhere else." : "Quiz answers, predictions and exercises that you tick off are kept in this browser, and nowhere else. Nothing yet.";
      place.replaceChildren(make("h2", { id: "your-progress", textContent: "Your progress" }), make("p", { textContent: said }), make("ul", {}, ...(any ? rows : [])), buttons(any));
      place.hidden = false;
    };
    const status = make("span", { className: "study-status" });
    status.setAttribute("role", "status");
    function buttons(any) {
      const save = make("button", { type: "button", textContent: "Export", disabled: !any });
      save.addEventListener("click", () => {
        const link = make("a", { download: "under-the-hood-progress.json", href: URL.createObjectURL(new Blob([JSON.stringify(load(), null, 1)], { type: "application/json" })) });
        link.click();
        setTimeout(() => URL.revokeObjectURL(link.href), 1000);
        status.textContent = "Saved as under-the-hood-progress.json.";
      });
      const file = make("input", { type: "file", accept: "application/json", hidden: true });
      file.addEventListener("change", async () => {
        try {
          const read = JSON.parse(await file.files[0].text());
          if (!Object.keys(EMPTY).every((kind) => typeof read[kind] === "object")) throw new Error();
          localStorage.setItem(KEY, JSON.stringify(read));
          draw();
          status.textContent = "Read.";
        } catch {
          status.textContent = "This file holds no progress.";
        }
      });
      const open = make("button", { type: "button", textContent: "Import" });
      open.addEventListener("click", () => file.click());
      const clear = make("button", { type: "button", textContent: "Clear", disabled: !any });
      clear.addEventListener("click", () => {
        if (clear.dataset.sure) {
          try {
            localStorage.removeItem(KEY);
          } catch {}
          draw();
          status.textContent = "Everything is forgotten.";
        } else {
          clear.dataset.sure = "yes";
          clear.textContent = "Clear everything?";
          status.textContent = "Press once more to forget everything.";
        }
      });
      return make("p", { className: "study-buttons" }, save, open, file, clear, status);
    }
    draw();
    addEventListener("pageshow", (event) => event.persisted && draw()); // come back to with the back button
  }

  function begin() {
    predictions();
    exercises();
    await_quizzes();
    progress();
  }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
  else begin();
})();
