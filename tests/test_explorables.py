"""Interactive figures: as a widget, and as HTML that needs neither kernel nor network."""

from __future__ import annotations

import base64
import html.parser
import io
import json
import re

import numpy as np
import pytest
import torch
from cells import written
from PIL import Image
from torch import nn

from helpers import images
from helpers.explorables import (
    Divider,
    Explorable,
    Flipbook,
    Kinks,
    Masks,
    Message,
    Patchwork,
    Question,
    Quiz,
    base,
)

NASTY = '</script><b title="x">&'


class Page(html.parser.HTMLParser):
    """Every element with its attributes, and the text inside of script elements."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.scripts, self.inside = [], [], False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag == "script":
            self.inside = True
            self.scripts.append("")

    def handle_endtag(self, tag):
        if tag == "script":
            self.inside = False

    def handle_data(self, data):
        if self.inside:
            self.scripts[-1] += data


def state_of(page):
    """The state that the static figure starts with."""
    return json.loads(re.search(r"const state = (.*);\n", page).group(1))


@pytest.fixture
def divider(photo):
    return Divider(
        photo,
        {"relu1": [photo, 1 - photo], "relu2": [photo.flip(2), photo.flip(3)]},
        columns=["weak", "strong"],
        label="A cat before and after",
        row=1,
    )


def test_the_html_is_one_figure_one_style_and_one_script(divider):
    page = Page(divider.html())
    assert [tag for tag, _ in page.elements] == ["div", "style", "script"]
    assert page.elements[0][1]["aria-label"] == "A cat before and after"
    assert page.elements[0][1]["id"] in page.scripts[0]
    assert page.elements[2][1] == {"type": "module"}


def test_the_html_needs_nothing_from_outside(divider):
    text = divider.html()
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")  # a name, not an address
    assert "url(" not in text
    assert not re.search(r"""\b(import|from)\s*\(?["']""", text)
    assert all(not {"src", "href"} & set(attributes) for _, attributes in Page(text).elements)
    state = state_of(text)
    urls = [state["original"], *(url for row in state["frames"] for url in row)]
    assert len(urls) == 5
    assert all(url.startswith("data:image/webp;base64,") for url in urls)


def test_the_html_holds_the_widgets_own_module_and_style(divider):
    script = Page(divider.html()).scripts[0]
    module = json.loads(re.search(r"new Blob\(\[(.*)\], \{", script).group(1))
    parts = [(base.FOLDER / name).read_text(encoding="utf-8") for name in ("dom.js", "divider.js")]
    assert module.startswith(parts[0])
    assert module.endswith(parts[1])
    assert (base.FOLDER / "divider.css").read_text(encoding="utf-8") in divider.html()


def test_each_rendering_has_an_id_of_its_own(divider):
    ids = [Page(divider.html()).elements[0][1]["id"] for _ in range(3)]
    assert len(set(ids)) == 3
    assert all(re.fullmatch(r"[a-z][a-z0-9-]*", id_) for id_ in ids)


def test_the_state_comes_back_from_the_html(divider, photo):
    divider.position = 0.25
    state = state_of(divider.html())
    assert {key: state[key] for key in ("rows", "columns", "names", "size", "row", "column", "position")} == {
        "rows": ["relu1", "relu2"],
        "columns": ["weak", "strong"],
        "names": ["layer", "strength"],
        "size": [64, 64],
        "row": 1,
        "column": 0,
        "position": 0.25,
    }
    assert not any(name.startswith("_") for name in state)
    for url, pixels in ((state["original"], photo), (state["frames"][0][1], 1 - photo)):
        with Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) as picture:
            difference = np.asarray(picture.convert("RGB"), float) - np.asarray(images.to_pil(pixels), float)
        assert np.abs(difference).mean() < 8


def test_a_script_end_in_the_state_does_not_end_the_script(photo):
    divider = Divider(photo, {NASTY: [photo]}, columns=[NASTY], label="A cat")
    page = Page(divider.html())
    assert [tag for tag, _ in page.elements] == ["div", "style", "script"]
    assert "</script" not in page.scripts[0]
    assert state_of(page.scripts[0])["rows"] == [NASTY]
    assert state_of(page.scripts[0])["columns"] == [NASTY]


def test_a_label_is_escaped(photo):
    page = Page(Divider(photo, {"a": [photo]}, columns=["b"], label=NASTY).html())
    assert [tag for tag, _ in page.elements] == ["div", "style", "script"]
    assert page.elements[0][1]["aria-label"] == NASTY


def test_a_notebook_gets_the_widget_and_the_html(divider):
    bundle = divider._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == divider.model_id
    assert Page(data["text/html"]).elements[0][0] == "div"
    assert data["text/plain"] == "A cat before and after"


@pytest.mark.parametrize(
    ("results", "message"),
    [({"a": 1, "b": 2}, r"row 'a' has 1 pictures for 2 columns"), ({"a": 2, "b": 3}, r"row 'b' has 3 pictures for 2")],
)
def test_a_row_with_too_few_or_too_many_pictures_is_named(photo, results, message):
    results = {name: [photo] * count for name, count in results.items()}
    with pytest.raises(ValueError, match=message):
        Divider(photo, results, columns=["weak", "strong"], label="A cat")


@pytest.mark.parametrize(("rows", "columns"), [([], ["weak"]), (["a"], []), ([], [])])
def test_a_table_without_results_is_refused(photo, rows, columns):
    with pytest.raises(ValueError, match="at least one row and one column"):
        Divider(photo, {name: [photo] * len(columns) for name in rows}, columns=columns, label="A cat")


@pytest.mark.parametrize("place", [{"row": 1}, {"row": -1}, {"column": 2}, {"column": -1}])
def test_a_place_outside_of_the_table_is_refused(photo, place):
    with pytest.raises(ValueError, match=r"row .*, column .* is outside of 1 rows, 2 columns"):
        Divider(photo, {"a": [photo, photo]}, columns=["weak", "strong"], label="A cat", **place)


def test_a_result_of_another_size_is_named(photo):
    with pytest.raises(ValueError, match=r"row 'b' has a picture of shape \(1, 3, 64, 32\)"):
        Divider(photo, {"a": [photo], "b": [photo[..., :32]]}, columns=["weak"], label="A cat")


def test_a_result_that_is_no_image_is_refused(photo):
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        Divider(photo, {"a": [photo * 2]}, columns=["b"], label="A cat")


def test_explorables_are_widgets_in_sync(divider):
    assert isinstance(divider, Explorable)
    changes = []
    divider.observe(lambda change: changes.append((change["name"], change["new"])), names=["row", "position"])
    divider.row, divider.position = 0, 0.75
    assert changes == [("row", 0), ("position", 0.75)]


def test_a_message_starts_where_it_is_told_to():
    state = state_of(Message(sum=-2.5, layers=30, weight=4).html())
    assert (state["sum"], state["layers"], state["weight"]) == (-2.5, 30, 4)
    assert state["limits"] == {"sum": [-8, 8], "layers": [1, 30], "weight": [0.5, 4]}
    page = Page(Message().html())
    assert [tag for tag, _ in page.elements] == ["div", "style", "script"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sum": 9}, "sum is 9; it must be from -8 to 8"),
        ({"layers": 0}, "layers is 0; .* from 1 to 30"),
        ({"weight": 5}, "weight is 5; .* from 0.5 to 4"),
    ],
)
def test_a_message_out_of_reach_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Message(**settings)


def opened(browser, figure, part):
    """A page with one figure, ready to be used."""
    page = browser.new_page()
    page.set_content(figure.html())
    page.wait_for_selector(part, state="attached")
    return page


def test_kinks_is_a_sum_of_relus(browser):
    tent = torch.tensor([0.0, 0.5, 1.0, 0.5, 0.0])
    page = opened(browser, Kinks(tent, neurons=2, label="A tent"), ".kinks-corner")
    said, gap = page.locator(".kinks-said"), page.locator(".kinks-controls strong")
    assert said.inner_text() == "output = 0.00 + 2.00 relu(x) − 4.00 relu(x − 0.50)"
    assert gap.inner_text() == "largest gap 0.00"
    top = page.locator(".kinks-corner >> nth=1")
    for _ in range(25):
        top.press("ArrowDown")  # by 0.02: to half the height
    assert said.inner_text() == "output = 0.00 + 1.00 relu(x) − 2.00 relu(x − 0.50)"
    assert gap.inner_text() == "largest gap 0.50"
    top.press("ArrowLeft")
    top.press("Shift+ArrowRight")
    assert top.get_attribute("aria-valuetext") == "at 0.48, height 0.50"
    page.locator(".kinks-corner >> nth=2").press("ArrowLeft")  # an end only rises and falls
    assert page.locator(".kinks-corner >> nth=2").get_attribute("aria-valuetext") == "at 1.00, height 0.00"
    page.close()


def test_kinks_moves_the_corner_under_the_pointer_and_stops_at_its_neighbor(browser):
    page = opened(browser, Kinks(torch.tensor([0.5, 0.5]), neurons=4, label="A level line"), ".kinks-corner")
    box = page.locator(".kinks-stage").bounding_box()
    scale = box["width"] / 640

    def at(x, y):
        return box["x"] + 640 * x * scale, box["y"] + (12 + 240 * (1 - y)) * scale

    page.mouse.move(*at(0.5, 0.5))
    page.mouse.down()
    page.mouse.move(*at(0.9, 0.8), steps=5)  # past the next corner, at 0.75
    page.mouse.up()
    places = page.locator(".kinks-corner").evaluate_all("all => all.map(one => one.getAttribute('aria-valuetext'))")
    assert places == [
        "at 0.00, height 0.50",
        "at 0.25, height 0.50",
        "at 0.73, height 0.80",
        "at 0.75, height 0.50",
        "at 1.00, height 0.50",
    ]
    page.close()


def test_the_hills_of_chapter_2_want_corners_in_the_right_places(browser):
    hills = written("02_relu_patchworks", "place", "hills", torch=torch)["hills"]
    x = np.linspace(0, 1, len(hills))

    def gap(corners):
        return np.abs(np.interp(x, corners, np.interp(corners, x, hills)) - hills.numpy()).max()

    assert gap([0, 0.11, 0.27, 0.44, 0.7, 1]) < 0.1  # five neurons, laid by eye
    even = [gap(np.linspace(0, 1, n + 1)) for n in range(1, 12)]
    assert min(even[:10]) > 0.1 > even[10]  # eleven at equal distances
    page = opened(browser, Kinks(hills, neurons=11, label="Hills"), ".kinks-corner")
    assert page.locator(".kinks-controls strong").inner_text() == f"largest gap {even[10]:.2f}"
    page.close()


@pytest.mark.parametrize(
    ("curve", "neurons", "message"),
    [
        ([0.5], 4, r"the curve has shape \(1,\); it must be \(N,\), N > 1, with heights from 0 to 1"),
        ([[0.5, 0.5]], 4, r"shape \(1, 2\)"),
        ([0.5, 1.5], 4, "heights from 0 to 1"),
        ([0.5, float("nan")], 4, "heights from 0 to 1"),
        ([0.5, 0.5], 0, "neurons is 0; it must be from 1 to 12"),
        ([0.5, 0.5], 13, "neurons is 13"),
    ],
)
def test_kinks_refuses_what_it_cannot_draw(curve, neurons, message):
    with pytest.raises(ValueError, match=message):
        Kinks(torch.tensor(curve), neurons=neurons, label="A curve")


def test_a_quiz_holds_every_answer_with_its_reason_in_a_fixed_order():
    questions = [Question("2 + 2?", "4", "Two pairs.", {"5": "One too many.", "22": "That is a string."})]
    quiz, again = Quiz(questions), Quiz(questions)
    state = state_of(quiz.html())
    assert state["chosen"] == [-1]
    assert state["questions"] == again.questions
    answers = {a["text"]: (a["right"], a["why"]) for a in state["questions"][0]["answers"]}
    assert answers == {"4": (True, "Two pairs."), "5": (False, "One too many."), "22": (False, "That is a string.")}


def test_the_right_answers_of_a_quiz_take_every_place_equally_often():
    questions = [Question(f"{n}?", "yes", "So it is.", {"no": "Not so.", "perhaps": "Surely."}) for n in range(6)]
    places = [[a["right"] for a in question["answers"]].index(True) for question in Quiz(questions).questions]
    assert sorted(places) == [0, 0, 1, 1, 2, 2]
    assert places != [0, 1, 2, 0, 1, 2]


def test_a_quiz_without_questions_or_without_a_wrong_answer():
    with pytest.raises(ValueError, match="at least one question"):
        Quiz([])
    with pytest.raises(ValueError, match="needs a wrong answer too: '2"):
        Quiz([Question("2 + 2?", "4", "Two pairs.", {})])


@pytest.fixture
def small_network():
    return nn.Sequential(nn.Linear(4, 3), nn.Sequential(nn.Tanh(), nn.Dropout(0.25)), nn.Linear(3, 2))


def test_masks_carries_the_weights_and_the_pictures(small_network):
    state = state_of(Masks(small_network, torch.tensor([[0, 0.5, 1, 0.25]]), label="A network").html())
    assert state["pictures"] == [[0, 0.5, 1, 0.25]]
    assert (state["p"], state["chosen"], state["mean"]) == (0.25, 0, "geometric")
    for layer, linear in zip(state["layers"], (small_network[0], small_network[2]), strict=True):
        assert np.allclose(layer["weight"], linear.weight.detach(), atol=6e-5)
        assert np.allclose(layer["bias"], linear.bias.detach(), atol=6e-5)


def test_patchwork_carries_networks_polygons_and_colors():
    network = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    polygon = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.123456, 1.0]], dtype=torch.float64)
    states = {name: (network, [polygon], np.array([[1.0, 0.5, 0.0]])) for name in ("before", NASTY)}
    figure = Patchwork(states, bounds=(0, 1, 0, 1), label="A patchwork", start=(0.5, 0.25))
    state = state_of(Page(figure.html()).scripts[0])
    assert (state["bounds"], state["point"], state["chosen"]) == ([0, 1, 0, 1], [0.5, 0.25], 1)
    assert [one["name"] for one in state["states"]] == ["before", NASTY]
    for one in state["states"]:
        assert one["polygons"] == [[0, 0, 1, 0, 0.1235, 1]]
        assert one["colors"] == ["#ff8000"]
        for layer, linear in zip(one["layers"], network[::2], strict=True):
            assert torch.equal(torch.tensor(layer["weight"]), linear.weight)
            assert torch.equal(torch.tensor(layer["bias"]), linear.bias)


def test_patchwork_draws_the_line_on_which_the_output_is_zero(browser):
    network = nn.Sequential(nn.Linear(2, 1), nn.ReLU(), nn.Linear(1, 1))  # relu(x) - 0.25: zero at x = 0.25
    values = [[1.0, 0.0]], [0.0], [[1.0]], [-0.25]
    for parameter, value in zip(network.parameters(), values, strict=True):
        parameter.data = torch.tensor(value)
    halves = torch.tensor([[[-1.0, -1], [0, -1], [0, 1], [-1, 1]], [[0, -1], [1, -1], [1, 1], [0, 1]]])
    states = {"the network": (network, list(halves), np.ones((2, 3)))}
    figure = Patchwork(states, bounds=(-1, 1, -1, 1), label="Two patches", start=(0.5, 0.5))
    page = opened(browser, figure, ".patchwork-zero")
    assert page.locator(".patchwork-zero").get_attribute("d") == "M250.00,400.00L250.00,0.00"  # of 400 by 400
    page.close()


def test_patchwork_refuses_networks_that_it_cannot_draw():
    network = nn.Sequential(nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 2))
    with pytest.raises(ValueError, match=r"'after' has 3 inputs and 2 outputs; .* two inputs and one output"):
        Patchwork({"after": (network, [], np.zeros((0, 3)))}, bounds=(0, 1, 0, 1), label="A patchwork", start=(0, 0))


def test_masks_refuses_what_it_cannot_draw(small_network):
    pictures = torch.zeros(2, 4)
    with pytest.raises(ValueError, match="is Linear, ReLU, Linear; it must be Linear, Tanh, Dropout, Linear"):
        Masks(nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2)), pictures, label="A network")
    wide = nn.Sequential(nn.Linear(4, 17), nn.Tanh(), nn.Dropout(0.5), nn.Linear(17, 2))
    with pytest.raises(ValueError, match="17 hidden neurons and 4 pixels; up to 16 neurons"):
        Masks(wide, pictures, label="A network")
    with pytest.raises(ValueError, match=r"3 hidden neurons and 5 pixels; .* pictures must be square"):
        Masks(small_network, torch.zeros(2, 5), label="A network")


def pages(*grays):
    """One flat picture for each gray."""
    return torch.tensor(grays).reshape(-1, 1, 1, 1).expand(-1, 3, 8, 16)


def gray_of(url):
    """The mean gray of a picture in a data URL, from 0 to 1."""
    with Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) as picture:
        return np.asarray(picture.convert("RGB"), float).mean() / 255


def test_a_flipbook_keeps_its_pages_in_order_and_its_bars_beside_them():
    book = Flipbook(
        dials={"layer": ["low", "high"], "strength": ["none", "half", "full"]},
        panels={"picture": pages(0.0, 0.2, 0.4, 0.6, 0.8, 1.0)},
        bars=[[("cat", k / 8), ("dog", 0.0)] for k in range(6)],
        label="Six pages",
        start=(1, 2),
    )
    state = state_of(book.html())
    assert state["dials"] == [["layer", ["low", "high"]], ["strength", ["none", "half", "full"]]]
    ((title, urls),) = state["panels"]
    assert title == "picture"
    assert [gray_of(url) for url in urls] == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1], abs=0.01)
    assert state["bars"][3] == [["cat", 0.375], ["dog", 0.0]]
    assert (state["ratio"], state["stops"]) == (2.0, [1, 2])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"dials": {}}, "0 sliders and 1 panels; one or two sliders and a panel are needed"),
        ({"dials": {"a": []}}, "one or two sliders and a panel are needed"),
        ({"panels": {}}, "1 sliders and 0 panels"),
        ({"panels": {"b": pages(0.0, 1.0)}}, "panel 'b' has 2 pages for 3 positions of the sliders"),
        ({"bars": [[("cat", 1.0)]]}, "the list of bars has 1 pages for 3"),
        ({"panels": {"b": pages(0.0, 0.5, 1.0), "c": pages(0.0, 0.5, 1.0).mT}}, "panels differ in shape"),
        ({"start": (3,)}, r"start \(3,\) is no position of sliders with \[3\] stops"),
        ({"start": (0, 0)}, "is no position"),
    ],
)
def test_a_flipbook_that_does_not_add_up_is_refused(changed, message):
    settings = {"dials": {"a": ["1", "2", "3"]}, "panels": {"b": pages(0.0, 0.5, 1.0)}, "label": "A book"}
    with pytest.raises(ValueError, match=message):
        Flipbook(**settings | changed)
