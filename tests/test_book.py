"""The rendered pages, as files and in a real browser."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from book import run
from helpers import ledger

PAGES = sorted(p for p in run.BOOK.pages.rglob("*.html") if "_static" not in p.parts)


def named(path: Path) -> str:
    return str(path.relative_to(run.BOOK.pages).with_suffix(""))


class Page(HTMLParser):
    """The links, anchors, pictures and outside resources of one page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.sources: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if given.get("id"):
            self.ids.add(str(given["id"]))
        if tag == "a" and given.get("href"):
            self.links.append(str(given["href"]))
        if tag == "img":
            self.images.append(given)
        if tag in ("script", "img", "iframe", "source") and given.get("src"):
            self.sources.append(str(given["src"]))
        if tag == "link" and given.get("rel") in ("stylesheet", "preload", "icon"):
            self.sources.append(str(given["href"]))


@pytest.fixture(scope="module")
def parsed() -> dict[Path, Page]:
    assert PAGES, "there are no pages; run `make book` first"
    return {path: Page(path) for path in PAGES}


def test_the_book_has_its_pages(parsed: dict[Path, Page]) -> None:
    names = {str(path.relative_to(run.BOOK.pages)) for path in parsed}
    assert {"index.html", "book/intro.html", "book/ledger.html", "book/glossary.html", "book/credits.html"} <= names
    assert "notebooks/05_android_dreams.html" in names


def test_nothing_is_loaded_from_outside(parsed: dict[Path, Page]) -> None:
    outside = [
        (p.name, s) for p, page in parsed.items() for s in page.sources if s.startswith(("http:", "https:", "//"))
    ]
    assert outside == []


def test_internal_links_and_anchors_exist(parsed: dict[Path, Page]) -> None:
    broken = []
    for path, page in parsed.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            missing_anchor = parts.fragment and target in parsed and unquote(parts.fragment) not in parsed[target].ids
            if not target.exists() or missing_anchor:
                broken.append((path.name, link))
    assert broken == []


def test_every_picture_has_alternative_text(parsed: dict[Path, Page]) -> None:
    silent = [
        (p.name, i.get("src", "")[:60]) for p, page in parsed.items() for i in page.images if i.get("alt") is None
    ]
    assert silent == []


def test_the_ledger_page_lists_every_claim_and_links_what_was_measured() -> None:
    text = (run.BOOK.pages / "book/ledger.html").read_text(encoding="utf-8")
    rows = re.findall(r'<tr class="([\w-]+)"><th scope="row">([\d.]+)</th>', text)
    assert [number for _, number in rows] == list(ledger.claims())
    measured = [number for verdict, number in rows if verdict != "not-measured-yet"]
    assert {claim for claim in ledger.claims() if claim.startswith("5.")} <= set(measured)
    for number in measured:
        assert f"#{ledger.anchor(number)}" in text
    said = re.findall(r"(\d+) . (holds(?: with a caveat)?|undecided|does not hold)[,.]", text)
    verdicts = [verdict.replace("-", " ") for verdict, _ in rows]
    assert {verdict: int(count) for count, verdict in said} == Counter(verdicts)
    assert text.count('<tr class="chapter">') == 6


def visit(browser: Any, url: str, *, width: int = 1280, dark: bool = False) -> tuple[Any, list[str], list[str]]:
    """Open a page; give it with the console errors and the requests that left this machine."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light")
    errors: list[str] = []
    outside: list[str] = []

    def note(message: Any) -> None:
        asked_unbidden = message.location.get("url", "").endswith("/favicon.ico")  # by the browser, for a bare redirect
        if message.type == "error" and not asked_unbidden:
            errors.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: errors.append(str(error)))
    local = ("http://127.0.0.1", "file:", "data:", "blob:")
    page.on("request", lambda request: None if request.url.startswith(local) else outside.append(request.url))
    page.goto(url, wait_until="load")
    page.wait_for_timeout(300)
    return page, errors, outside


@pytest.mark.parametrize("path", PAGES, ids=named)
@pytest.mark.parametrize("scheme", ["http", "file"])
def test_pages_open_without_errors_or_outside_requests(browser: Any, address: str, path: Path, scheme: str) -> None:
    url = path.as_uri() if scheme == "file" else f"{address}/{path.relative_to(run.BOOK.pages)}"
    page, errors, outside = visit(browser, url)
    page.close()
    assert errors == []
    assert outside == []


@pytest.mark.parametrize("path", PAGES, ids=named)
@pytest.mark.parametrize("width", [390, 1280])
def test_no_page_is_wider_than_its_screen(browser: Any, address: str, path: Path, width: int) -> None:
    page, _, _ = visit(browser, f"{address}/{path.relative_to(run.BOOK.pages)}", width=width)
    needed = page.evaluate("document.documentElement.scrollWidth")
    page.close()
    assert needed <= width


def test_a_touched_picture_grows_on_a_phone_and_shrinks_again(browser: Any, address: str) -> None:
    page, _, _ = visit(browser, f"{address}/notebooks/04_adversarial_illusions.html", width=390)
    picture = page.locator("figure.picture img").first
    small = picture.bounding_box()["width"]
    picture.click()
    assert picture.bounding_box()["width"] > 2 * small
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    picture.click(position={"x": 20, "y": 20})
    assert picture.bounding_box()["width"] == small
    page.close()


@pytest.mark.parametrize("scheme", ["http", "file"])
def test_the_divider_answers_to_mouse_and_keyboard(browser: Any, address: str, scheme: str) -> None:
    path = run.BOOK.pages / "notebooks/05_android_dreams.html"
    page, errors, _ = visit(browser, path.as_uri() if scheme == "file" else f"{address}/notebooks/{path.name}")
    stage, after = page.locator(".divider-stage"), page.locator(".divider-after")
    stage.scroll_into_view_if_needed()
    assert stage.get_attribute("aria-valuenow") == "50"
    box = stage.bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.25, box["y"] + box["height"] / 2)
    assert stage.get_attribute("aria-valuenow") == "25"
    assert "25%" in after.evaluate("image => image.style.clipPath")
    stage.press("End")
    assert stage.get_attribute("aria-valuenow") == "100"
    stage.press("ArrowLeft")
    assert stage.get_attribute("aria-valuenow") == "98"

    shown = after.get_attribute("src")
    page.locator(".divider-buttons button").first.click()
    assert page.locator(".divider-buttons button").first.get_attribute("aria-pressed") == "true"
    assert after.get_attribute("src") != shown
    shown = after.get_attribute("src")
    page.locator(".divider-controls input").press("ArrowLeft")
    assert after.get_attribute("src") != shown
    assert after.evaluate("image => image.naturalWidth") > 100
    page.close()
    assert errors == []


# Where the mouse takes hold of each kind of figure, and which part answers to which key.
HANDLES = {
    "divider": (".divider-stage", ".divider-stage", "ArrowLeft"),
    "flipbook": ("img", "input", "ArrowRight"),
    "kinks": (".kinks-stage", ".kinks-corner", "ArrowUp"),
    "masks": (".masks-neuron", ".masks-neuron", "Space"),
    "message": (".message-stage", ".message-stage", "ArrowRight"),
    "patchwork": (".patchwork-stage", ".patchwork-stage", "ArrowRight"),
    "quiz": ("button", "button:not([disabled]) >> nth=-1", "Enter"),
}
CHAPTERS = [path for path in PAGES if path.parent.name == "notebooks"]
NOTEBOOKS = [path for path in PAGES if "notebooks" in path.parts]


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
@pytest.mark.parametrize("scheme", ["http", "file"])
def test_every_explorable_answers_to_mouse_and_keyboard(browser: Any, address: str, path: Path, scheme: str) -> None:
    page, errors, _ = visit(browser, path.as_uri() if scheme == "file" else f"{address}/notebooks/{path.name}")
    figures = page.locator(".explorable")
    kinds = [next(k for k in HANDLES if k in figure.get_attribute("class").split()) for figure in figures.all()]
    assert "quiz" in kinds
    assert len(kinds) >= 2
    for figure, kind in zip(figures.all(), kinds, strict=True):
        mouse, keyboard, key = HANDLES[kind]
        before = figure.inner_html()
        handle = figure.locator(mouse).first
        box = handle.bounding_box()
        place = {"x": box["width"] * 0.8, "y": box["height"] * 0.55}
        handle.click(position=place)  # waits until the page, with its formulas and pictures, stands still
        after = figure.inner_html()
        assert after != before, f"{kind} does not answer to the mouse"
        figure.locator(keyboard).first.press(key)
        assert figure.inner_html() != after, f"{kind} does not answer to the keyboard"
    page.close()
    assert errors == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=named)
def test_no_formula_or_code_runs_off_the_page(browser: Any, address: str, path: Path) -> None:
    page, _, _ = visit(browser, f"{address}/{path.relative_to(run.BOOK.pages)}")
    if page.locator(".math").count():
        page.wait_for_selector("mjx-container", state="attached", timeout=20_000)
    page.wait_for_timeout(1000)
    wide = page.eval_on_selector_all(
        ".bd-article .cell_input pre, .bd-article div.math mjx-container",
        "all => all.filter(one => one.scrollWidth > one.clientWidth + 1).map(one => one.innerText.slice(0, 80))",
    )
    page.close()
    assert wide == []


def test_tables_made_by_cells_are_tables(parsed: dict[Path, Page]) -> None:
    for path in parsed:
        assert not re.search(r"\|\s*:?-+:?\s*\|", re.sub(r"<pre.*?</pre>", "", path.read_text(), flags=re.DOTALL)), path


def test_search_finds_a_word_of_the_chapter(browser: Any, address: str) -> None:
    page, _, _ = visit(browser, f"{address}/search.html?q=dumbbell")
    page.wait_for_selector("#search-results li", timeout=10_000)
    assert "Android dreams" in page.locator("#search-results").inner_text()
    page.close()
