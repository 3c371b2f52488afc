"""The rendered pages as axe-core judges them by WCAG 2.1 AA: light and dark, wide and narrow, every fold open."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT

from book import run

pytestmark = pytest.mark.book

STANDARD = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
WIDTHS = (390, 1280)
# What colors decide is asked in the dark as well; nothing else differs there.
THEMES = {"light": STANDARD, "dark": ["color-contrast", "link-in-text-block"]}
# One page of each kind, all chapters among them; of a notebook its number is enough.
KINDS = [
    "book/intro",
    "book/ways",
    *(f"notebooks/0{chapter}_*" for chapter in range(1, 7)),
    "notebooks/evidence/05_*",
    "book/ledger",
    "book/glossary",
    "book/references",
    "book/teach",
]
# What a reader has done, so that the front page shows it.
DONE = {"answers": {}, "predictions": {"05_android_dreams/1": "A dog."}, "exercises": {"05_android_dreams/5.1": True}}
KEEP = f"localStorage.setItem('under-the-hood', {json.dumps(json.dumps(DONE))})"
# What a reader can open or do: folds, code that is hidden at first, an answer to each question. Of the thousands of
# words of code on a page the first of each color is judged: the others look like it, and would take most of the time.
OPEN = """() => {
  for (const fold of document.querySelectorAll("details")) fold.open = true;
  for (const hidden of document.querySelectorAll(".toggle-hidden")) hidden.classList.remove("toggle-hidden");
  for (const answers of document.querySelectorAll(".quiz-answers")) answers.querySelector("button").click();
  const seen = new Set();
  for (const word of document.querySelectorAll(".highlight span")) {
    word.toggleAttribute("data-again", seen.has(word.className));
    seen.add(word.className);
  }
}"""
PUT_ON = """async (theme) => {
  Object.assign(document.documentElement.dataset, { theme, mode: theme });
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
}"""
AT_REST = "*, ::before, ::after { transition: none !important; }"  # no color on its way to another is judged
LOOK = """([within, rules]) => axe.run({ include: [[within]], exclude: [["[data-again]"]] },
  { runOnly: rules, resultTypes: ["violations"] }).then(({ violations }) => violations)"""
# Where the keyboard is, and whether one sees it there: something must differ from how the element looks without it.
STOP = """() => {
  const at = document.activeElement, parts = [at, ...at.children];
  if (at === document.body) return null;
  const look = () => parts.map((one) => {
    const { outline, boxShadow, stroke } = getComputedStyle(one);
    return one.getClientRects().length ? [outline, boxShadow, stroke] : [];
  }).flat().join();
  const here = look();
  at.blur();
  const without = look();
  at.focus({ preventScroll: true });
  return [`${at.outerHTML.slice(0, 200)} in ${at.parentElement.className}`, here !== without];
}"""
FAULTY = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Faulty</title><style>
html { color: #333; background: #fff; } html[data-theme="dark"] p { color: #999; }
@media (max-width: 400px) { .wide { width: 100px; overflow-x: auto; } }</style></head>
<body><main><h1>Faulty</h1><p>Pale in the dark.</p>
<details><summary>A fold</summary><button id="mute" style="outline: none"></button></details>
<div class="wide"><p style="width: 380px">A line that goes on and on, far to the side.</p></div></main></body></html>"""


def faults(page: Any, within: str = "html", widths: Sequence[int] = WIDTHS) -> list[tuple[str, str]]:
    """What axe finds wrong at each width and in each theme: the rule, and all that one needs to mend it."""
    page.evaluate(OPEN)
    page.add_style_tag(content=AT_REST)
    page.wait_for_timeout(400)  # the theme takes its time to see what can be moved sideways
    page.evaluate(AXE_SCRIPT)
    found = []
    for width in widths:
        page.set_viewport_size({"width": width, "height": 900})
        for theme, rules in THEMES.items():
            if theme == "dark" and width != widths[0]:
                continue  # no color depends on the width
            page.evaluate(PUT_ON, theme)
            for fault in page.evaluate(LOOK, [within, rules]):
                for node in fault["nodes"]:
                    where = f"{page.url}, {width} px, {theme}: {' '.join(map(str, node['target']))}"
                    found.append(
                        (fault["id"], f"{where}\n{node['failureSummary']}\n{fault['help']}: {fault['helpUrl']}")
                    )
    return found


def assert_accessible(page: Any, within: str = "html", widths: Sequence[int] = WIDTHS) -> None:
    found = faults(page, within, widths)
    assert not found, "\n\n".join(f"{rule}: {told}" for rule, told in found)


def stops(page: Any, most: int = 400) -> dict[str, bool]:
    """All that the tab key comes to, from the top to the end of the page, and whether one sees it there."""
    found = {}
    for _ in range(most):
        page.keyboard.press("Tab")
        if (stop := page.evaluate(STOP)) is None:
            return found
        found[stop[0]] = stop[1]
    raise AssertionError(f"the keyboard does not come out of {list(found)[-3:]}")


@pytest.fixture
def open_page(browser: Any) -> Any:
    pages = []

    def open_(url: str) -> Any:
        page = browser.new_page(viewport={"width": WIDTHS[0], "height": 900}, reduced_motion="reduce")
        pages.append(page)
        page.add_init_script(KEEP)
        page.goto(url, wait_until="load")
        return page

    yield open_
    for page in pages:
        page.close()


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_of_each_kind_of_the_book_is_accessible(open_page: Any, address: str, kind: str) -> None:
    path = next(run.BOOK.pages.glob(f"{kind}.html"))
    page = open_page(f"{address}/{path.relative_to(run.BOOK.pages)}")
    page.wait_for_function("[...document.querySelectorAll('.explorable')].every((one) => one.children.length)")
    if page.locator(".math").count():
        page.evaluate("setFormulas()")
    assert_accessible(page)
    page.set_viewport_size({"width": 320, "height": 900})  # 1280 at 400 %: nothing may be off to the side
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_a_link_under_the_mouse_keeps_its_contrast(open_page: Any, address: str) -> None:
    page = open_page(f"{address}/book/teach.html")
    page.set_viewport_size({"width": WIDTHS[1], "height": 900})
    for link in (".bd-links a", ".page-toc a", ".bd-article p a"):
        page.locator(link).first.hover()
        assert_accessible(page, link, WIDTHS[1:])


def test_what_a_search_finds_is_accessible(open_page: Any, address: str) -> None:
    page = open_page(f"{address}/search.html?q=dumbbell")
    page.wait_for_selector("#search-results li", timeout=10_000)
    assert_accessible(page)


def test_each_panel_of_the_laboratory_is_accessible(open_page: Any, address: str) -> None:
    page = open_page(f"{address}/book/laboratory.html")
    page.get_by_role("button", name="Start the laboratory").click()
    page.locator(".lab-bars li").first.wait_for(timeout=30_000)
    page.get_by_role("button", name="Sample: ").first.click()
    assert_accessible(page)
    for tab in page.get_by_role("tab").all()[1:]:
        tab.click()
        assert_accessible(page, ".lab")


@pytest.mark.parametrize(
    ("kind", "among"),
    [
        ("notebooks/05_*", ["divider-stage", "quiz-answers", "Exercise 5.1", "lab-main", "right-next"]),
        ("book/laboratory", ["lab-chooser", "lab-sample", "lab-stage", "lab-tab-see", "left-prev"]),
    ],
)
def test_one_sees_where_the_keyboard_is_and_comes_to_everything(
    open_page: Any, address: str, kind: str, among: list[str]
) -> None:
    path = next(run.BOOK.pages.glob(f"{kind}.html"))
    page = open_page(f"{address}/{path.relative_to(run.BOOK.pages)}")
    page.wait_for_function("[...document.querySelectorAll('.explorable')].every((one) => one.children.length)")
    if kind == "book/laboratory":
        page.get_by_role("button", name="Start the laboratory").click()
        page.locator(".lab-bars li").first.wait_for(timeout=30_000)
        page.locator("#pst-skip-link a").focus()
    found = stops(page)
    assert [what for what, seen in found.items() if not seen] == []
    assert [part for part in among if not any(part in what for what in found)] == []


def test_a_fault_in_a_fold_in_the_dark_on_a_phone_or_at_the_keyboard_is_found(open_page: Any, tmp_path: Path) -> None:
    (tmp_path / "faulty.html").write_text(FAULTY)
    page = open_page((tmp_path / "faulty.html").as_uri())
    found = faults(page)
    assert {rule for rule, _ in found} == {"button-name", "color-contrast", "scrollable-region-focusable"}
    told = dict(found)
    assert "faulty.html" in told["button-name"]
    assert "#mute" in told["button-name"]
    assert "dequeuniversity.com/rules/axe" in told["button-name"]
    assert ", dark: " in told["color-contrast"]
    assert ", 390 px, " in told["scrollable-region-focusable"]
    assert [what[:17] for what, seen in stops(page).items() if not seen] == ['<button id="mute"']
