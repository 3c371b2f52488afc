"""Style transfer against arithmetic written out, SciPy's L-BFGS, the plain VGG-19 and the notebooks' own cells."""

from __future__ import annotations

import copy
import itertools

import pytest
import scipy.optimize
import torch
from cells import written
from torch import nn

from helpers import ascent, images, style

RATE = 0.02  # of Adam, in the chapter
TINY = {"content_layer": "second", "style_layers": ("relu", "second")}
QUICK = {**TINY, "size": 64, "steps": 4, "octaves": 1}


@pytest.fixture
def unused(tiny):
    """A network that must not be run."""

    def run(*_):
        pytest.fail("the network was run")

    tiny.body.register_forward_pre_hook(run)
    return tiny


@pytest.fixture
def painting(noise):
    return noise(1, 3, 48, 40, seed=7)


# --- The Gram matrix --------------------------------------------------------------------------------------------------


def test_a_gram_matrix_written_out():
    features = torch.tensor([[[[1.0, 2.0]], [[3.0, 0.0]], [[0.0, -1.0]]]])  # 3 channels, 2 places
    expected = torch.tensor([[[5.0, 3.0, -2.0], [3.0, 9.0, 0.0], [-2.0, 0.0, 1.0]]]) / 6
    torch.testing.assert_close(style.gram(features), expected)


def test_the_gram_matrix_is_the_sum_over_places_of_each_pair_of_channels(noise):
    features = noise(2, 5, 4, 3) - 0.5
    found = style.gram(features)
    assert found.shape == (2, 5, 5)
    for n, a, b in itertools.product(range(2), range(5), range(5)):
        total = sum(features[n, a, y, x] * features[n, b, y, x] for y in range(4) for x in range(3))
        assert found[n, a, b].item() == pytest.approx(total.item() / (5 * 4 * 3), abs=1e-6)


def test_shuffling_all_places_together_leaves_the_gram_matrix_and_shuffling_channels_apart_does_not(noise):
    features = noise(1, 6, 9, 7)
    places = torch.randperm(63, generator=torch.Generator().manual_seed(1))
    together = features.flatten(2)[:, :, places].reshape(features.shape)
    torch.testing.assert_close(style.gram(together), style.gram(features))
    apart = torch.cat([features[:, :3], together[:, 3:]], dim=1)
    assert (style.gram(apart) - style.gram(features)).abs().max() > 1e-3


@pytest.mark.parametrize("shape", [(3, 4, 4), (1, 0, 4, 4), (1, 3, 0, 4)])
def test_features_without_places_have_no_gram_matrix(shape):
    with pytest.raises(ValueError, match=r"\(N, C, H, W\)"):
        style.gram(torch.zeros(shape))


# --- The errors -------------------------------------------------------------------------------------------------------


def test_both_errors_against_the_plain_network(vgg19, plain_vgg, photo, painting):
    find = style.errors(vgg19, content=photo, painting=painting)
    picture = photo.flip(3)
    content, unlike = find(picture)
    ours, wanted, painted = (plain_vgg(pixels) for pixels in (picture, photo, painting))
    away = ((ours["relu4_2"] - wanted["relu4_2"]) ** 2).mean() / (wanted["relu4_2"] ** 2).mean()
    misses = []
    for layer in ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"):
        mine, theirs = (torch.einsum("nchw,ndhw->ncd", f[layer], f[layer]) / f[layer].numel() for f in (ours, painted))
        misses.append(((mine - theirs) ** 2).mean() / (theirs**2).mean())
    torch.testing.assert_close(content, away, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(unlike, sum(misses) / 5, rtol=1e-4, atol=1e-6)


def test_a_picture_has_no_error_against_itself_and_a_blank_layer_has_one(tiny, photo):
    content, unlike = style.errors(tiny, content=photo, painting=photo, **TINY)(photo)
    assert content == unlike == 0
    silent = style.errors(tiny, content=photo, painting=photo, **TINY)
    for parameter in tiny.parameters():
        parameter.zero_()  # now every layer is zero everywhere
    assert [error.item() for error in silent(photo)] == pytest.approx([1, 1])


def test_what_is_not_asked_for_costs_nothing(tiny, photo, painting):
    assert style.errors(tiny, content=photo, **TINY)(1 - photo)[1] == 0
    assert style.errors(tiny, painting=painting, **TINY)(photo)[0] == 0


def test_the_goal_is_content_error_plus_weighted_style_error(tiny, photo, painting):
    content, unlike = style.errors(tiny, content=photo, painting=painting, **TINY)(photo.flip(2))
    found = style.goal(tiny, photo, painting, style_weight=3.0, smoothness=2.0, **TINY)(photo.flip(2))
    torch.testing.assert_close(found, content + 3 * unlike + 2 * style.total_variation(photo.flip(2)))


def test_roughness_written_out():
    steps = torch.zeros(1, 3, 5, 7)
    assert style.total_variation(steps).item() == pytest.approx(0.01)
    steps[..., 3:] = 0.4  # one edge from top to bottom, between the third and the fourth of seven columns
    steps[..., 4:, :] += 0.3  # and one from left to right, above the last row
    both, one, other, none = 0.5, 0.4, 0.3, 0.0
    places = [both] + [one] * 3 + [other] * 5 + [none] * 15
    expected = sum((length**2 + 1e-4) ** 0.5 for length in places) / 24
    assert style.total_variation(steps).item() == pytest.approx(expected)


def test_a_style_needs_layers_that_the_network_has(tiny, vgg19, photo):
    with pytest.raises(ValueError, match="at least one layer"):
        style.errors(tiny, painting=photo, style_layers=())
    with pytest.raises(ValueError, match=r"'relu1_9' is not in vgg19; did you mean 'relu1_"):
        style.errors(vgg19, painting=photo, style_layers=("relu1_9",))


# --- The descent ------------------------------------------------------------------------------------------------------


def bowl(target):
    """A loss with one lowest point."""
    weight = 1 + torch.arange(target.numel()).reshape(target.shape) % 5
    return lambda pixels: (weight * (pixels - target) ** 2).mean()


def test_the_descent_finds_the_bottom_of_a_bowl(noise):
    target = 0.05 + 0.9 * noise(1, 3, 9, 11)
    found = style.descend(torch.full_like(target, 0.5), bowl(target), steps=60)
    torch.testing.assert_close(found, target, rtol=0, atol=1e-3)


def test_the_descent_is_as_good_as_scipys(noise):
    target, start = noise(1, 3, 8, 8), noise(1, 3, 8, 8, seed=3)

    def ripples(pixels):
        return 10 * bowl(target)(pixels) + (9 * pixels).sin().mean()

    def value_and_slope(free):
        x = torch.tensor(free).reshape(start.shape).requires_grad_(True)
        value = ripples(torch.sigmoid(x))
        (slope,) = torch.autograd.grad(value, x)
        return value.item(), slope.flatten().double().numpy()

    begin = torch.logit(start).flatten().double().numpy()
    theirs = scipy.optimize.minimize(value_and_slope, begin, jac=True, method="L-BFGS-B", options={"maxfun": 40})
    ours = ripples(style.descend(start, ripples, steps=40)).item()
    assert theirs.fun < value_and_slope(begin)[0] - 0.5
    assert ours < theirs.fun + 0.01


def test_black_and_white_pixels_can_move_and_stay_in_range():
    start = torch.tensor([0.0, 1.0]).repeat(1, 3, 8, 4)
    found = style.descend(start, lambda pixels: 100 * (pixels - 0.5).square().mean(), steps=30)
    assert (found - 0.5).abs().max() < 0.1
    beyond = style.descend(start, lambda pixels: 100 * (pixels - 3).square().mean(), steps=30)
    assert beyond.min() > 0.9
    assert beyond.max() <= 1


def test_what_comes_back_is_the_best_picture_seen(photo):
    seen = []

    def worse_and_worse(pixels):
        seen.append(pixels.detach())
        return len(seen) + 0 * pixels.sum() + (pixels - 0.5).square().sum() / 1e6

    found = style.descend(photo, worse_and_worse, steps=5)
    assert 2 <= len(seen) <= 5
    assert torch.equal(found, seen[0])


def test_the_descent_tells_each_step_and_leaves_the_start_alone(photo):
    told, before = [], photo.clone()
    style.descend(photo, bowl(1 - photo), steps=4, on_step=told.append)
    assert [(step.step, step.total) for step in told] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert told[-1].score < told[0].score
    assert told[0].image.shape == photo.shape
    assert torch.equal(photo, before)


def test_the_descent_works_where_gradients_are_switched_off(photo):
    with torch.no_grad():
        found = style.descend(photo, bowl(1 - photo), steps=5)
    assert bowl(1 - photo)(found) < bowl(1 - photo)(photo)


def test_an_interrupt_hands_back_the_best_so_far(photo):
    told = []

    def stop(step):
        told.append(step)
        if step.step == 3:
            raise KeyboardInterrupt

    found = style.descend(photo, bowl(1 - photo), steps=9, on_step=stop)
    assert len(told) == 3
    assert not found.requires_grad
    best = min(told, key=lambda step: step.score)
    assert bowl(1 - photo)(found).item() == pytest.approx(best.score, rel=1e-5)


# --- The transfer -----------------------------------------------------------------------------------------------------


def test_a_transfer_comes_closer_to_the_style_and_stays_closer_to_the_content_than_the_painting_is(vgg19, photo):
    painting = images.square(images.sample("cafe_terrace"), 64)
    found = style.transfer(vgg19, photo, painting, size=64, octaves=2, octave_scale=1.5, steps=6)
    find = style.errors(vgg19, content=photo, painting=painting)
    assert find(found)[1] < 0.3 * find(photo)[1]
    assert find(found)[0] < find(painting)[0]
    assert found.shape == photo.shape
    assert 0 <= found.min() < found.max() <= 1
    assert not found.requires_grad


def test_more_weight_on_style_gives_less_style_error_and_more_content_error(tiny, photo, painting):
    weak, strong = (
        style.transfer(tiny, photo, painting, **{**QUICK, "steps": 20, "style_weight": weight}) for weight in (0.1, 100)
    )
    find = style.errors(tiny, content=photo, painting=images.resize(painting, (70, 58)), **TINY)
    assert find(strong)[1] < find(weak)[1]
    assert find(strong)[0] > find(weak)[0]


def test_a_transfer_is_the_same_for_the_same_seed_and_noise_makes_another(tiny, photo, painting):
    def made(**settings):
        return style.transfer(tiny, photo, painting, **QUICK, **settings)

    before = torch.get_rng_state()
    first = made(noise=0.5, seed=3)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(made(noise=0.5, seed=3), first)
    assert (made(noise=0.5, seed=4) - first).abs().max() > 0.01
    assert torch.equal(made(seed=4), made(seed=3))  # without noise there is nothing to draw


def test_each_octave_lays_the_change_of_the_one_before_over_the_sharp_photo(tiny, photo, painting):
    sides = [side for side, _ in style.octave_sizes(photo, painting, size=64, octaves=2, octave_scale=1.5)]
    assert sides == [(43, 43), (64, 64)]
    small = style.transfer(tiny, photo, painting, **{**QUICK, "size": 43, "steps": 6})
    loss = style.goal(tiny, photo, images.resize(painting, (70, 58)), style_weight=10.0, smoothness=5.0, **TINY)
    change = torch.nn.functional.interpolate(
        small - images.resize(photo, (43, 43)), (64, 64), mode="bicubic", antialias=True
    )
    expected = style.descend((photo + change).clamp(0, 1), loss, steps=3)
    found = style.transfer(tiny, photo, painting, **{**QUICK, "octaves": 2, "octave_scale": 1.5, "steps": 3})
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)


def test_on_step_counts_all_octaves(tiny, photo, painting):
    told = []
    settings = {**QUICK, "octaves": 2, "octave_scale": 1.5, "on_step": told.append}
    style.transfer(tiny, photo, painting, **settings)
    assert [(step.step, step.total) for step in told] == [(i, 12) for i in range(1, 13)]
    assert [step.image.shape[-1] for step in told] == [43] * 8 + [64] * 4


def test_an_interrupted_transfer_has_its_full_size(tiny, photo, painting):
    def stop(step):
        if step.step == 5:
            raise KeyboardInterrupt

    settings = {**QUICK, "octaves": 2, "octave_scale": 1.5, "on_step": stop}
    found = style.transfer(tiny, photo, painting, **settings)
    assert found.shape == photo.shape
    assert (found - photo).abs().max() > 0.01


@pytest.mark.parametrize("shape", [(500, 30), (16, 16), (900, 1200)])
def test_photo_and_painting_may_differ_in_size_as_long_as_neither_is_narrow(tiny, photo, noise, shape):
    if min(shape) < style.SMALLEST_SIDE and max(shape) / min(shape) > 4:
        with pytest.raises(ValueError, match="the painting comes to"):
            style.transfer(tiny, photo, noise(1, 3, *shape), **QUICK)
    else:
        assert style.transfer(tiny, photo, noise(1, 3, *shape), **QUICK).shape == photo.shape


def test_octaves_cover_the_same_area_with_the_painting_and_end_at_the_size(noise):
    photo, painting = noise(1, 3, 200, 300), noise(1, 3, 500, 400)
    sizes = style.octave_sizes(photo, painting, size=240, octaves=9, octave_scale=2)
    assert sizes == [((40, 60), (55, 44)), ((80, 120), (110, 88)), ((160, 240), (219, 175))]


# --- The notebook's own cells -----------------------------------------------------------------------------------------


def by_hand(vgg19, photo, painting):
    """What the chapter's cells define, for this photo and this painting."""
    space = {"torch": torch, "vgg": vgg19, "photo": photo, "painting": painting}
    for names in (["STYLE", "CONTENT"], ["gram", "wanted", "seen", "painted"], ["paint"]):
        space = written("06_style_transfer", *names, **space)
    return space


def test_the_gram_matrix_by_hand_is_the_helpers(vgg19, photo):
    features = vgg19.features(photo, "relu2_1")["relu2_1"]
    torch.testing.assert_close(by_hand(vgg19, photo, photo)["gram"](features), style.gram(features)[0])


def test_the_errors_by_hand_are_the_helpers(vgg19, photo):
    painting, picture = images.square(images.sample("cafe_terrace"), 64), photo.flip(3)
    space = by_hand(vgg19, photo, painting)
    found = vgg19.features(picture, [*space["STYLE"], space["CONTENT"]])
    content, unlike = style.errors(vgg19, content=photo, painting=painting)(picture)
    torch.testing.assert_close(space["content_error"](found), content, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(space["style_error"](found), unlike, rtol=1e-4, atol=1e-6)


def test_the_loop_by_hand_is_adam_on_the_helpers_goal(vgg19, photo):
    painting = images.square(images.sample("cafe_terrace"), 64)
    space = by_hand(vgg19, photo, painting)
    frames = space["paint"](
        photo, lambda found: space["content_error"](found) + 10 * space["style_error"](found), steps=4
    )
    goal = style.goal(vgg19, photo, painting, style_weight=10)
    expected = ascent.ascend(photo, lambda x: -goal(x), steps=4, rule=ascent.adam(RATE), constraint=ascent.unit_range)
    assert len(frames) == 5
    assert torch.equal(frames[0], photo)
    assert (frames[-1] - expected).abs().mean() < 0.002
    assert (expected - photo).abs().mean() > 0.02  # something has happened


def test_the_transfer_by_hand_is_the_helpers(vgg19, photo):
    painting = images.square(images.sample("cafe_terrace"), 64)
    space = written("evidence/06_style_transfer", "transfer_by_hand", torch=torch, style=style, vgg=vgg19)
    losses, picture = space["transfer_by_hand"](photo, painting, steps=5)
    found = style.transfer(vgg19, photo, painting, size=64, octaves=1, steps=5, smoothness=0)
    assert len(losses) == 5
    assert (picture - found).abs().mean() < 0.005
    assert (found - photo).abs().mean() > 0.02  # something has happened


def test_features_that_a_network_has_handed_out_stay_even_where_relus_work_in_place(vgg19, photo):
    careless = copy.deepcopy(vgg19)
    for module in careless.body.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = True
    kept, also = (network.features(photo, ["conv2_1", "relu2_1"])["conv2_1"] for network in (vgg19, careless))
    assert kept.min() < 0
    assert torch.equal(also, kept)


# --- Color ------------------------------------------------------------------------------------------------------------


def test_a_transfer_in_gray_keeps_the_photos_color(tiny, photo, painting):
    soft = 0.3 + 0.4 * photo  # so that no color is clipped
    found = style.transfer(tiny, soft, painting, **QUICK, preserve_color=True)
    change = found - soft
    inside = ((found > 0.001) & (found < 0.999)).all(dim=1, keepdim=True)
    spread = change.amax(1, keepdim=True) - change.amin(1, keepdim=True)
    assert inside.float().mean() > 0.9
    assert spread[inside].max() < 1e-4  # red, green and blue move by the same amount
    assert change.abs().mean() > 0.002


# --- Bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"steps": 0}, r"steps is 0; it must be 1 or more"),
        ({"steps": -3}, r"steps is -3"),
        ({"style_weight": 0}, r"style_weight is 0; it must be above 0"),
        ({"style_weight": -1.0}, r"style_weight is -1\.0"),
        ({"style_weight": float("inf")}, r"style_weight is inf"),
        ({"style_weight": float("nan")}, r"style_weight is nan"),
        ({"smoothness": -0.5}, r"smoothness is -0\.5; it must be 0 or more"),
        ({"size": 31}, r"size is 31; it must be 32 to 1024"),
        ({"size": 4000}, r"size is 4000"),
        ({"octaves": 0}, r"octaves is 0; it must be 1 or more"),
        ({"octave_scale": 1.0}, r"octave_scale is 1\.0; it must be above 1"),
        ({"noise": 1.5}, r"noise is 1\.5; it must be from 0 to 1"),
        ({"content_layer": "relu4_2"}, r"'relu4_2' is not in tiny"),
        ({"style_layers": ("relu9_9",)}, r"'relu9_9' is not in tiny"),
        ({"style_layers": ()}, r"at least one layer"),
    ],
)
def test_a_setting_out_of_range_is_refused_before_any_work(unused, photo, painting, setting, message):
    with pytest.raises(ValueError, match=message):
        style.transfer(unused, photo, painting, **{**QUICK, **setting})


@pytest.mark.parametrize("guilty", ["content", "painting"])
@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, 3, 200, 1), r"the {} comes to \d+ x \d+ pixels at size 64; a side needs 32: crop it or raise the size"),
        ((1, 3, 1, 1000), r"the {} comes to \d+ x \d+ pixels"),
        ((2, 3, 64, 64), r"{} is one picture \(1, 3, H, W\), not a batch of 2"),
        ((1, 1, 64, 64), r"an image has shape"),
    ],
)
def test_a_picture_that_cannot_be_used_is_refused_before_any_work(unused, photo, guilty, shape, message):
    pictures = {"content": photo, "painting": photo, guilty: torch.full(shape, 0.5)}
    with pytest.raises(ValueError, match=message.format(guilty)):
        style.transfer(unused, **pictures, **QUICK)


def test_a_network_without_the_papers_layers_is_refused_before_any_work(unused, photo):
    with pytest.raises(ValueError, match=r"layer 'relu1_1' is not in tiny"):
        style.transfer(unused, photo, photo, size=64)


def test_layers_may_be_one_name_come_twice_or_from_a_generator(tiny, painting):
    photo, layer = painting.flip(2), tiny.layers[0]
    plain = style.errors(tiny, painting=painting, style_layers=[layer])(photo)[1]
    for layers in (layer, [layer, layer], (name for name in [layer])):
        assert style.errors(tiny, painting=painting, style_layers=layers)(photo)[1] == plain


def test_a_descent_that_ends_early_says_so():
    told = []
    style.descend(torch.full((1, 3, 8, 8), 0.3), lambda x: 0 * x.sum(), steps=200, on_step=told.append)
    assert (told[-1].step, told[-1].total) == (200, 200)
    assert len(told) < 10


def test_a_loss_may_give_one_number_for_each_picture():
    x = torch.full((2, 3, 8, 8), 0.3)
    found = style.descend(x, lambda x: (x - 0.6).square().mean(dim=(1, 2, 3)), steps=20)
    torch.testing.assert_close(found, torch.full_like(x, 0.6), rtol=0, atol=1e-2)


def test_the_relative_mean_square_error_written_out():
    found, wanted = torch.tensor([1.0, 5.0]), torch.tensor([1.0, 3.0])
    assert style.relative_mse(found, wanted).item() == pytest.approx((0 + 4) / (1 + 9))


def test_a_loss_that_is_no_number_is_refused_and_the_start_not_handed_back_in_silence():
    with pytest.raises(ValueError, match="the loss is nan at the start"):
        style.descend(torch.full((1, 3, 8, 8), 0.3), lambda x: x.sum() * float("nan"), steps=3)
