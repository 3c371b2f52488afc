"""Figures: dressed for every reader, drawn at one scale, and never through pyplot."""

from __future__ import annotations

import base64
import html.parser
import io
import json
import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image

from helpers import figure, images, patchwork, plots, training
from helpers.plots import shading

TOP = [("Egyptian cat", 0.6), ("tabby", 0.3), ("tiger cat", 0.1)]


def drawn(figure):
    """The figure as pixels: it can be drawn, without a warning, and is not blank."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=50)
    pixels = np.asarray(Image.open(buffer).convert("RGB"))
    assert pixels.std() > 1
    return pixels


def texts(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts]


class Tags(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))


# --- show -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", ["caption", "alt"])
def test_a_picture_needs_a_caption_and_an_alternative_text(photo, missing):
    texts = {"caption": "A cat.", "alt": "A cat looks at us.", missing: ""}
    with pytest.raises(ValueError, match=r"figure 5\.3 needs a caption and an alternative text, or both in the Mark"):
        plots.show(photo, "5.3", **texts)


def test_a_picture_is_shown_as_a_webp_with_number_caption_and_escaped_alternative_text(photo):
    alt = 'A "cat" & <b>no dog</b>'
    picture = plots.show(photo, "5.3", caption="A <em>cat</em>.", alt=alt)
    shown = picture.html()
    tags = dict(Tags(shown).found)
    assert [tag for tag, _ in Tags(shown).found] == ["figure", "img", "figcaption", "b", "em"]
    assert tags["img"]["alt"] == alt
    assert tags["figure"]["id"] == "figure-5-3"
    assert "<b>Figure 5.3.</b> A <em>cat</em>." in shown
    kind, _, data = tags["img"]["src"].partition(";base64,")
    assert kind == "data:image/webp"
    with Image.open(io.BytesIO(base64.b64decode(data))) as decoded:
        assert decoded.format == "WEBP"
        assert decoded.size == (64, 64)
        difference = np.abs(np.asarray(decoded.convert("RGB"), float) - np.asarray(images.to_pil(photo), float))
        assert difference.mean() < 8


def test_a_figure_is_shown_as_a_webp_of_its_width():
    figure = plots.lines({"a": ([0, 1], [0, 1])}, x="x", y="y")
    with Image.open(io.BytesIO(plots.show(figure, "1.1", caption="A line.", alt="It rises.").content)) as decoded:
        assert decoded.format == "WEBP"
        assert decoded.width == pytest.approx(220 * plots.WIDTH, rel=0.1)


def test_a_picture_file_is_shown_as_it_is(tmp_path, photo):
    images.animate([photo, 1 - photo], tmp_path / "x.webp")
    picture = plots.show(tmp_path / "x.webp", "5.9", caption="It moves.", alt="A cat, then its negative.")
    assert picture.content == (tmp_path / "x.webp").read_bytes()
    assert picture.kind == "webp"


def test_a_jpeg_file_is_shown_with_the_type_that_browsers_know(tmp_path, photo):
    images.save(photo, tmp_path / "x.jpg")
    shown = plots.show(tmp_path / "x.jpg", "5.9", caption="A cat.", alt="A cat.").html()
    assert "data:image/jpeg;base64," in shown


def test_a_notebook_gets_the_html_and_a_record_from_which_the_picture_can_be_made_again(photo):
    picture = plots.show(photo, "5.3", caption="A <em>cat</em>, off by 2e-07.", alt='A "cat" & <b>no dog</b>')
    bundle = json.loads(json.dumps(picture._repr_mimebundle_()))
    assert set(bundle) == {"text/html", "text/plain", "application/vnd.under-the-hood.figure+json"}
    record = bundle[figure.MIME]
    start, stop = record.pop("span")
    assert record == {
        "number": "5.3",
        "caption": "A <em>cat</em>, off by 2 × 10⁻⁷.",
        "alt": 'A "cat" & <b>no dog</b>',
        "kind": "webp",
    }
    assert base64.b64decode(bundle["text/html"][start:stop]) == picture.content
    assert figure.Picture.of(picture._repr_mimebundle_()) == picture
    in_a_file = {**picture._repr_mimebundle_(), "text/html": picture.html().splitlines(keepends=True)}
    assert figure.Picture.of(in_a_file) == picture


def test_the_record_finds_the_picture_though_the_words_hold_the_same_letters():
    picture = figure.Picture("1.1", "caption ;base64,AAAA", "alt ;base64,AAAA", b"\0\0\0", "png")
    assert figure.Picture.of(picture._repr_mimebundle_()) == picture


def test_a_number_of_any_letters_is_shown_as_it_is():
    shown = figure.Picture('4.2 <b>"', "A caption.", "An alternative.", b"x", "png").html()
    assert 'id="figure-4-2-b-"' in shown
    assert "Figure 4.2 &lt;b&gt;&quot;." in shown


def test_a_caption_keeps_its_colors(photo):
    caption = '<b style="color:#009e73">x</b>'
    assert plots.show(photo, "5.3", caption=caption, alt="A cat.").caption == caption


# --- Figures ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("titles", [(), ("a", "b\nb", "c", "d")])
def test_strip_draws_every_picture_at_the_same_scale(noise, titles):
    sizes = [(40, 60), (64, 32), (20, 20), (50, 90)]
    figure = plots.strip([noise(1, 3, h, w) for h, w in sizes], titles, columns=2)
    width, height = figure.get_size_inches()
    scales = []
    for axes, (h, w) in zip(figure.axes, sizes, strict=True):
        box = axes.get_position()
        scales += [box.width * width / w, box.height * height / h]
        assert axes.get_images()[0].get_array().shape == (h, w, 3)
        assert min(box.x0, box.y0) >= -1e-9
        assert max(box.x1, box.y1) <= 1 + 1e-9
    assert scales == pytest.approx([scales[0]] * 8, rel=1e-6)
    boxes = [axes.get_position() for axes in figure.axes]
    assert boxes[0].x1 < boxes[1].x0  # side by side,
    assert boxes[2].y1 < min(boxes[0].y0, boxes[1].y0)  # then the next row
    assert [axes.get_title(loc="left") for axes in figure.axes] == list(titles or [""] * 4)
    drawn(figure)


def test_strip_shows_the_pictures_themselves(photo):
    figure = plots.strip([photo, 1 - photo], smooth=False)
    for axes, pixels in zip(figure.axes, (photo, 1 - photo), strict=True):
        assert np.array_equal(axes.get_images()[0].get_array(), np.asarray(images.to_pil(pixels)))


def test_guesses_draws_a_bar_for_each_category_and_marks_the_highlighted(photo):
    figure = plots.guesses([photo, photo], [TOP, TOP[:2]], ["one", "two"], highlight=["tabby"])
    assert isinstance(figure, Figure)
    bars = figure.axes[2].patches
    assert sorted(bar.get_width() for bar in bars) == pytest.approx([0.1, 0.3, 0.6])
    colors = {bar.get_width(): bar.get_facecolor() for bar in bars}
    assert colors[0.6] == colors[0.1] != colors[0.3]
    assert {"Egyptian cat", "tabby", "tiger cat", "0.60", "0.30", "0.10"} == set(texts(figure)[: 2 * 3])
    assert len(figure.axes[3].patches) == 2
    drawn(figure)


def test_maps_draws_a_row_of_channels_for_each_layer(photo, noise):
    activations = {"early": noise(1, 6, 16, 16), "late": noise(1, 9, 8, 8)}
    figure = plots.maps(photo, activations, channels=3, titles={"late": "Late on"})
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert len(titles) == 6
    assert titles[0].startswith("early: channel ")
    assert titles[3].startswith("Late on: channel ")
    expected = [plots.strongest(values, 3) for values in activations.values()]
    assert [int(title.rpartition(" ")[2]) for title in titles] == expected[0] + expected[1]
    drawn(figure)


@pytest.mark.parametrize("log", [False, True])
def test_lines_draws_every_curve_and_names_it_at_its_end(log):
    curves = {f"curve {i}": ([1, 2, 3], [i, 2 * i, 3 * i]) for i in range(1, 7)}
    figure = plots.lines(curves, x="steps", y="score", log=log)
    axes = figure.axes[0]
    assert [line.get_ydata().tolist() for line in axes.lines] == [ys for _, ys in curves.values()]
    assert texts(figure) == list(curves)
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_yscale()) == ("steps", "score", "log" if log else "linear")
    assert len({line.get_color() for line in axes.lines}) == 6
    drawn(figure)


def test_a_curve_with_a_blank_name_is_drawn_and_not_named():
    figure = plots.lines({" ": ([0, 1], [0, 1]), "b": ([0, 1], [0, 1.01]), "  ": ([0, 1], [0, 1.02])}, x="x", y="y")
    axes = figure.axes[0]
    assert len(axes.lines) == 3
    assert [text.get_text() for text in axes.texts] == ["b"]
    assert axes.texts[0].xyann == pytest.approx((6, 0))  # nothing else to make room for
    assert axes.texts[0].get_color() == plots.COLORS[1]


def test_lines_drops_no_curve():
    curves = {f"curve {i}": ([1, 2], [i, i]) for i in range(8)}
    figure = plots.lines(curves, x="x", y="y")
    assert texts(figure) == list(curves)


def test_lines_draws_a_band_behind_the_curve_that_it_belongs_to():
    figure = plots.lines({"a": ([1, 2], [3, 4]), "b": ([1, 2], [5, 6])}, x="x", y="y", bands={"b": ([4, 4], [7, 9])})
    axes = figure.axes[0]
    (band,) = axes.collections
    corners = band.get_paths()[0].vertices
    assert (corners[:, 1].min(), corners[:, 1].max()) == (4, 9)
    assert tuple(band.get_facecolor()[0][:3]) == pytest.approx(mpl.colors.to_rgb(axes.lines[1].get_color()))
    drawn(figure)


def test_lines_names_the_places_of_a_logarithmic_axis_and_whole_numbers_of_a_counting_one():
    figure = plots.lines({"a": ([1, 4, 16], [3, 2, 1])}, x="x", y="y", log_x=True)
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["1", "4", "16"]
    drawn(figure)
    counting = plots.lines({"a": (range(18), range(18))}, x="x", y="y")
    drawn(counting)
    assert all(float(tick).is_integer() for tick in counting.axes[0].get_xticks())


def test_lines_draws_some_curves_as_single_dots():
    figure = plots.lines({"a": ([1, 2], [3, 4]), "b": ([1, 2], [5, 6])}, x="x", y="y", points=["b"])
    assert [(line.get_linestyle(), line.get_marker()) for line in figure.axes[0].lines] == [
        ("-", "None"),
        ("None", "o"),
    ]
    assert texts(figure) == ["a", "b"]


def test_the_names_of_dots_stand_to_the_right_of_all_dots():
    left, right = ([1, 1.9], [3, 4]), ([1, 2.1], [3, 1])
    figure = plots.lines({"left": left, "right": right}, x="x", y="y", points=["left", "right"])
    assert [name.xy for name in figure.axes[0].texts] == [(2.1, 4), (2.1, 1)]


def test_tracks_are_rows_over_one_axis_with_the_same_marks():
    rows = {"above": {"a": ([0, 1], [2, 3]), "b": ([0, 1], [3, 2])}, "below": {"c": ([0, 1], [5, 5])}}
    figure = plots.tracks(rows, x="way", marks=[0.25, 0.5])
    assert [axes.get_ylabel() for axes in figure.axes] == ["above", "below"]
    assert [axes.get_xlabel() for axes in figure.axes] == ["", "way"]
    assert texts(figure) == ["a", "b", "c"]
    for axes, curves in zip(figure.axes, rows.values(), strict=True):
        assert [line.get_xdata()[0] for line in axes.lines[:2]] == [0.25, 0.5]
        assert [line.get_ydata().tolist() for line in axes.lines[2:]] == [ys for _, ys in curves.values()]
    drawn(figure)


def test_functions_draws_each_above_its_slope_and_shades_where_it_is_flat():
    figure = plots.functions({"square": lambda z: z**2, "ReLU": torch.relu}, span=(-1, 2))
    above, below = figure.axes[:2], figure.axes[2:]
    assert [axes.get_title(loc="left") for axes in above] == ["square", "ReLU"]
    for axes, other, value, slope in zip(above, below, (2.25, 1.5), (3, 1), strict=True):
        curve, line = axes.lines[1], other.lines[1]
        assert np.interp(1.5, curve.get_xdata(), curve.get_ydata()) == pytest.approx(value, rel=1e-4)
        assert np.interp(1.5, line.get_xdata(), line.get_ydata()) == pytest.approx(slope, rel=1e-4)
    dark = np.concatenate([path.vertices for path in above[1].collections[0].get_paths()])
    assert (dark[:, 0].min(), dark[:, 0].max()) == pytest.approx((-1, 0), abs=0.01)
    drawn(figure)


def test_functions_are_drawn_to_one_scale_so_that_the_identity_rises_at_45_degrees():
    figure = plots.functions({"identity": lambda z: 1 * z, "ReLU": torch.relu})
    figure.draw_without_rendering()
    units = [np.diff(axes.transData.transform([(0, 0), (1, 1)]), axis=0)[0] for axes in figure.axes]
    assert np.allclose(units, units[0][0], rtol=1e-6)


def test_areas_draws_a_panel_for_each_curve_and_the_truth_in_all():
    curves = {"one": torch.tensor([0.0, 1, 0]), "two": torch.tensor([0.0, 2, 0]), "three": torch.tensor([0.0, 3, 0])}
    figure = plots.areas(curves, over=[0.0, 1, 2], truth=[0.0, 5, 0], columns=2)
    used = [axes for axes in figure.axes if axes.lines]
    assert [axes.get_title(loc="left") for axes in used] == list(curves)
    for axes, (name, values) in zip(used, curves.items(), strict=True):
        assert axes.collections[0].get_paths()[0].vertices[:, 1].max() == values.max(), name
        assert list(axes.lines[0].get_ydata()) == [0, 5, 0]
    drawn(figure)


@pytest.mark.parametrize("log", [False, True])
def test_heat_draws_all_tables_on_one_scale(log):
    tables = {"a": torch.tensor([[1.0, 10.0], [0.0, 2.0]]), "b": torch.tensor([[100.0, 3.0], [4.0, 5.0]])}
    figure = plots.heat(tables, x="x", y="y", bar="size", limits=(1, 100), log=log, numbers=True)
    panels = [axes for axes in figure.axes if axes.get_images()]
    assert {axes.get_images()[0].get_clim() for axes in panels} == {(1, 100)}
    assert texts(figure)[:3] == ["1", "10", "2"]
    assert panels[0].get_images()[0].origin == "lower"
    drawn(figure)


def test_heat_may_name_rows_and_columns():
    figure = plots.heat({"a": torch.eye(3)}, x="x", y="y", bar="size", ticks=["0", "1", "2"], colors="Blues")
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["0", "1", "2"]
    drawn(figure)


def test_heat_may_swing_from_blue_over_white_to_amber():
    figure = plots.heat({"a": torch.tensor([[-2.0, 0, 2.0]])}, x="x", y="y", bar="z", limits=(-4, 4), colors="seesaw")
    (image,) = figure.axes[0].get_images()
    for value, shade in ((-2, plots.BLUE), (0, plots.PAPER), (2, plots.ORANGE)):
        assert image.cmap(image.norm(value))[:3] == pytest.approx(mpl.colors.to_rgb(shade), abs=0.02)


def test_tint_is_white_at_zero_and_full_color_at_the_ends():
    picture = plots.tint(torch.tensor([[0.0, 1.0, -1.0, 7.0, float("nan")]]))
    images.check(picture)
    white, blue, red, beyond, nothing = picture[0, :, 0].T
    assert white.tolist() == [1, 1, 1]
    assert blue.tolist() == pytest.approx(mpl.colors.to_rgb(plots.BLUE))
    assert red.tolist() == pytest.approx(mpl.colors.to_rgb(plots.RED))
    assert torch.equal(beyond, blue)
    assert nothing.tolist() == pytest.approx([0.9] * 3)


def test_ink_is_dark_on_light():
    picture = plots.ink(torch.tensor([[0.0, 0.25, 1.0, 7.0]]))
    images.check(picture)
    for channel in picture[0]:
        assert channel.tolist() == [[1, 0.75, 0, 0]]


def test_dots_keep_to_the_limits():
    figure = plots.dots({"a": [0.2, 0.3]}, y="share", limits=(0, 1))
    assert figure.axes[0].get_ylim() == (0, 1)


def test_dots_may_lie_on_a_logarithmic_axis():
    figure = plots.dots({"a": [0.1, 100]}, y="ratio", log=True)
    assert figure.axes[0].get_yscale() == "log"
    drawn(figure)


def test_table_writes_every_number_and_frames_the_highest():
    axes = plots.table(torch.tensor([[1.0, 2.0, 9.5], [4.0, 3.0, 8.0]]), ["a", "b"], ["c", "d", "e"]).axes[0]
    assert texts(axes.figure) == ["1.0", "2.0", "9.5", "4.0", "3.0", "8.0"]
    assert axes.collections[0].get_array().flatten().tolist() == [0, 1, 5, 3, 2, 4]  # ranks
    assert axes.patches[0].get_xy() == (2, 0)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]
    assert axes.yaxis_inverted()
    drawn(axes.figure)


def test_scatter_draws_every_dot_in_the_color_of_its_name():
    groups = {"first": ([0, 1], [2, 3]), "second": ([4], [5])}
    figure = plots.scatter({"left": groups, "right": groups}, x="x", y="y", marks={"here": (1, 1)})
    for axes in figure.axes:
        dots, *_ = axes.collections
        colors = [mpl.colors.to_hex(color) for color in dots.get_facecolors()]
        found = {tuple(place): color for place, color in zip(dots.get_offsets().tolist(), colors, strict=True)}
        assert found == {(0, 2): plots.BLUE, (1, 3): plots.BLUE, (4, 5): plots.ORANGE}
        assert axes.lines[-1].get_xydata().tolist() == [[1, 1]]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["first", "second"]
    drawn(figure)


def test_scatter_draws_one_name_once_more_in_front_of_the_others():
    groups = {"many": ([0, 1], [2, 3]), "few": ([4], [5])}
    collections = plots.scatter({"": groups}, x="x", y="y", front="few").axes[0].collections
    assert [len(dots.get_offsets()) for dots in collections] == [3, 0, 0, 1, 0]  # all, then each name and its legend
    assert collections[3].get_offsets().tolist() == [[4, 5]]
    assert mpl.colors.to_hex(collections[3].get_facecolors()[0]) == plots.ORANGE


def test_dots_of_one_group_lie_side_by_side():
    a, b = plots.dots({"a": [1, 1, 1], "b": [2]}, y="y").axes[0].lines
    assert a.get_xdata().tolist() == pytest.approx([-0.12, 0, 0.12])
    assert b.get_xdata().tolist() == [1]


def test_a_linear_ladder_starts_at_zero_and_writes_its_numbers():
    axes = plots.ladder({"few": 2, "many": 118}, x="how many", log=False).axes[0]
    assert axes.get_xlim()[0] == 0
    assert [text.get_text() for text in axes.texts] == ["2", "118"]


def test_what_is_no_number_does_not_set_the_scale_of_heat():
    table = torch.tensor([[1.0, 3.0], [float("inf"), float("nan")]])
    figure = plots.heat({"a": table}, x="x", y="y", bar="z")
    assert figure.axes[0].get_images()[0].get_clim() == (1, 3)
    drawn(figure)


def test_heat_without_a_bar_has_no_scale():
    assert len(plots.heat({"": torch.tensor([[0.0, 1.0]])}, x="x", y="y", bar="").axes) == 1


@pytest.mark.parametrize(("number", "text"), [(0.125, "1/8"), (0.1, "0.1"), (1, "1"), (2048, "2048"), (0.03, "0.03")])
def test_numbers_along_a_logarithmic_axis_are_written_as_on_paper(number, text):
    axes = plots.lines({"a": ([0.03, 0.1, 0.125, 1, 2048], range(5))}, x="x", y="y", log_x=True).axes[0]
    assert axes.xaxis.get_major_formatter()(number) == text


def test_clouds_put_an_answer_at_the_mean_of_the_corners_and_color_it_by_truth(noise):
    answers = torch.tensor([[1.0, 0, 0, 0], [0, 0.75, 0, 0.25]])
    marks = {"o": [answers.mean(0)], "*": [torch.tensor([0, 0, 1.0, 0])]}
    axes = plots.clouds([answers], [noise(1, 3, 8, 8)], [0], marks=marks, columns=1).axes[0]
    dots = axes.collections[0]
    colors = [mpl.colors.to_hex(color) for color in dots.get_facecolors()]
    places = [tuple(round(number, 6) for number in place) for place in dots.get_offsets().tolist()]
    assert dict(zip(places, colors, strict=True)) == {(0, 1): plots.SKY, (0.5, 0): plots.ORANGE}
    ring, star = (line.get_xydata()[0].tolist() for line in axes.lines)
    assert ring == pytest.approx([0.25, 0.5], abs=1e-6)
    assert star == pytest.approx([0, -1], abs=1e-6)
    drawn(axes.figure)


def test_columns_drops_no_group():
    groups = {f"group {i}": [i + 1, i + 2] for i in range(8)}
    axes = plots.columns(groups, ["a", "b"], x="x", y="y").axes[0]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == list(groups)
    assert [bar.get_height() for bar in axes.patches] == [height for group in groups.values() for height in group]
    axes = plots.columns({"few": [1], "many": [2]}, ["a"], x="x", y="y", colors=(plots.SKY, plots.INK)).axes[0]
    assert [mpl.colors.to_hex(bar.get_facecolor()) for bar in axes.patches] == [plots.SKY, plots.INK]


def test_stacked_columns_stand_on_one_another():
    axes = plots.columns(
        {"dark": [1, 2], "lit": [3, 4], "clipped": [5, 6]}, ["a", "b"], x="x", y="y", stacked=True
    ).axes[0]
    assert [(bar.get_y(), bar.get_height()) for bar in axes.patches] == [(0, 1), (0, 2), (1, 3), (2, 4), (4, 5), (6, 6)]
    assert len({round(bar.get_x(), 6) for bar in axes.patches}) == 2
    drawn(axes.figure)


def test_a_ladder_has_a_row_for_each_number_from_the_top_down():
    axes = plots.ladder({"few": 10.0, "many": 1e80}, x="how many", highlight=["many"]).axes[0]
    assert axes.collections[-1].get_offsets().tolist() == [[10, 0], [1e80, 1]]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["few", "many"]
    assert axes.yaxis_inverted()
    colors = [mpl.colors.to_hex(color) for color in axes.collections[-1].get_facecolors()]
    assert colors == [plots.BLUE, plots.ORANGE]
    drawn(axes.figure)


# --- Chapter 1's messages ---------------------------------------------------------------------------------------------


def test_a_chain_hangs_a_bar_under_each_neuron_and_names_the_factors():
    figure = plots.chain({"sigmoid": [0.05, 0.2, 1.0], "ReLU": [1.0, 1.0, 1.0]}, colors=[plots.BLUE, plots.GREEN])
    first, second = figure.axes
    assert [bar.get_height() / -0.85 for bar in first.patches] == pytest.approx([0.05, 0.2, 1])
    assert [bar.get_height() / -0.85 for bar in second.patches] == pytest.approx([1, 1, 1])
    assert [text.get_text() for text in first.texts if "×" in text.get_text()] == ["× 0.25", "× 0.2"]
    drawn(figure)


def test_journeys_share_a_scale_and_dashed_curves_are_gray():
    curves = {"a": ([0, 1], [1, 1e-6]), "bound": ([0, 1], [1, 1e-3])}
    figure = plots.journeys({"one": curves, "two": {"a": ([0, 1], [1, 0.1])}}, x=["x", "z"], y="y", dashed=["bound"])
    one, two = figure.axes
    assert one.get_ylim() == two.get_ylim()
    assert [line.get_color() for line in one.lines] == [plots.BLUE, plots.GRAY]
    assert [axes.get_xlabel() for axes in figure.axes] == ["x", "z"]
    drawn(figure)


def test_sheets_lay_each_neurons_change_into_a_tile_of_its_own():
    change = torch.zeros(4, 4)
    change[1, 2] = 1  # the second neuron's third input: upper right tile, its lower left pixel
    pixels = np.asarray(plots.sheets({"": change}, scale=1, side=2).axes[0].images[0].get_array())
    where = np.argwhere(pixels[..., 2] > pixels[..., 0].astype(int) + 60)
    assert pixels.shape[:2] == (7, 7)
    assert where.tolist() == [[2, 4]]


def test_discs_are_clipped_to_a_circle_and_missing_ones_leave_a_gap():
    figure = plots.discs({"one": {"a": GRID / 4, "b": None}, "two": {"c": GRID / 4}}, titles=False)
    assert [len(axes.images) for axes in figure.axes] == [1, 0, 1, 0]
    assert figure.axes[0].images[0].get_clip_path() is not None
    assert [axes.get_title() for axes in figure.axes] == ["a", "", "", ""]
    drawn(figure)


# --- Names ------------------------------------------------------------------------------------------------------------

NASTY = ("Ba$$in", "_hidden $\\frac$ 100 % {x}", "two $\nlines $6 \\alpha^_")
NAMES = [NASTY[i:] + NASTY[:i] for i in range(len(NASTY))]
X = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
LINE = ([0.5, 1.0], [1.0, 2.0])
GRID = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
FACETS = patchwork.patches(training.mlp([2, 3, 1]), (0, 1, 0, 1))
FIGURES = {  # how each shows three names
    "strip": lambda a, b, c: plots.strip([X, X, X], [a, b, c]),
    "guesses": lambda a, b, c: plots.guesses([X], [[(a, 0.5), (b, 0.4)]], [c]),
    "twins": lambda a, b, c: plots.twins(X, 1 - X, [[(a, 0.5)], [(b, 0.4)]], titles=(c, "z")),
    "named": lambda a, b, c: plots.named([X, X], [[(a, 0.5)], [(b, 0.4)]], before=[c, "z"]),
    "walks": lambda a, b, c: plots.walks(X[0], [-X[0]], gap=1, gap_name=a + b, y=c),
    "maps": lambda a, b, c: plots.maps(X, {a: X, "z": X, "y": X}, channels=1, titles={"z": b, "y": c}),
    "lines": lambda a, b, c: plots.lines({a: LINE, b: LINE}, x=c, y="y"),
    "lines, log": lambda a, b, c: plots.lines({a: LINE, b: LINE}, x="x", y=c, log=True, log_x=True, points=[a]),
    "tracks": lambda a, b, c: plots.tracks({a: {b: LINE}}, x=c),
    "functions": lambda a, b, c: plots.functions({a: torch.sigmoid, b: torch.tanh}, x=c),
    "areas": lambda a, b, c: plots.areas({name: [0, 1] for name in (a, b, c)}, over=[0, 1], truth=[1, 0]),
    "heat": lambda a, b, c: plots.heat({a: GRID}, x=b, y="y", bar=c),
    "heat, log": lambda a, b, c: plots.heat({a: GRID}, x=c, y="y", bar="z", log=True, ticks=[a, b]),
    "dots": lambda a, b, c: plots.dots({a: [1, 2], b: [2, 3]}, y="y", baseline=(c, 1), log=True),
    "columns": lambda a, b, c: plots.columns({a: [1, 2], b: [3, 4]}, [c, "z"], x="x", y="y"),
    "columns, stacked": lambda a, b, c: plots.columns({a: [1], b: [3], c: [4]}, ["z"], x="x", y="y", stacked=True),
    "ladder": lambda a, b, c: plots.ladder({a: 2.0, b: 1e5}, x=c),
    "table": lambda a, b, c: plots.table(GRID, [a, b], [c, "z"]),
    "scatter": lambda a, b, c: plots.scatter({"": {a: LINE, b: LINE}}, x="x", y="y", marks={c: (1, 1)}),
    "scatter, panels": lambda a, b, c: plots.scatter({a: {b: LINE}, "z": {b: LINE, c: LINE}}, x="x", y="y"),
    "chain": lambda a, b, c: plots.chain({name: [0.5, 1.0] for name in (a, b, c)}),
    "journeys": lambda a, b, c: plots.journeys({a: {b: LINE}}, x=[c], y="y"),
    "sheets": lambda a, b, c: plots.sheets({name: torch.rand(4, 4) for name in (a, b, c)}, scale=1, side=2),
    "discs": lambda a, b, c: plots.discs({a: {b: GRID, c: GRID}}),
    "runs": lambda a, b, c: plots.runs({a: {b: GRID}}, over=[0, 1], x=c, y="y"),
    "neurons": lambda a, b, c: plots.neurons({a: GRID[0], b: GRID[1]}, label=[(0, c)]),
    "patchworks": lambda a, b, c: plots.patchworks(
        {n: plots.Dots(GRID, GRID[0]) for n in (a, b, c)}, bounds=(0, 5, 0, 5)
    ),
    "multiples": lambda a, b, c: plots.multiples({a: {b: LINE}}, x=c),
    "mosaic": lambda a, b, c: plots.mosaic({n: ([SQUARE], np.ones((1, 3))) for n in (a, b, c)}, bounds=(0, 1, 0, 1)),
}


@pytest.mark.parametrize("names", NAMES, ids=["1", "2", "3"])
@pytest.mark.parametrize("draw", FIGURES.values(), ids=FIGURES)
def test_names_are_shown_as_they_are(draw, names):
    figure = draw(*names)
    figure.draw_without_rendering()
    words = [text for text in figure.findobj(mpl.text.Text) if text.get_visible() and text.get_text()]
    assert not any(text.get_parse_math() and "$" in text.get_text() for text in words)
    for name in names:
        assert any(name in text.get_text() for text in words), name


def test_every_figure_function_has_its_names_tried():
    made = {name.partition(",")[0] for name in FIGURES}
    # these give pictures, colors and parts of figures, without words
    pictures = {"glow", "strongest", "ink", "tint", "compass", "relief", "terrain", "Dots", "Seams"}
    functions = {name for name in plots.__all__ if callable(getattr(plots, name))}
    assert functions - made - pictures == {"show", "blank", "clouds", "wiring", "demands"}  # without names


def test_two_categories_of_one_name_have_a_bar_each():
    bars = plots.guesses([X], [[("crane", 0.6), ("crane", 0.3)]]).axes[1].patches  # the bird and the machine
    assert [(bar.get_width(), bar.get_y() + bar.get_height() / 2) for bar in bars] == [(0.3, 0), (0.6, 1)]


def test_a_group_without_a_name_is_not_taken_for_the_one_in_front():
    collections = plots.scatter({"": {"": ([1], [2])}}, x="x", y="y").axes[0].collections
    assert [len(dots.get_offsets()) for dots in collections] == [1, 0, 0]


def test_a_name_has_one_color_in_all_panels_and_is_in_the_legend_wherever_it_occurs():
    panels = {"left": {"a": ([0], [0])}, "right": {"b": ([1], [1]), "a": ([2], [2])}}
    figure = plots.scatter(panels, x="x", y="y")
    dots = figure.axes[1].collections[0]
    colors = map(mpl.colors.to_hex, dots.get_facecolors())
    found = dict(zip(map(tuple, dots.get_offsets().tolist()), colors, strict=True))
    assert found == {(1, 1): plots.ORANGE, (2, 2): plots.BLUE}
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b"]


def test_scatter_draws_more_groups_than_there_are_colors():
    groups = {f"group {i}": ([i], [i]) for i in range(8)}
    dots = plots.scatter({"": groups}, x="x", y="y").axes[0].collections[0]
    assert len(dots.get_offsets()) == 8


def test_names_of_two_lines_do_not_lie_over_each_other():
    axes = plots.lines({"a\na": LINE, "b\nb": LINE, "c": LINE}, x="x", y="y").axes[0]
    assert [text.xyann[1] for text in axes.texts] == pytest.approx([0, 26, 45.5])  # 13 points a line, between middles


def test_a_logarithmic_axis_is_written_as_on_paper():
    axes = plots.lines({"a": ([1, 2], [1e-7, 1e3])}, x="x", y="y", log=True).axes[0]
    axes.figure.draw_without_rendering()
    assert {"10⁻⁷", "10⁻³", "10¹"} <= {label.get_text() for label in axes.get_yticklabels()}
    narrow = plots.dots({"a": [2, 5]}, y="y", log=True).axes[0]
    narrow.figure.draw_without_rendering()
    assert "3" in [label.get_text() for label in narrow.get_yticklabels(minor=True)]


# --- patchworks -------------------------------------------------------------------------------------------------------

SQUARE = torch.tensor([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
SLIVER = torch.tensor([[1.0, 0.0], [1.001, 0.0], [1.001, 1.0], [1.0, 1.0]])


def test_a_mosaic_fills_every_polygon_and_gives_slivers_thinner_seams():
    colors = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    panels = {"a": ([SQUARE, SLIVER], colors), "b": ([SQUARE], colors[:1]), "c": ([SLIVER], colors[1:])}
    figure = plots.mosaic(panels, bounds=(0, 2, 0, 1), columns=2)
    assert [axes.get_title(loc="center") for axes in figure.axes] == ["a", "b", "c", ""]
    fills, seams = figure.axes[0].collections
    assert fills.get_facecolor()[:, :3].tolist() == colors.tolist()
    assert [path.vertices[:4].tolist() for path in fills.get_paths()] == [SQUARE.tolist(), SLIVER.tolist()]
    wide, thin = seams.get_linewidths()
    assert 0 < thin < 0.2 * wide
    assert (figure.axes[0].get_xlim(), figure.axes[0].get_ylim()) == ((0, 2), (0, 1))
    drawn(figure)


def test_the_thickness_of_a_square_is_its_side_and_of_a_strip_twice_its_width():
    assert shading._thickness(SQUARE.numpy()) == pytest.approx(1)
    assert shading._thickness(SLIVER.numpy()) == pytest.approx(2 * 0.001, rel=0.01)


def test_the_compass_is_pale_at_the_middle_slope_and_turns_with_the_direction():
    ways = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
    colors = plots.compass(torch.cat([5 + ways, torch.full((5, 2), 5.0)]))
    sand = mpl.colors.to_rgb(plots.SAND)
    assert colors[4:] == pytest.approx(np.tile(sand, (5, 1)))
    assert np.abs(colors[:4] - sand).max(axis=1).min() > 0.2
    assert len(np.unique(colors[:4].round(3), axis=0)) == 4
    assert plots.compass(torch.zeros(3, 2)) == pytest.approx(np.tile(sand, (3, 1)))


def test_a_relief_is_blue_below_and_amber_above_and_lit_from_the_upper_left():
    slopes = torch.tensor([[0.0, 0.0], [1.0, -1.0], [-1.0, 1.0], [0.0, 0.0]])
    colors = plots.relief(slopes, torch.tensor([1.0, 1.0, 1.0, -1.0]))
    level, facing, turned, below = colors
    assert level[0] > level[2]
    assert below[2] > below[0]
    assert facing.sum() > level.sum() > turned.sum()  # what rises to the lower right falls to the upper left
    assert (colors.min(), colors.max()) >= (0, 0)
    assert colors.max() <= 1


@pytest.mark.parametrize("draw", [lambda: plots.strip([]), lambda: plots.guesses([], [])])
def test_no_pictures_are_refused(draw):
    with pytest.raises(ValueError, match="there are no pictures to draw"):
        draw()


@pytest.mark.parametrize("channels", [0, 7])
def test_more_channels_than_a_layer_has_or_none_are_refused(photo, noise, channels):
    with pytest.raises(ValueError, match=rf"channels is {channels}; for layer 'early' it must be from 1 to 6"):
        plots.maps(photo, {"early": noise(1, 6, 16, 16)}, channels=channels)


def test_neurons_draws_a_row_a_layer_and_labels_the_last():
    figure = plots.neurons(
        {"first": torch.tensor([1.0, 0.0, 2.0]), "last": torch.tensor([0.0, 3.0])}, label=[(1, "dog")]
    )
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["first", "last"]
    heights = [segment[1][1] for segment in figure.axes[0].collections[0].get_segments()]
    assert heights == [1.0, 0.0, 2.0]
    assert texts(figure) == ["dog 3.00"]
    drawn(figure)


def test_neurons_may_all_be_dark():
    drawn(plots.neurons({"dark": torch.zeros(5)}))


def test_blank_has_the_axes_and_the_size_asked_for():
    figure = plots.blank(rows=2, columns=3, height=4)
    assert len(figure.axes) == 6
    assert figure.get_size_inches().tolist() == [plots.WIDTH, 4]


# --- Channels ---------------------------------------------------------------------------------------------------------


def test_strongest_finds_the_channels_with_a_bright_spot():
    activations = torch.zeros(1, 4, 10, 10)
    activations[0, 1, 4, 4] = 5  # a small bright spot
    activations[0, 2] = 5  # bright all over
    activations[0, 3, 6, 2] = 9  # a brighter spot
    assert plots.strongest(activations, 2) == [3, 1]


@pytest.mark.parametrize("side", [1, 2, 3])
def test_strongest_takes_the_smallest_maps(side):
    activations = torch.arange(4.0).view(1, 4, 1, 1).repeat(1, 1, side, side)
    assert len(plots.strongest(activations, 2)) == 2


def test_glow_is_dark_where_a_channel_is_dark_and_lit_where_it_is_lit():
    activation = torch.zeros(8, 8)
    activation[:, 4:] = 2.0
    lit = plots.glow(torch.full((1, 3, 32, 32), 0.5), activation)
    images.check(lit)
    assert lit.shape == (1, 3, 32, 32)
    dark_half, lit_half = lit[0, :, :, :8].mean(dim=(1, 2)), lit[0, :, :, -8:].mean(dim=(1, 2))
    assert dark_half.max() < 0.25
    assert lit_half[0] > 2 * dark_half[0]
    assert lit_half[0] > lit_half[2]  # warm


@pytest.mark.parametrize("value", [0.0, -1.0])
def test_glow_of_a_dark_channel_is_dark_all_over(photo, value):
    dark = plots.glow(photo, torch.full((4, 4), value))
    images.check(dark)
    assert (dark <= 0.5 * photo.mean(dim=1, keepdim=True) + 1e-6).all()


# --- No pyplot --------------------------------------------------------------------------------------------------------


def test_no_figure_passes_through_pyplot():
    script = """
import sys, torch
from helpers import plots
x = torch.full((1, 3, 16, 16), 0.5)  # an even picture is quickly packed
figures = [
    plots.strip([x]), plots.guesses([x], [[("a", 0.5)]]), plots.maps(x, {"a": torch.rand(1, 4, 8, 8)}),
    plots.lines({"a": ([0, 1], [0, 1])}, x="x", y="y"), plots.neurons({"a": torch.rand(3)}), plots.blank(),
]
for figure in figures:
    plots.show(figure, "1.1", caption="a", alt="a")
assert "matplotlib.pyplot" not in sys.modules, "pyplot was imported"
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def test_the_style_is_not_left_behind():
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    plots.show(plots.lines({"a": ([0, 1], [0, 1])}, x="x", y="y"), "1.1", caption="a", alt="a")
    assert dict(mpl.rcParams) == before


def test_heat_on_a_logarithmic_scale_takes_zeros_without_limits():
    figure = plots.heat({"a": torch.tensor([[0.0, 0.01], [1.0, 100.0]])}, x="x", y="y", bar="z", log=True)
    norm = figure.axes[0].images[0].norm
    assert (norm.vmin, norm.vmax) == pytest.approx((0.01, 100))
