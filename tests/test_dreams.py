"""Deep Dream against a loop of a dozen lines, and its parts against brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from cells import written
from scipy.ndimage import gaussian_filter

from helpers import ascent, dreams, images, networks

PLAIN = {"octaves": 1, "jitter": 0, "color": 0, "blur": 0}
SMALL = {"octaves": 2, "octave_scale": 1.5, "steps": 2}


@pytest.fixture
def unused(tiny):
    """A network that must not be run, except on pictures without numbers, which tell whether it takes their size."""

    def run(_body, inputs):
        if inputs[0].device.type != "meta":
            pytest.fail("the network was run")

    tiny.body.register_forward_pre_hook(run)
    return tiny


# --- The whole dream --------------------------------------------------------------------------------------------------


def test_the_plainest_dream_is_gradient_ascent_on_the_mean_square_of_a_layer(vgg19, plain_vgg, photo):
    x = photo.clone()
    for _ in range(4):
        x.requires_grad_()
        strength = (plain_vgg(x, "relu2_1")["relu2_1"] ** 2).mean()
        (gradient,) = torch.autograd.grad(strength, x)
        x = x.detach()
        x = x + 0.02 * gradient / (gradient**2).mean() ** 0.5
        x = torch.clamp(x, 0, 1)
    found = dreams.deep_dream(vgg19, photo, "relu2_1", steps=4, step_size=0.02, **PLAIN)
    torch.testing.assert_close(found, x, rtol=0, atol=1e-5)
    assert (x - photo).abs().mean() > 0.02


def test_octaves_carry_over_what_the_dream_has_added_and_nothing_else(tiny, photo):
    def scaled(x, side):
        return torch.nn.functional.interpolate(x, (side, side), mode="bicubic", antialias=True)

    settings = {"steps": 3, "step_size": 0.02, **PLAIN}
    small = scaled(photo, 43).clamp(0, 1)
    dreamt = dreams.deep_dream(tiny, small, "second", **settings)
    start = (photo + scaled(dreamt - small, 64)).clamp(0, 1)
    expected = dreams.deep_dream(tiny, start, "second", **settings)
    found = dreams.deep_dream(tiny, photo, "second", **{**settings, "octaves": 2, "octave_scale": 1.5})
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_a_dream_is_the_same_for_the_same_seed_and_another_for_another(lite0, photo):
    def dream(seed):
        return dreams.deep_dream(lite0, photo, "blocks.2.0", seed=seed, **SMALL)

    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = dream(3)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert torch.equal(dream(3), first)
    assert (dream(4) - first).abs().max() > 0.01


@pytest.mark.parametrize("fixture", ["lite0", "vgg19"])
def test_a_dream_is_an_image_that_excites_the_layer_more_and_leaves_the_original_alone(request, fixture, photo):
    network = request.getfixturevalue(fixture)
    layer = {"lite0": "blocks.2.0", "vgg19": "relu3_1"}[fixture]
    before = photo.clone()
    dream = dreams.deep_dream(network, photo, layer, **SMALL)
    assert torch.equal(photo, before)
    assert dream.shape == photo.shape
    assert not dream.requires_grad
    assert dream.min() >= 0
    assert dream.max() <= 1
    strength = [network.features(x, layer)[layer].square().mean() for x in (photo, dream)]
    assert strength[1] > 1.2 * strength[0]


def test_images_of_a_batch_dream_independently(tiny, photo, noise):
    pixels = torch.cat([photo, noise(1, 3, 64, 64)])

    def dream(x):
        return dreams.deep_dream(tiny, x, "second", **SMALL)

    torch.testing.assert_close(dream(pixels), torch.cat([dream(pixels[:1]), dream(pixels[1:])]), rtol=0, atol=1e-5)


def test_no_steps_dream_nothing(unused, photo):
    assert torch.equal(dreams.deep_dream(unused, photo, "second", octaves=2, steps=0), photo)


def test_a_guide_makes_another_dream_that_is_more_like_the_guide(lite0, photo):
    guide = images.square(images.sample("coffee"), 64)
    layer, settings = "blocks.2.0", {"octaves": 1, "steps": 4, "jitter": 0}
    free = dreams.deep_dream(lite0, photo, layer, **settings)
    guided = dreams.deep_dream(lite0, photo, layer, guide=guide, **settings)
    alike = dreams.likeness(lite0, layer, guide)
    assert (free - guided).abs().max() > 0.01
    assert alike(guided).item() > alike(photo).item()
    assert alike(guided).item() > alike(free).item()


def by_hand(network: networks.Network) -> dict:
    """The functions that the chapter writes by hand, as they stand there."""
    room = written("05_android_dreams", "dream_by_hand", torch=torch, network=network)
    return written("05_android_dreams", "octaves_by_hand", **room)


def test_the_dozen_lines_of_the_chapter_are_the_plainest_dream(lite0, photo):
    found = by_hand(lite0)["dream_by_hand"](photo, "blocks.2.0", steps=2)
    expected = dreams.deep_dream(lite0, photo, "blocks.2.0", steps=2, **PLAIN)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)


def test_the_octaves_of_the_chapter_are_the_helpers(lite0, photo):
    settings = {"octaves": 2, "octave_scale": 1.4, "steps": 1}
    found = by_hand(lite0)["octaves_by_hand"](photo, "blocks.2.0", **settings)
    expected = dreams.deep_dream(lite0, photo, "blocks.2.0", **{**PLAIN, **settings})
    assert (found - expected).abs().mean() < 1e-4
    assert (found - photo).abs().mean() > 0.005


# --- Telling and interrupting -----------------------------------------------------------------------------------------


def test_on_step_counts_all_octaves_and_shows_the_octave_at_work(tiny, photo):
    told = []
    dreams.deep_dream(
        tiny,
        photo,
        "second",
        octaves=3,
        octave_scale=1.25,
        steps=2,
        on_step=lambda s: told.append((s.step, s.total, tuple(s.image.shape))),
    )
    assert told == [
        (1, 6, (1, 3, 41, 41)),
        (2, 6, (1, 3, 41, 41)),
        (3, 6, (1, 3, 51, 51)),
        (4, 6, (1, 3, 51, 51)),
        (5, 6, (1, 3, 64, 64)),
        (6, 6, (1, 3, 64, 64)),
    ]


@pytest.mark.parametrize("octaves", [2, 3])
def test_an_interrupt_in_the_second_octave_returns_the_dream_so_far(tiny, photo, octaves):
    seen = {}

    def interrupt(step):
        seen[step.step] = step.image.clone()
        if step.step == 5:
            raise KeyboardInterrupt

    found = dreams.deep_dream(tiny, photo, "second", octaves=octaves, octave_scale=1.25, steps=3, on_step=interrupt)
    assert list(seen) == [1, 2, 3, 4, 5]
    assert found.shape == photo.shape
    assert found.min() >= 0
    assert found.max() <= 1
    assert (found - photo).abs().mean() > 0.01
    if octaves == 2:  # the second octave has the full size: the dream so far is what was shown last
        torch.testing.assert_close(found, seen[5], rtol=0, atol=1e-6)
    else:
        back = torch.nn.functional.interpolate(found, (51, 51), mode="bicubic", antialias=True)
        assert (back - seen[5]).abs().mean() < (images.resize(photo, (51, 51)) - seen[5]).abs().mean() / 2


# --- Settings out of range --------------------------------------------------------------------------------------------

BAD = {
    "octaves": ({"octaves": 0}, "octaves is 0; it must be 1 or more"),
    "scale": ({"octave_scale": 1}, "octave_scale is 1; it must be above 1"),
    "steps": ({"octaves": 1, "steps": -1}, "steps is -1; it must be 0 or more"),
    "jitter": ({"octaves": 1, "jitter": -1}, "jitter is -1 pixels; it must be 0 or more"),
    "steps with a guide": ({"octaves": 1, "steps": -1, "guide": torch.zeros(1, 3, 64, 64)}, "steps is -1"),
    "jitter with a guide": ({"octaves": 1, "jitter": -1, "guide": torch.zeros(1, 3, 64, 64)}, "jitter is -1"),
    "blur": ({"octaves": 1, "blur": -1}, "blur is -1"),
    "color below": ({"octaves": 1, "color": -0.1}, "color is -0.1"),
    "color above": ({"octaves": 1, "color": 1.1}, "color is 1.1"),
    "too many octaves": ({"octaves": 4, "octave_scale": 1.4}, r"octaves is 4, .* at most 3$"),
    "far too many octaves": ({"octaves": 10_000, "octave_scale": 1.4}, r"octaves is 10000, .* at most 3$"),
    "layer": ({"octaves": 1, "layer": "secnd"}, "layer 'secnd' is not in tiny; did you mean 'second'"),
    "layer with a guide": (
        {"octaves": 1, "layer": "secnd", "guide": torch.zeros(1, 3, 64, 64)},
        "layer 'secnd' is not in tiny; did you mean 'second'",
    ),
    "guide without batch": ({"octaves": 1, "guide": torch.zeros(3, 64, 64)}, r"not \(3, 64, 64\)"),
    "guide of two": ({"octaves": 1, "guide": torch.zeros(2, 3, 64, 64)}, r"a guide is one picture .* batch of 2"),
    "guide of another kind": ({"octaves": 1, "guide": "cat.jpg"}, "torch.Tensor, not a str"),
    "guide out of range": ({"octaves": 1, "guide": torch.full((1, 3, 64, 64), 255.0)}, r"\[0, 1\]"),
    "pixels out of range": ({"pixels": torch.full((1, 3, 64, 64), 255.0)}, r"\[0, 1\], not in \[255, 255\]"),
    "pixels without batch": ({"pixels": torch.zeros(3, 64, 64)}, r"not \(3, 64, 64\)"),
    "pixels too small": ({"octaves": 1, "pixels": torch.zeros(1, 3, 31, 64)}, r"64 x 31 takes none: enlarge it first"),
}


@pytest.mark.parametrize(("changes", "message"), BAD.values(), ids=BAD)
def test_a_setting_out_of_range_is_refused_before_the_network_runs(unused, photo, changes, message):
    settings = {"pixels": photo, "layer": "second", **changes}
    with pytest.raises(ValueError, match=message):
        dreams.deep_dream(unused, settings.pop("pixels"), settings.pop("layer"), **settings)


def test_as_many_octaves_as_the_error_allows_do_fit(tiny, photo):
    found = dreams.deep_dream(tiny, photo, "second", octaves=3, octave_scale=1.4, steps=1)
    assert found.shape == photo.shape


@pytest.mark.parametrize("layer", ["global_pool", "classifier"])
@pytest.mark.parametrize("guided", [False, True])
def test_a_layer_without_places_is_refused_with_a_clear_error(lite0, photo, layer, guided):
    with pytest.raises(ValueError, match=rf"layer '{layer}' has no places"):
        dreams.deep_dream(lite0, photo, layer, octaves=1, steps=1, guide=photo if guided else None)


# --- Parts ------------------------------------------------------------------------------------------------------------


def test_octave_sizes_shrink_from_the_pictures_own():
    pixels = torch.zeros(1, 3, 100, 80)
    found = dreams.octave_sizes(pixels, octaves=3, octave_scale=1.25)
    assert found == [(64, 51), (80, 64), (100, 80)]  # 100 and 80 over 1.5625, over 1.25, over 1
    assert dreams.octave_sizes(pixels, octaves=1, octave_scale=2) == [(100, 80)]
    assert dreams.octave_sizes(torch.zeros(1, 3, 32, 64), octaves=1, octave_scale=2) == [(32, 64)]


def test_layer_strength_is_the_mean_square_of_each_images_outputs(tiny, noise):
    pixels = noise(2, 3, 32, 36)
    values = tiny.features(pixels, "second")["second"].double().numpy()
    expected = [sum(v * v for v in image.flatten()) / image.size for image in values]
    assert dreams.layer_strength(tiny, "second")(pixels).tolist() == pytest.approx(expected, rel=1e-4)


def test_likeness_is_each_places_product_with_its_best_match(tiny, noise):
    pixels, guide = noise(2, 3, 8, 12), noise(1, 3, 12, 8, seed=1)
    features = tiny.features(pixels, "second")["second"].double().flatten(2).tolist()  # [image][channel][place]
    words = tiny.features(guide, "second")["second"].double().flatten(2).tolist()[0]
    expected = []
    for image in features:
        total = 0.0
        for place in range(len(image[0])):
            best = -math.inf
            for word in range(len(words[0])):
                best = max(best, sum(image[c][place] * words[c][word] for c in range(len(words))))
            total += best
        expected.append(total / (len(image) * len(image[0])))
    assert dreams.likeness(tiny, "second", guide)(pixels).tolist() == pytest.approx(expected, rel=1e-4)
    assert abs(expected[0] - expected[1]) > 1e-4


def test_the_slope_of_likeness_is_that_of_the_product_with_the_match_held_fixed(tiny, noise):
    pixels, guide = noise(1, 3, 8, 8).requires_grad_(), noise(1, 3, 8, 8, seed=1)
    (found,) = torch.autograd.grad(dreams.likeness(tiny, "second", guide)(pixels).sum(), pixels)
    features = tiny.features(pixels, "second")["second"].flatten(2)[0]
    words = tiny.features(guide, "second")["second"].flatten(2)[0]
    products = (features.T @ words).amax(dim=1).sum() / features.numel()
    (expected,) = torch.autograd.grad(products, pixels)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-7)


def test_jitter_of_nothing_changes_nothing(noise):
    pixels = noise(2, 3, 8, 8)
    assert torch.equal(dreams.jittered(lambda x: x, 0, torch.Generator())(pixels), pixels)


def test_jitter_rolls_the_picture_either_way_by_at_most_so_much():
    pixels = torch.arange(64.0).view(1, 1, 8, 8)
    shifted = dreams.jittered(lambda x: x, 2, torch.Generator().manual_seed(0))
    shifts = set()
    for _ in range(300):
        seen = shifted(pixels)
        row, column = divmod(int(seen.argmin()), 8)  # where the 0 of the corner went
        assert np.array_equal(seen[0, 0], np.roll(pixels[0, 0].numpy(), (row, column), axis=(0, 1)))
        shifts.add(((row + 4) % 8 - 4, (column + 4) % 8 - 4))
    assert shifts == {(y, x) for y in range(-2, 3) for x in range(-2, 3)}


def test_steps_without_color_and_blur_are_normalized(noise):
    gradient = noise(2, 3, 12, 10) - 0.5
    ours, plain = torch.zeros(2, 3, 12, 10), torch.zeros(2, 3, 12, 10)
    dreams.natural_steps(0.1, color=0, blur=0)(ours, gradient)
    ascent.normalized(0.1)(plain, gradient)
    torch.testing.assert_close(ours, plain, rtol=0, atol=1e-7)


def test_blur_is_gaussian(noise):
    gradient, x = noise(1, 3, 20, 16) - 0.5, torch.zeros(1, 3, 20, 16)
    dreams.natural_steps(0.1, color=0, blur=0.8)(x, gradient)
    smooth = np.stack([gaussian_filter(g.double().numpy(), 0.8, mode="mirror", radius=4) for g in gradient[0]])
    assert x[0].numpy() == pytest.approx(0.1 * smooth / np.sqrt((smooth**2).mean()), abs=1e-5)


@pytest.mark.parametrize("color", [0.3, 1.0])
def test_color_mixes_the_channels_as_photos_do(noise, color):
    gradient, x = noise(1, 3, 9, 9) - 0.5, torch.zeros(1, 3, 9, 9)
    dreams.natural_steps(0.1, color=color, blur=0)(x, gradient)
    directions = np.array([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]])
    together = directions @ directions.T
    together *= math.sqrt(3) / math.sqrt((together**2).sum())  # as large as the identity
    mixed = np.tensordot(color * together + (1 - color) * np.eye(3), gradient[0].double().numpy(), 1)
    assert x[0].numpy() == pytest.approx(0.1 * mixed / np.sqrt((mixed**2).mean()), abs=1e-5)


# --- Class images -----------------------------------------------------------------------------------------------------


def one_wave(size: int, row: int, column: int, plane: int, cosine: float, sine: float = 0.0) -> torch.Tensor:
    waves = torch.zeros(1, 3, size, size // 2 + 1, 2)
    waves[0, plane, row, column] = torch.tensor([cosine, sine])
    return waves


@pytest.mark.parametrize(("row", "column"), [(0, 1), (1, 0), (2, 3), (6, 1)])
def test_a_single_wave_is_a_cosine_of_its_own_frequency(row, column):
    size = 8
    # row 6 of 8 is the frequency -2; a real wave of column 1 to 3 stands for itself and its mirror image.
    height, width = (row if row <= size // 2 else row - size), column
    y, x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    cosine = torch.cos(2 * torch.pi * (height * y + width * x) / size)
    plane = dreams.compose(one_wave(size, row, column, 0, 1.0), color=False)[0, 0].logit()
    assert torch.corrcoef(torch.stack([plane.flatten(), cosine.flatten()]))[0, 1] == pytest.approx(1, abs=1e-4)
    assert plane.mean().item() == pytest.approx(0, abs=1e-5)


def test_long_waves_weigh_more_than_short_ones():
    strengths = [dreams.compose(one_wave(16, 0, column, 0, 0.1))[0, 0].logit().std() for column in (1, 2, 4)]
    assert strengths[0] / strengths[1] == pytest.approx(2**1.35, rel=1e-3)
    assert strengths[1] / strengths[2] == pytest.approx(2**1.35, rel=1e-3)


def test_planes_are_colors_of_photos_or_red_green_and_blue():
    light = dreams.compose(one_wave(16, 0, 1, 0, 1.0))[0].logit()
    ratios = light[:, 0, 0] / light[0, 0, 0]
    assert torch.allclose(ratios, dreams.COLOR[:, 0] / dreams.COLOR[0, 0], atol=1e-4)
    red = dreams.compose(one_wave(16, 0, 1, 0, 1.0), color=False)[0]
    assert red[0].std() > 0.01
    assert torch.equal(red[1:], torch.full((2, 16, 16), 0.5))


def test_finest_lets_the_long_waves_in_and_keeps_the_short_ones_out():
    long, short = one_wave(64, 0, 1, 0, 1.0), one_wave(64, 0, 30, 0, 1.0)
    kept = [dreams.compose(w, finest=10).logit().std() / dreams.compose(w).logit().std() for w in (long, short)]
    assert kept[0] > 0.85
    assert kept[1] < 0.01


def test_views_keep_gray_gray_and_stay_in_range():
    gray = dreams.views(torch.full((1, 3, 48, 48), 0.5), torch.Generator().manual_seed(0), count=3)
    assert gray.shape == (3, 3, 48, 48)
    assert (gray.mean(dim=(1, 2, 3)) - 0.5).abs().max() < 0.06  # light moves by up to 0.05
    assert gray.std(dim=(1, 2, 3)).max() == pytest.approx(0.03, abs=0.01)  # the grain
    white = dreams.views(torch.ones(1, 3, 48, 48), torch.Generator().manual_seed(0), count=8)
    assert white.min() >= 0
    assert white.max() <= 1
    assert (white < 0.7).any()  # zoomed out, the picture stands on gray


def test_views_differ_and_come_again_with_the_seed():
    picture = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    first, second = (dreams.views(picture, torch.Generator().manual_seed(0), count=4) for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.allclose(first[0], first[1])


def test_views_of_several_pictures_keep_their_order():
    shades = torch.tensor([0.2, 0.8]).view(2, 1, 1, 1).expand(2, 3, 32, 32)
    seen = dreams.views(shades, torch.Generator().manual_seed(0), count=3)
    middles = seen[:, :, 12:20, 12:20].mean(dim=(1, 2, 3))
    assert (middles > 0.5).tolist() == [False] * 3 + [True] * 3


def test_class_score_is_the_mean_logit_less_the_departure_from_bn_stats(lite0):
    pixels = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    logit = lite0(pixels)[:, 7].mean()
    assert dreams.class_score(lite0, 7)(pixels) == pytest.approx(logit.item(), abs=1e-5)

    blocks = [layer for layer in lite0.layers if layer.endswith("conv_pwl")]
    assert len(blocks) == 15
    expected, total = logit.item(), sum(0.85**i for i in range(15))
    for i, layer in enumerate(blocks):
        values = lite0.features(pixels, layer)[layer].transpose(0, 1).flatten(1)  # (C, everything)
        mean, deviation = lite0.bn_stats[layer]
        miss = ((values.mean(1) - mean) ** 2 + (values.std(1) - deviation) ** 2).mean() / (deviation**2).mean()
        expected -= 3 * 0.85**i / total * miss.item()
    assert dreams.class_score(lite0, 7, bn_weight=3)(pixels).item() == pytest.approx(expected, rel=1e-3)


def test_class_score_asks_each_neuron_about_its_own_views(lite0):
    pixels = torch.rand(4, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    logits = lite0(pixels)
    expected = (logits[0, 7] + logits[1, 7] + logits[2, 9] + logits[3, 9]) / 4
    assert dreams.class_score(lite0, [7, 9])(pixels).item() == pytest.approx(expected.item(), abs=1e-5)


def test_several_categories_and_networks_are_drawn_together(lite0, lite1):
    pair = ["hourglass", lite0.index("volcano")]
    drawn = dreams.visualize([lite0, lite1], pair, size=64, steps=12)
    images.check(drawn)
    assert drawn.shape == (2, 3, 64, 64)
    neurons = [lite0.index(category) for category in pair]
    for network in (lite0, lite1):
        found = network(drawn)[:, neurons]
        assert (found.diagonal() > found.flip(1).diagonal()).all()  # each is its own rather than the other's
    assert not torch.allclose(drawn, torch.cat([dreams.visualize(lite0, c, size=64, steps=12) for c in pair]))


def test_a_class_image_has_no_waves_shorter_than_four_pixels(lite0):
    frequency = torch.hypot(torch.fft.fftfreq(64)[:, None], torch.fft.fftfreq(64)[None])

    def short(picture):
        """How high its short waves are, against longer ones."""
        height = torch.fft.fft2(picture.logit().mean(1)[0]).abs()
        long, short = (height[(low < frequency) & (frequency < low + 0.1)].mean() for low in (0.1, 0.4))
        return short / long

    image = dreams.visualize(lite0, "hourglass", size=64, steps=9)
    free = dreams.compose(dreams.faint_waves(64, torch.Generator().manual_seed(0)))
    assert short(image) < 0.3 * short(free)


def test_visualize_makes_the_neuron_fire_and_repeats_itself(lite0):
    neuron = lite0.index("hourglass")
    gray = dreams.compose(dreams.faint_waves(64, torch.Generator().manual_seed(0)))
    images_ = [
        dreams.visualize(lite0, c, size=64, steps=15, seed=s) for c, s in (("hourglass", 0), (neuron, 0), (neuron, 1))
    ]
    for image in images_:
        images.check(image)
        assert image.shape == (1, 3, 64, 64)
        assert lite0(image)[0, neuron] > lite0(gray)[0, neuron] + 2
    assert torch.equal(images_[0], images_[1])
    assert not torch.allclose(images_[0], images_[2], atol=0.05)


def test_an_interrupted_class_image_is_handed_back(lite0):
    seen = []

    def stop(step):
        images.check(step.image)
        seen.append((step.step, step.total))
        if step.step == 3:
            raise KeyboardInterrupt

    image = dreams.visualize(lite0, "hourglass", size=64, steps=9, on_step=stop)
    assert seen == [(1, 9), (2, 9), (3, 9)]
    images.check(image)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"categories": "hourglas"}, "did you mean 'hourglass'"),
        ({"categories": 1000}, "0 to 999"),
        ({"size": 16}, "size is 16 pixels; the least is 32"),
        ({"steps": -1}, "steps is -1"),
        ({"categories": []}, "1 networks and 0 categories"),
    ],
)
def test_visualize_refuses_bad_settings(lite0, settings, message):
    with pytest.raises(ValueError, match=message):
        dreams.visualize(lite0, **{"categories": "hourglass", "size": 64, "steps": 2, **settings})


def test_a_picture_that_wants_a_gradient_is_dreamed_on_without_it(tiny, noise):
    pixels = noise(1, 3, 40, 40)
    settings = {"octaves": 1, "steps": 2, "jitter": 0}
    plain = dreams.deep_dream(tiny, pixels, "second", **settings)
    found = dreams.deep_dream(tiny, pixels.clone().requires_grad_(True), "second", **settings)
    assert torch.equal(found, plain)
    assert not found.requires_grad


def test_an_interrupt_between_two_octaves_keeps_the_first(tiny, noise, monkeypatch):
    pixels, sizes = noise(1, 3, 64, 64), []
    resample = dreams._resample

    def stop_at_the_second(detail, size):
        sizes.append(size)
        if len(sizes) == 2:
            raise KeyboardInterrupt
        return resample(detail, size)

    monkeypatch.setattr(dreams, "_resample", stop_at_the_second)
    settings = {"octaves": 2, "octave_scale": 2, "steps": 3, "step_size": 0.05}
    found = dreams.deep_dream(tiny, pixels, "second", **settings)
    assert sizes == [(32, 32), (64, 64), (64, 64)]
    assert (found - pixels).abs().max() > 0.02


def test_a_guide_is_matched_alike_in_parts_and_at_once(tiny, noise, monkeypatch):
    guide, x = noise(1, 3, 24, 24, seed=1), noise(2, 3, 20, 28)
    whole = dreams.likeness(tiny, "first", guide)(x)
    words = tiny.features(guide, "first")["first"][0].flatten(1)
    features = tiny.features(x, "first")["first"].flatten(2)
    best = torch.einsum("cg,ncp->ngp", words, features).amax(1)  # the dot product with the best match
    torch.testing.assert_close(whole, best.mean(1) / len(words))
    split = torch.Tensor.split
    monkeypatch.setattr(torch.Tensor, "split", lambda tensor, size, dim=0: split(tensor, 7 if dim == 2 else size, dim))
    torch.testing.assert_close(dreams.likeness(tiny, "first", guide)(x), whole)


def test_a_layer_that_never_lights_up_is_refused_and_not_dreamed_of_in_vain(tiny, photo):
    with torch.no_grad():
        tiny.body.first.bias.fill_(-1e3)
    with pytest.raises(ValueError, match=r"image 0 has no slope.* choose another layer"):
        dreams.deep_dream(tiny, photo, "relu", octaves=1, steps=1)


def test_waves_grow_finer_until_eight_tenths_of_the_steps():
    assert [dreams.finest_at(done, 100) for done in (0, 16, 48, 80, 99)] == pytest.approx([4, 8, 32, 128, 128])


def test_a_size_that_the_network_refuses_is_refused_before_any_work() -> None:
    class Rigid(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = torch.nn.Conv2d(3, 4, 3, padding=1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            assert x.shape[2:] == (64, 64), "64 by 64, please"
            return self.first(x)

    network = networks.Network(Rigid(), name="rigid", scale=[1.0] * 3, shift=[0.0] * 3, size=64)
    begun = []
    with pytest.raises(ValueError, match="rigid does not take a picture of 46 x 46 pixels"):
        dreams.deep_dream(network, torch.full((1, 3, 64, 64), 0.5), "first", octaves=2, on_step=begun.append)
    assert begun == []
