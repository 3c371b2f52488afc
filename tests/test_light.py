"""Pages that open quickly: pictures in files with their sizes, nothing unused, and a first view that is small."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
from fontTools.ttLib import TTFont
from PIL import Image

from book import light, run, trim
from book.browser import Quiet, served

PAGES = sorted(p for p in run.BOOK.pages.rglob("*.html") if "_static" not in p.parts)
CHAPTERS = [path for path in PAGES if path.parent.name == "notebooks"]
FIRST_VIEW = 1_500_000  # bytes, without compression on the way


def named(path: Path) -> str:
    return str(path.relative_to(run.BOOK.pages).with_suffix(""))


def picture(width: int, height: int, *, seed: int = 0) -> bytes:
    """A PNG that does not compress."""
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "PNG")
    return buffer.getvalue()


def data(content: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"


def test_pictures_lie_beside_the_page_with_their_sizes_and_only_the_first_comes_at_once(tmp_path: Path) -> None:
    first, second = picture(40, 30), picture(30, 40, seed=1)
    body = f'<p><img alt="a &gt; b" src="{data(first)}"></p><img alt="" src="{data(second)}"/><img src="{data(first)}">'
    page = light.lighten(body, tmp_path, "../")
    assert {file.read_bytes() for file in (tmp_path / "_images").iterdir()} == {first, second}
    one, two = (f"../_images/{hashlib.sha256(content).hexdigest()[:20]}.png" for content in (first, second))
    assert page == (
        f'<p><img alt="a &gt; b" src="{one}" width="40" height="30" decoding="async" fetchpriority="high"></p>'
        f'<img alt="" src="{two}" width="30" height="40" decoding="async" loading="lazy">'
        f'<img src="{one}" width="40" height="30" decoding="async" loading="lazy">'
    )


def test_the_pages_of_an_explorable_lie_there_too_and_its_script_is_left_alone(tmp_path: Path) -> None:
    frames = [picture(40, 40, seed=seed) for seed in range(3)]
    state = json.dumps({"frames": [[data(frame) for frame in frames]], "size": [40, 40], "says": "<img src='x'>"})
    page = light.lighten(f'<script type="module">const state = {state};</script>', tmp_path, "")
    kept = json.loads(re.findall(r"state = (.*?);</script>", page)[0])
    assert [(tmp_path / name).read_bytes() for name in kept["frames"][0]] == frames
    assert {name: kept[name] for name in ("size", "says")} == {"size": [40, 40], "says": "<img src='x'>"}


def test_a_small_picture_stays_and_one_from_elsewhere_is_measured(tmp_path: Path) -> None:
    small = picture(4, 5)
    assert len(small) < light.SMALL
    page = light.lighten(f'<img src="{data(small)}">', tmp_path, "")
    assert page == f'<img src="{data(small)}" width="4" height="5" decoding="async" fetchpriority="high">'
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "a b.png").write_bytes(picture(7, 9))
    found = light.lighten('<img src="_images/a%20b.png">', tmp_path, "", lambda _: tmp_path / "a b.png")
    assert 'width="7" height="9"' in found
    given = '<img src="x.png" width="3" height="4" loading="eager" decoding="sync" fetchpriority="low">'
    assert light.lighten(given, tmp_path, "") == given
    with pytest.raises(ValueError, match=r"no picture at x\.png"):
        light.lighten('<img src="x.png">', tmp_path, "")


def test_a_wide_picture_has_a_twin_for_phones_where_that_is_worth_it(tmp_path: Path) -> None:
    wide = picture(1600, 100)
    page = light.lighten(
        f'<img alt="" src="{data(wide)}"><img alt="" src="{data(picture(400, 400))}">', tmp_path, "../"
    )
    first, second = re.findall(r"<img[^>]*>", page)
    small, of_phones, whole, of_all = re.findall(r'srcset="\.\./(\S+) (\d+)w, \.\./(\S+) (\d+)w"', first)[0]
    assert (tmp_path / whole).read_bytes() == wide
    assert (of_phones, of_all) == ("800", "1600")
    with Image.open(tmp_path / small) as shown:
        assert shown.size == (800, 50)
    assert 'sizes="(max-width: 720px) 100vw, 1600px"' in first
    assert "srcset" not in second
    assert len(list((tmp_path / "_images").iterdir())) == 3


ICON = '{name}:[512,512,[{others}],"f0c9","M0 1.5C0 {{}} z"]'


def test_icons_that_no_page_shows_go_and_the_script_stays_a_script() -> None:
    bars, two_names, unused = (
        ICON.format(name=name, others=others)
        for name, others in (("bars", '"navicon"'), ('"magnifying-glass"', '128269,"search"'), ("zzz", ""))
    )
    script = f"var a={{{unused},{bars},{two_names},{unused}}},b={{{unused}}},c=1"
    lighter = trim.without_icons(script, {"fa-bars", "fa-search", "zzz"})
    assert lighter == f"var a={{{bars},{two_names}}},b={{}},c=1"
    if node := shutil.which("node"):
        asked = f"{lighter};console.log(Object.keys(a), Object.keys(b), c)"
        said = subprocess.run([node, "-e", asked], capture_output=True, text=True, check=True).stdout
        assert said == "[ 'bars', 'magnifying-glass' ] [] 1\n"


def test_so_do_rules_for_what_no_page_has() -> None:
    sheet = """.a{b:c}.gone,.a.gone .a{d:e}.gone,p>.a:not(.gone){f:g}@media print{.gone{h:i}}
        @media (min-width:1px){.gone{j:k}.a::before{content:",.{"}}@font-face{font-family:x}"""
    lighter = re.sub(r"\s+", "", trim.without_rules(sheet, {"a"}))
    kept = '@media(min-width:1px){.a::before{content:",.{"}}@font-face{font-family:x}'
    assert lighter == ".a{b:c}p>.a:not(.gone){f:g}" + kept


def test_icons_in_a_style_sheet_are_found_as_codes_and_as_themselves() -> None:
    sheet = '.a::before{content:"\\f05a"}.b::before{content:"\\e012 "}.c{color:#f0f1f2;content:"\\2605"}'
    assert trim.symbols(sheet) == trim.symbols(trim.without_rules(sheet, {"a", "b", "c"})) == {0xF05A, 0xE012}


def test_a_font_keeps_the_glyphs_that_are_shown() -> None:
    whole = Path(matplotlib.get_data_path(), "fonts/ttf/DejaVuSans.ttf").read_bytes()
    small = trim.subset(whole, {ord("a"), ord("★")})
    assert len(small) < len(whole) / 20
    assert {*TTFont(io.BytesIO(small)).getBestCmap()} == {ord("a"), ord("★")}


def test_the_index_of_the_search_is_loaded_where_one_searches(tmp_path: Path) -> None:
    names = ("_static/documentation_options", "_static/a", "searchindex")
    scripts = "".join(f'<script src="../{name}.js?v=1"></script>\n' for name in names)
    thebe = '<script>const THEBE_JS_URL = "x"; const y = 1;</script>\n<script async src="sphinx-thebe.js"></script>\n'
    for name in ("search", "other"):
        (tmp_path / f"{name}.html").write_text(f"{thebe}{scripts}{thebe}")
    trim.trim(tmp_path)
    assert (tmp_path / "search.html").read_text() == scripts
    first, second, _ = scripts.splitlines(keepends=True)
    assert (tmp_path / "other.html").read_text() == first + second.replace("<script src", "<script defer src")


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_every_image_has_its_size_its_file_and_waits_its_turn(path: Path) -> None:
    page = re.sub(r"<script\b.*?</script>", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    images = re.findall(r"<img\b[^>]*>", page)
    for place, tag in enumerate(images):
        given = dict(re.findall(r'\s([\w-]+)="([^"]*)"', tag))
        assert given["width"].isdecimal(), tag[:300]
        assert given["height"].isdecimal(), tag[:300]
        assert ("loading" in given) == (place > 0), tag[:300]
        if not given["src"].startswith("data:"):
            with Image.open(path.parent / given["src"]) as shown:
                assert abs(shown.width * int(given["height"]) - shown.height * int(given["width"])) <= shown.width


@pytest.fixture
def counted() -> Iterator[tuple[str, dict[str, int]]]:
    """The address of the pages, and how many bytes of each file were asked for there."""
    sent: dict[str, int] = {}

    class Counting(Quiet):
        def copyfile(self, source: Any, outputfile: Any) -> None:
            content = source.read()
            sent[self.path] = len(content)
            outputfile.write(content)

    with served(run.BOOK.pages, Counting) as address:
        yield address, sent


@pytest.mark.parametrize("path", CHAPTERS, ids=named)
def test_the_first_view_of_a_chapter_is_light(browser: Any, counted: Any, path: Path) -> None:
    address, sent = counted
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(f"{address}/notebooks/{path.name}", wait_until="networkidle")
    page.wait_for_timeout(500)
    page.close()
    assert f"/notebooks/{path.name}" in sent
    assert sum(sent.values()) <= FIRST_VIEW, sorted(sent.items(), key=lambda one: -one[1])[:12]


@pytest.mark.parametrize("scheme", ["http", "file"])
@pytest.mark.book
def test_the_pages_of_an_explorable_come_once_it_is_used(browser: Any, counted: Any, scheme: str) -> None:
    address, _ = counted
    path = run.BOOK.pages / "notebooks/05_android_dreams.html"
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
    page.goto(path.as_uri() if scheme == "file" else f"{address}/notebooks/{path.name}", wait_until="networkidle")
    script = re.findall(r"<script type=\"module\">.*?</script>", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    frames = next({*found} for one in script if "divider" in one and (found := re.findall(r"_images/([\w.]+)", one)))
    assert len(frames) > 4
    stage = page.locator(".divider-stage")
    before = frames & set(asked)
    stage.scroll_into_view_if_needed()
    stage.evaluate("stage => Promise.all([...stage.querySelectorAll('img')].map((one) => one.decode()))")
    assert len(before) <= len(frames & set(asked)) == 2
    stage.hover()
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(500)
    page.close()
    assert frames <= set(asked)
