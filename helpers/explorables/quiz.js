// Questions to answer by mouse or keyboard; every answer explains itself, and one may choose again.

function render({ model, el }) {
  const questions = model.get("questions");
  const score = make("p", { className: "quiz-score" });
  score.setAttribute("aria-live", "polite");

  const items = questions.map((question, i) => {
    const buttons = question.answers.map((answer, j) => {
      const button = make("button", { type: "button", textContent: answer.text });
      button.addEventListener("click", () => {
        model.set("chosen", model.get("chosen").map((old, k) => (k === i ? j : old)));
        model.save_changes();
      });
      return button;
    });
    const why = make("p", { className: "quiz-why" });
    why.setAttribute("aria-live", "polite");
    const answers = make("div", { className: "quiz-answers" }, ...buttons);
    answers.setAttribute("role", "group");
    answers.setAttribute("aria-label", question.text);
    el.append(make("div", { className: "quiz-question" }, make("p", { textContent: `${i + 1}. ${question.text}` }), answers, why));
    return { buttons, why };
  });

  function draw() {
    const chosen = model.get("chosen");
    items.forEach(({ buttons, why }, i) => {
      const answer = questions[i].answers[chosen[i]];
      buttons.forEach((button, j) => {
        button.setAttribute("aria-pressed", j === chosen[i]);
        button.className = j !== chosen[i] ? "" : answer.right ? "right" : "wrong";
      });
      why.textContent = answer ? `${answer.right ? "✓" : "✗"} ${answer.why}` : "";
    });
    const right = chosen.filter((j, i) => questions[i].answers[j]?.right).length;
    const given = chosen.filter((j, i) => questions[i].answers[j]).length;
    score.textContent = given ? `${right} of ${questions.length} right` : "";
  }

  el.classList.add("quiz");
  el.append(score);
  return watch(model, ["chosen"], draw);
}

export default { render };
