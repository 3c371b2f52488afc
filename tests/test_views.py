"""Views made by rule: what is where, and how many."""

from __future__ import annotations

import pytest
import torch

from helpers import images
from helpers.illusions import views


def test_a_view_is_the_square_around_a_place_and_turns_about_it():
    photo = torch.zeros(1, 3, 60, 90)
    photo[:, :, 20:40, 30:50] = 1  # a white square of 20 pixels around (40, 30)
    upright = views.view(photo, 40, 30, 40)
    assert upright.shape == (1, 3, 224, 224)
    assert upright[..., 62:162, 62:162].min() > 0.99  # the middle half of the view
    assert upright[..., :50, :].max() < 0.01
    torch.testing.assert_close(views.view(photo, 40, 30, 40, turn=90), upright, rtol=0, atol=0.02)
    right_half = views.view(photo, 50, 30, 16)[0, 0]  # now its border runs down the middle
    assert right_half[:, 10:100].min() > 0.99
    assert right_half[:, 124:214].max() < 0.01


def test_a_jpeg_comes_back_a_little_changed_and_better_quality_less(photo):
    fine, coarse = (views.jpeg(photo, quality) for quality in (95, 20))
    assert fine.shape == photo.shape
    assert 0 < (fine - photo).square().mean() < (coarse - photo).square().mean() < 0.01


@pytest.mark.parametrize("shape", [views.sitting_cat, views.mug])
def test_shadows_are_two_tones_and_dark_as_often_as_light(shape):
    found = views.shadows(shape)
    assert len(found) == 12
    for dark, light in zip(found[::2], found[1::2], strict=True):
        assert sorted(dark.unique().tolist()) == pytest.approx([0.05, 0.95])
        torch.testing.assert_close(dark + light, torch.ones_like(dark))
        assert 0.1 < (dark < 0.5).float().mean() < 0.8


def test_a_pasted_disk_lies_on_its_ground_and_leaves_the_rest_alone():
    ground, thing = torch.zeros(1, 3, 224, 224), torch.ones(1, 3, 100, 100)
    large, small = views.pasted(thing, [ground])
    for laid, side in ((large, 123), (small, 90)):
        assert laid.sum().item() / 3 == pytest.approx(3.1416 / 4 * side**2, rel=0.03)
    assert ground.max() == 0


def test_variations_are_twelve_of_each_kind(photo):
    grounds = [images.square(1 - photo)] * 6
    made = views.variations(photo, 60, 50, 60, views.mug, grounds)
    assert list(made) == ["turned", "cropped", "other colors", "two tones", "pasted", "silhouette"]
    for pictures in made.values():
        assert len(pictures) == 12
        assert all(picture.shape == (1, 3, 224, 224) for picture in pictures)
        assert all(picture.min() >= 0 and picture.max() <= 1 for picture in pictures)
