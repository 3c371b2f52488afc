"""Pictures of changes: drawn whole, with the numbers that they claim."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from helpers import plots

TOP = [("espresso", 0.9), ("cup", 0.1)]


def test_twins_show_the_change_as_strong_as_it_can_be_and_say_how_strong(photo):
    after = (photo + 2 / 255).clamp(0, 1)
    figure = plots.twins(photo, after, [TOP, [("volcano", 0.999)]])
    titles = [axes.get_title(loc="left") or axes.get_title() for axes in figure.axes[:3]]
    assert titles == ["a photo", "+ the change, 64 times as strong", "= the same photo, changed"]
    assert np.asarray(figure.axes[1].images[0].get_array()).max() == 255
    assert [text.get_text() for text in figure.axes[5].texts] == ["volcano", "> 0.99"]


def test_named_pictures_carry_the_likeliest_name_and_a_first_line(photo):
    figure = plots.named([photo, photo], [TOP, [("volcano", 0.999)]], before=["one", "two"])
    titles = [axes.get_title(loc="left") or axes.get_title() for axes in figure.axes]
    assert titles == ["one\nespresso 0.90", "two\nvolcano > 0.99"]


def test_a_march_ends_at_its_sum_and_coins_are_drawn_twice():
    chosen = torch.full((3, 4, 5), 0.5)
    coins = [chosen * torch.tensor([1.0, -1.0]).repeat(30).view(3, 4, 5)]
    figure = plots.walks(chosen, coins, gap=7, gap_name="enough", y="change")
    left, right = figure.axes
    assert left.lines[1].get_ydata()[-1] == pytest.approx(30)
    assert left.lines[0].get_ydata()[-1] == pytest.approx(0, abs=1e-6)
    assert right.lines[0].get_ydata().max() <= 1.5
    assert [text.get_text() for text in left.texts] == ["enough"]
