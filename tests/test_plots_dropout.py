"""The drawings of chapter 3: what is drawn is what was given."""

from __future__ import annotations

import io

import pytest
import torch
from matplotlib.colors import to_hex
from torch import nn

from helpers import plots, training


def drawn(figure) -> None:
    figure.savefig(io.BytesIO(), format="png", dpi=40)


@pytest.fixture
def network() -> nn.Sequential:
    return training.mlp([16, 6, 3], lambda: nn.Sequential(nn.Tanh(), nn.Dropout(0.5)))


def test_wiring_draws_halves_and_the_whole_with_its_answer(network: nn.Sequential) -> None:
    picture = torch.rand(16, generator=torch.Generator().manual_seed(0))
    figure = plots.wiring(network, picture, halves=2)
    panels = figure.axes[:3]
    assert [axes.get_title(loc="left") for axes in panels] == ["toss 1", "toss 2", "all together"]
    bars = [bar.get_width() / 0.95 for bar in panels[2].patches]
    with torch.no_grad():
        assert bars == pytest.approx(network.eval()(picture).softmax(0).tolist(), rel=1e-5)
    assert to_hex(panels[2].patches[0].get_facecolor()) == plots.RED
    rings = [[line for line in axes.lines if line.get_marker() == "o"] for axes in panels]
    assert [len(found) for found in rings] == [6, 6, 6]
    silent = [sum(ring.get_markerfacecolor() == plots.PAPER for ring in found) for found in rings]
    coins = torch.rand(2, 6, generator=torch.Generator().manual_seed(0)) < 0.5
    assert silent == [*(6 - coins.sum(1)).tolist(), 0]
    drawn(figure)


def test_wiring_takes_one_hidden_layer(network: nn.Sequential) -> None:
    with pytest.raises(ValueError, match="it must be Linear, an activation, Dropout, Linear"):
        plots.wiring(nn.Sequential(nn.Tanh(), *network), torch.rand(16))


def test_runs_draws_each_run_and_their_mean_in_the_names_color() -> None:
    values = torch.tensor([[0.0, 1.0, 2.0], [2.0, 3.0, 4.0]])
    panels = {"left": {"a": values, "b": values + 1}, "right": {"b": values}}
    figure = plots.runs(panels, over=[1, 2, 3], x="x", y="y", colors=(plots.GREEN, plots.INK))
    left, right = figure.axes
    assert [list(line.get_ydata()) for line in left.lines[:3]] == [[0, 1, 2], [2, 3, 4], [1, 2, 3]]
    assert {line.get_color() for line in right.lines} == {plots.INK}
    assert left.get_ylim() == right.get_ylim()
    low = (
        plots.runs({"high": {"": values}, "low": {"": values - 10}}, over=[1, 2, 3], x="x", y="y").axes[0].get_ylim()[0]
    )
    assert low < -9
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b"]
    drawn(figure)
    assert plots.runs({"alone": {"": values}}, over=[1, 2, 3], x="x", y="y").legends == []
