"""Patterns against brute force at single pixels, and the search through them on a network that likes one color."""

from __future__ import annotations

import math
from collections import OrderedDict

import pytest
import torch
from cells import written
from torch import Tensor, nn

from helpers import images, networks
from helpers.illusions import patterns

FAMILIES = {"stitches": patterns.STITCHES, "ripples": patterns.RIPPLES, "rectangles": patterns.RECTANGLES}
PLAIN = patterns.Family(3, lambda numbers, side: numbers[:, :, None, None].expand(-1, -1, side, side))


def some(family: patterns.Family, count: int, seed: int = 0) -> Tensor:
    return torch.rand(count, family.length, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def taste() -> networks.Network:
    """A network that has three categories and tells them by the mean color."""
    body = nn.Sequential(OrderedDict(pool=nn.AdaptiveAvgPool2d(1), flat=nn.Flatten(), classifier=nn.Linear(3, 3)))
    with torch.no_grad():
        body.classifier.weight.copy_(12 * torch.eye(3))
        body.classifier.bias.zero_()
    return networks.Network(body, name="taste", scale=[1.0] * 3, shift=[0.0] * 3, categories=["red", "green", "blue"])


# --- The families -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FAMILIES)
def test_patterns_are_pictures_and_each_is_drawn_by_itself(name):
    family = FAMILIES[name]
    numbers = some(family, 5)
    pictures = family.draw(numbers, 48)
    images.check(pictures)
    assert pictures.shape == (5, 3, 48, 48)
    assert min((a - b).abs().mean() for i, a in enumerate(pictures) for b in pictures[:i]) > 0.02
    torch.testing.assert_close(family.draw(numbers[2:4], 48), pictures[2:4])


@pytest.mark.parametrize("name", FAMILIES)
def test_the_same_numbers_draw_the_same_pattern_at_another_size(name):
    family = FAMILIES[name]
    numbers = some(family, 3)
    small, large = family.draw(numbers, 112), family.draw(numbers, 224)
    halved = nn.functional.avg_pool2d(large, 2)
    assert (halved - small).abs().mean() < 0.03


@pytest.mark.parametrize("name", FAMILIES)
def test_a_plain_drawing_is_one_of_its_family(name):
    plain = FAMILIES[name].plain
    assert plain.shape == (1, FAMILIES[name].length)
    assert 0 < ((plain != 0.5) & (plain >= 0) & (plain <= 1)).sum() == (plain != 0.5).sum()
    assert patterns.Family(2, PLAIN.draw, {1: 0.25}).plain.tolist() == [[0.5, 0.25]]


def test_there_are_five_columns_of_red_stitches_on_white():
    picture = patterns.stitches(patterns.STITCHES.plain, 224)[0]
    row = picture[:, 3]
    dark = (row[1] < 0.6).int()
    assert (dark.diff() == 1).sum() == 5
    centers = [x for x in range(224) if row[1, x] < 0.6]
    assert 0.1 * 224 < min(centers) < max(centers) < 0.9 * 224
    assert (row[0] > row[1] + 0.3)[centers].all()
    paper = picture.amin(0) > 0.85
    assert paper.float().mean() > 0.5


def test_a_stitch_is_where_the_distance_to_the_nearest_arm_says():
    side = 96
    numbers = some(patterns.STITCHES, 1, seed=4)
    picture = patterns.stitches(numbers, side)[0]
    ranges = [(0.97, 1), (0, 0.03), (0.6, 0.95), (0, 0.25), (0.12, 0.19), (-0.05, 0.05), (-1, 1), (-0.4, 0.4)]
    ranges += [
        (-0.2, 0.2),
        (0.04, 0.14),
        (0.02, 0.055),
        (0.003, 0.012),
        (-1.2, 1.2),
        (-0.003, 0.006),
        (0, 1),
        (-0.5, 0.5),
    ]
    white, tint, red, other, gap, shift, bow, sway, lean, step, arm, thick, slope, seam, phase, stagger = (
        low + (high - low) * n for n, (low, high) in zip(numbers[0].tolist(), ranges, strict=True)
    )
    for row, column in ((5, 20), (30, 41), (48, 48), (60, 70), (90, 33), (71, 22)):
        x, y = (column + 0.5) / side, (row + 0.5) / side
        inside = -math.inf
        for k in (-2, -1, 0, 1, 2):
            middle = 0.5 + shift + k * gap + (bow + (sway if k % 2 == 0 else -sway)) * ((y - 0.5) ** 2 - 0.08)
            aside = abs(x - middle - lean * (y - 0.5))
            phases = (y - slope * min(aside, arm)) / step + phase + stagger * k
            above = abs(phases - round(phases)) * step / math.sqrt(1 + slope**2)
            inside = max(inside, thick - math.hypot(above, max(aside - arm, 0)), seam - aside)
        ink = min(max(inside * side + 0.5, 0), 1)
        expected = [
            p + (t - p) * ink for p, t in zip((white, white - tint / 2, white - tint), (red, other, other), strict=True)
        ]
        assert picture[:, row, column].tolist() == pytest.approx(expected, abs=2e-3)


def test_ripples_give_each_color_the_share_of_the_picture_that_the_numbers_say():
    numbers = some(patterns.RIPPLES, 4)
    numbers[:, 35] = 1  # sharp borders
    pictures = patterns.ripples(numbers, 128)
    shares = (3 * numbers[:, 25:32]).softmax(1)
    for picture, share, shade in zip(pictures, shares, numbers[:, 32:], strict=True):
        colors = [[0.15 * shade[0]] * 3, [0.35 + 0.4 * shade[1]] * 3, [0.9, 0.4 + 0.25 * shade[2], 0.05]]
        for color, bands in zip(colors, ([0, 3, 6], [1, 4], [2, 5]), strict=True):
            near = (picture - torch.tensor(color)[:, None, None]).abs().amax(0) < 0.05
            assert near.float().mean().item() == pytest.approx(share[bands].sum().item(), abs=0.08)


def test_ripples_color_a_landscape_by_its_height():
    numbers = some(patterns.RIPPLES, 1, seed=2)
    picture = patterns.ripples(numbers, 64)[0].flatten(1)
    land = torch.zeros(64, 64)
    for i in range(5):
        for j in range(5):
            along = (torch.arange(64) + 0.5) / 64
            height = (2 * numbers[0, 5 * i + j] - 1) / max(1, math.hypot(i, j)) ** 1.3
            land += height * torch.outer(torch.cos(math.pi * i * along), torch.cos(math.pi * j * along))
    order = land.flatten().argsort()
    jumps = picture[:, order].diff(dim=1).abs().amax(0)
    assert (
        jumps.sum()
        < 0.25
        * picture[:, torch.randperm(4096, generator=torch.Generator().manual_seed(0))].diff(dim=1).abs().amax(0).sum()
        / 10
    )


def test_an_upright_rectangle_has_the_color_and_the_place_that_the_numbers_say():
    side = 240
    numbers = some(patterns.RECTANGLES, 1, seed=1)
    numbers[0, 8:10] = 0.5  # neither turned nor scaled
    picture = patterns.rectangles(numbers, side)[0]
    parts = iter(numbers[0].tolist())
    ground, panel, place = ([next(parts) for _ in range(n)] for n in (3, 3, 4))
    heights, widths, tall, _, light, lighter, hues, key = (
        [next(parts) for _ in range(n)] for n in (8, 3, 8, 3, 8, 3, 8, 3)
    )

    def tinted(gray, hue, strength):
        return [min(max(gray + strength * math.cos(2 * math.pi * (hue - k / 3)), 0), 1) for k in range(3)]

    gap, margin = (0.02 + 0.33 * place[0]) / 6, 0.12 * place[1]
    rows = [math.exp(2 * h) for h in heights]
    columns = [math.exp(2 * w) for w in widths]
    for p, r, c in ((0, 0, 0), (1, 3, 1), (2, 7, 2), (1, 5, 0), (0, 2, 2)):
        y = margin + (1 - 2 * margin) * (sum(rows[:r]) + rows[r] / 2) / sum(rows)
        x = p / 3 + gap + (1 / 3 - 2 * gap) * (sum(columns[:c]) + columns[c] / 2) / sum(columns)
        half = (1 - 2 * margin) * rows[r] / sum(rows) / 2 * (0.2 + 0.75 * tall[r])
        gray = min(max(light[r] + 0.8 * lighter[c] - 0.4, 0), 1)
        outer = tinted(gray, hues[r], 0.55 * key[0])
        inner = [min(max(v + 1.2 * key[1] - 0.6, 0), 1) for v in outer]
        share = 0.2 + 0.7 * key[2]

        def at(x, y):
            return picture[:, int(y * side), int(x * side)].tolist()

        assert at(x, y) == pytest.approx(inner, abs=0.01)
        if half * (1 - share) * side > 3:
            assert at(x, y + half * (1 + share) / 2) == pytest.approx(outer, abs=0.01)
    assert at(gap / 2, 0.5) == pytest.approx(tinted(ground[0], ground[1], 0.12 * ground[2]), abs=0.01)
    assert at(gap + 2 / side, margin + 2 / side) == pytest.approx(tinted(panel[0], panel[1], 0.12 * panel[2]), abs=0.01)


def test_a_tilted_pattern_turns_about_its_middle():
    numbers = some(patterns.RECTANGLES, 1, seed=1).repeat(3, 1)
    numbers[:, 8], numbers[:, 9] = torch.tensor([0.5, 0.0, 1.0]), 0.5
    upright, left, right = patterns.rectangles(numbers, 96)
    torch.testing.assert_close(
        left[:, 46:50, 46:50].mean((1, 2)), upright[:, 46:50, 46:50].mean((1, 2)), rtol=0, atol=0.15
    )
    for picture, angle in ((left, -0.6), (right, 0.6)):
        hits = 0
        for row in range(20, 76, 4):
            for column in range(20, 76, 4):
                x, y = column - 47.5, row - 47.5
                u, v = x * math.cos(angle) - y * math.sin(angle), x * math.sin(angle) + y * math.cos(angle)
                there = upright[:, round(v + 47.5), round(u + 47.5)]
                hits += int((picture[:, row, column] - there).abs().max() < 0.1)
        assert hits > 0.6 * 14 * 14


# --- The search -------------------------------------------------------------------------------------------------------


def test_the_search_finds_the_color_that_the_network_likes(taste):
    found = patterns.search(taste, "green", PLAIN, size=16, tries=600, enough=0.9999, seed=0)
    assert found.numbers[1] > 0.9
    assert max(found.numbers[0], found.numbers[2]) < 0.15
    assert torch.equal(found.picture, images.quantize(PLAIN.draw(found.numbers[None], 16)))
    probability = taste(found.picture).softmax(1)[0, 1].item()
    assert found.history[-1][1] == pytest.approx(probability, abs=1e-5)


def test_breeding_by_hand_in_the_notebook_arrives_where_the_search_does(taste):
    room = written("04_adversarial_illusions", "breed_by_hand", torch=torch, images=images)
    line = room["breed_by_hand"](taste, "green", PLAIN, rounds=60, size=16)
    found = patterns.search(taste, "green", PLAIN, size=16, tries=480, enough=1)
    picture, probability = line[-1]
    torch.testing.assert_close(picture, found.picture, rtol=0, atol=0.1)
    assert torch.equal(picture, images.quantize(picture))
    assert len(line) == 60
    assert probability == pytest.approx(taste(picture).softmax(1)[0, 1].item(), abs=1e-5)
    assert line[0][1] < probability


def test_the_search_stops_when_it_is_certain_enough_or_out_of_tries(taste):
    early = patterns.search(taste, "red", PLAIN, size=16, enough=0.5, tries=2000)
    assert early.history == [(96, early.history[0][1])]
    late = patterns.search(taste, "red", PLAIN, size=16, enough=1, tries=200)
    assert [tried for tried, _ in late.history] == [96, 112, 128, 144, 160, 176, 192]
    best = [probability for _, probability in late.history]
    assert best == sorted(best)
    assert best[-1] > best[0]


def test_a_search_comes_back_with_its_seed_and_leaves_the_global_state_alone(taste):
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first, again, other = (patterns.search(taste, 2, PLAIN, size=16, tries=160, enough=1, seed=s) for s in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first.numbers, again.numbers)
    assert not torch.equal(first.numbers, other.numbers)


def test_an_interrupted_search_hands_back_the_best_so_far(taste):
    seen = []

    def stop(step):
        images.check(step.image)
        seen.append((step.step, step.total))
        if len(seen) == 2:
            raise KeyboardInterrupt

    found = patterns.search(taste, "red", PLAIN, size=16, tries=500, enough=1, on_step=stop)
    assert seen == [(96, 500), (112, 500)]
    assert [tried for tried, _ in found.history] == [96, 112]
    images.check(found.picture)


@pytest.mark.parametrize(("tries", "enough"), [(500, 1e-9), (120, 1.0)])
def test_the_last_step_of_a_search_says_so_although_it_ends_early(taste, tries, enough):
    seen = []
    patterns.search(
        taste,
        "red",
        PLAIN,
        size=16,
        tries=tries,
        enough=enough,
        on_step=lambda step: seen.append((step.step, step.total)),
    )
    assert seen[-1] == ((96, 96) if enough < 1 else (112, 112))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"category": "gren"}, "did you mean 'green'"),
        ({"tries": 50}, "tries is 50 and population 16"),
        ({"population": 1}, "population 1"),
    ],
)
def test_a_bad_search_is_refused(taste, settings, message):
    with pytest.raises(ValueError, match=message):
        patterns.search(taste, **{"category": "green", "family": PLAIN, **settings})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": 8}, "size is 8 pixels; the least is 16"),
        ({"enough": 0}, "enough is 0; a probability to stop at must be above 0"),
        ({"enough": float("nan")}, "enough is nan"),
        ({"seed": 2**32}, "seed is 4294967296; it must be from 0 to 4294967295"),
    ],
)
def test_bad_settings_of_a_search_are_refused(lite0, settings, message):
    with pytest.raises(ValueError, match=message):
        patterns.search(lite0, "baseball", patterns.STITCHES, **settings)


def test_an_interrupt_before_the_first_drawing_is_let_through(lite0, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(patterns, "_log_probabilities", interrupted)
    with pytest.raises(KeyboardInterrupt):
        patterns.search(lite0, "baseball", patterns.STITCHES, size=32)
