"""Bodies of other people: what they overwrite, how their layers lie, which sizes they take, what they answer."""

from __future__ import annotations

import copy
import pickle
from collections import OrderedDict

import pytest
import torch
import torchvision
from timm.layers import BatchNormAct2d
from torch import nn
from torch.nn import functional

from helpers import dreams, networks
from helpers.networks import folding


def wrap(body, size=64, categories=1000):
    names = None if categories is None else [str(i) for i in range(categories)]
    return networks.Network(body, name="m", scale=[1.0] * 3, shift=[0.0] * 3, categories=names, size=size)


def made(name, **settings):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return torchvision.models.get_model(name, weights=None, **settings).eval()


class Through(nn.Module):
    """Modules by name, and how they are called."""

    def __init__(self, call, **parts):
        super().__init__()
        self.call = call
        for name, part in parts.items():
            self.add_module(name, part)

    def forward(self, x):
        return self.call(self, x)


def seeded_norm(channels, **settings):
    norm = nn.BatchNorm2d(channels, **settings)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for tensor in (norm.running_mean, norm.running_var, norm.weight, norm.bias):
            if tensor is not None:
                tensor.copy_(torch.rand(channels, generator=generator) + 0.5)
    return norm


# --- What is kept stays -----------------------------------------------------------------------------------------------


def test_features_are_not_overwritten_by_what_a_residual_block_adds_in_place(noise):
    network, x = wrap(made("resnet18")), noise(1, 3, 64, 64)
    alone = network.features(x, "layer2.1.conv2")["layer2.1.conv2"]
    assert torch.equal(network.features(x, ["layer2.1.conv2", "fc"])["layer2.1.conv2"], alone)
    assert torch.equal(network.logits_and_features(x, "layer2.1.conv2")[1]["layer2.1.conv2"], alone)


def test_features_are_not_overwritten_by_functions_that_work_in_place(noise):
    def negative(m, x):
        x = m.first(x)
        return m.second(functional.relu(x, inplace=True))

    first = nn.Conv2d(3, 1, 1, bias=False)
    nn.init.constant_(first.weight, -1)
    network = wrap(Through(negative, first=first, second=nn.Conv2d(1, 2, 1)), categories=None)
    x = noise(1, 3, 8, 8)
    torch.testing.assert_close(network.features(x, ["first", "second"])["first"], -x.sum(1, keepdim=True))


def test_gradients_pass_through_features_that_were_kept_from_being_overwritten(noise):
    def negative(m, x):
        return m.second(m.first(x).neg_())

    network = wrap(Through(negative, first=nn.Conv2d(3, 1, 1), second=nn.Conv2d(1, 1, 1)), categories=None)
    x = noise(1, 3, 2, 2).requires_grad_(True)
    found = network.features(x, ["first", "second"])
    (slope,) = torch.autograd.grad(found["first"].sum(), x)
    assert torch.equal(slope[0, :, 0, 0], network.body.first.weight.flatten())


# --- How layers lie ---------------------------------------------------------------------------------------------------


def test_channels_that_come_last_are_turned(noise):
    body, x = made("swin_t"), noise(1, 3, 96, 160)
    kept = {}
    handle = body.get_submodule("features.0.2").register_forward_hook(lambda _m, _i, out: kept.update(plain=out))
    with torch.no_grad():
        body(x)
    handle.remove()
    found = wrap(body).features(x, "features.0.2")["features.0.2"]
    assert found.shape == (1, 96, 24, 40)
    torch.testing.assert_close(found, kept["plain"].permute(0, 3, 1, 2), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("order", [(0, 2, 3, 1), (0, 3, 2, 1), (0, 1, 3, 2), (0, 2, 1, 3), (0, 3, 1, 2), (0, 1, 2, 3)])
def test_whatever_order_a_layer_has_its_features_come_as_channels_height_width(order, noise):
    back = tuple(order.index(d) for d in range(4))
    body = Through(
        lambda m, x: m.there(x).permute(back), there=Through(lambda _m, x: x.permute(order)), conv=nn.Conv2d(3, 3, 1)
    )
    x = noise(2, 3, 12, 20)
    assert torch.equal(wrap(body, 16, None).features(x, "there")["there"], x)


def test_a_pool_to_a_fixed_size_that_is_not_square_is_taken_as_it_is(noise):
    network = wrap(nn.Sequential(OrderedDict(conv=nn.Conv2d(3, 5, 1), pool=nn.AdaptiveAvgPool2d((2, 4)))), 16, None)
    assert network.features(noise(1, 3, 16, 16), "pool")["pool"].shape == (1, 5, 2, 4)


def test_a_strip_in_which_the_height_is_pooled_away_keeps_its_width(noise):
    strip = Through(lambda _m, x: x.mean(2, keepdim=True))
    network = wrap(nn.Sequential(OrderedDict(conv=nn.Conv2d(3, 5, 1), strip=strip)), 16, None)
    assert network.features(noise(1, 3, 8, 12), "strip")["strip"].shape == (1, 5, 1, 12)


def test_in_a_network_of_one_size_equal_lengths_tell_how_layers_lie(noise):
    def only_16(_m, x):
        if x.shape[2:] != (16, 16):
            raise RuntimeError("only 16")
        return x

    body = Through(
        lambda m, x: m.windows(m.last(m.first(m.guard(x)))),
        guard=Through(only_16),
        first=nn.Conv2d(3, 4, 1),
        last=Through(lambda _m, x: x.permute(0, 2, 3, 1)),
        windows=Through(lambda _m, x: x.unflatten(1, (4, 4)).flatten(2, 3)),
    )
    network, x = wrap(body, 16, None), noise(1, 3, 16, 16)
    assert network.layers == ("guard", "first", "last")
    found = network.features(x, ["first", "last"])
    assert torch.equal(found["last"], found["first"])
    with pytest.raises(ValueError, match=r"'windows' of m is not offered: it gives shape \(1, 4, 64, 4\)"):
        network.require("windows")
    with pytest.raises(ValueError, match=r"32 x 16 pixels \(only 16\)"):
        network.require_size(16, 32)


def test_a_layer_with_as_many_channels_as_places_is_not_mistaken(noise):
    body = Through(
        lambda m, x: m.last(m.conv(x)),
        conv=nn.Conv2d(3, 128, 1),
        last=Through(lambda _m, x: x.permute(0, 2, 3, 1)),
    )
    network, x = wrap(body, 64, None), noise(1, 3, 64, 128)
    found = network.features(x, ["conv", "last"])
    assert torch.equal(found["conv"], found["last"])


@pytest.mark.parametrize(
    ("give", "reason"),
    [
        (lambda x: (x, x), "gives a tuple, not a tensor"),
        (lambda _x: None, "gives a NoneType, not a tensor"),
        (lambda x: x.unfold(2, 4, 4).unfold(3, 4, 4).flatten(4).flatten(2, 3), "no two lengths are the picture's"),
        (lambda x: x.unflatten(2, (-1, 4)).transpose(0, 2).flatten(0, 1), "first length is not the number of pictures"),
    ],
)
def test_a_layer_that_gives_no_picture_is_refused_by_name_with_the_reason(give, reason):
    body = Through(lambda m, x: (m.odd(x), m.conv(x))[1], odd=Through(lambda _m, x: give(x)), conv=nn.Conv2d(3, 2, 1))
    network = wrap(body, 16, None)
    assert network.layers == ("conv",)
    with pytest.raises(ValueError, match=rf"layer 'odd' of m is not offered: it .*{reason}"):
        network.features(torch.zeros(1, 3, 16, 16), "odd")


# --- Sizes and answers ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def transformer():
    return wrap(made("vit_b_32", image_size=64), size=64)


def test_a_transformer_offers_no_layer_that_gives_a_tuple_and_names_the_size_that_it_takes(transformer, noise):
    attention = "encoder.layers.encoder_layer_0.self_attention"
    assert attention not in transformer.layers
    with pytest.raises(ValueError, match=rf"layer '{attention}' of m is not offered: it gives a tuple"):
        transformer.require(attention)
    tokens = transformer.features(noise(2, 3, 64, 64), "encoder.ln")["encoder.ln"]
    assert tokens.shape == (2, 5, 768)
    for ask in (
        lambda x: transformer(x),
        lambda x: transformer.features(x, "encoder.ln"),
        lambda _x: transformer.require_size(48, 96),
        lambda _x: transformer.require_size(48, 96, "encoder.ln"),
    ):
        with pytest.raises(ValueError, match=r"m does not take a picture of 96 x 48 pixels .*it does take 64 x 64"):
            ask(noise(1, 3, 48, 96))
    transformer.require_size(64, 64)


def test_layers_before_the_one_that_minds_take_any_size(noise):
    body = nn.Sequential(OrderedDict(conv=nn.Conv2d(3, 2, 1), flat=nn.Flatten(), head=nn.Linear(2 * 64, 5)))
    network = wrap(body, 8, 5)
    assert network.features(noise(1, 3, 20, 30), "conv")["conv"].shape == (1, 2, 20, 30)
    network.require_size(20, 30, "conv")
    with pytest.raises(ValueError, match="does not take a picture of 30 x 20"):
        network.require_size(20, 30)
    with pytest.raises(ValueError, match="does not take a picture of 30 x 20"):
        network(noise(1, 3, 20, 30))


def test_sizes_of_a_body_that_looks_at_values_are_tried_in_earnest(noise):
    body = Through(lambda m, x: m.conv(x) if x.sum().item() > -1 else x, conv=nn.Conv2d(3, 2, 5))
    network = wrap(body, 8, None)
    assert network.features(noise(1, 3, 9, 9), "conv")["conv"].shape == (1, 2, 5, 5)
    network.require_size(9, 5)
    with pytest.raises(ValueError, match="does not take a picture of 4 x 9"):
        network.require_size(9, 4)


def test_an_error_that_is_not_the_sizes_fault_comes_as_it_is(noise, monkeypatch):
    network = wrap(nn.Sequential(OrderedDict(conv=nn.Conv2d(3, 2, 1))), 8, None)
    begun = []

    def fails_once(x):
        begun.append(x)
        if len(begun) == 1:
            raise RuntimeError("no more memory")
        return x

    monkeypatch.setattr(network.body.conv, "forward", fails_once)
    with pytest.raises(RuntimeError, match="no more memory"):
        network.features(noise(1, 3, 8, 8), "conv")


def test_a_body_that_does_not_take_the_size_it_is_examined_with_says_so():
    with pytest.raises(ValueError, match=r"m does not take a picture of 32 x 32 pixels .*say with `size`"):
        wrap(made("vit_b_32", image_size=64), size=32)


@pytest.mark.parametrize(("answer", "kind"), [(lambda x: {"out": x}, "dict"), (lambda x: (x, x), "tuple")])
def test_a_classifier_that_answers_with_no_tensor_is_refused_and_its_layers_alone_are_not(answer, kind, noise):
    body = Through(lambda m, x: answer(m.conv(x)), conv=nn.Conv2d(3, 2, 1))
    with pytest.raises(ValueError, match=rf"m gives a {kind}, not a tensor of logits"):
        wrap(body, 8, 2)
    assert wrap(body, 8, None).features(noise(1, 3, 8, 8), "conv")["conv"].shape == (1, 2, 8, 8)


# --- The answer is what the network answers ---------------------------------------------------------------------------


def functional_head():
    """A network whose last module is a side branch, and whose answer is twice the mean of each channel."""
    body = Through(
        lambda m, x: (functional.linear(m.conv(x).mean((2, 3)), 2 * torch.eye(4).to(x.device)), m.side(x))[0],
        conv=nn.Conv2d(3, 4, 1),
        side=nn.Conv2d(3, 4, 1),
    )
    return wrap(body, 8, 4)


def test_the_answer_and_features_come_from_one_pass(noise):
    network, x, calls = functional_head(), noise(2, 3, 8, 8), []
    handle = network.body.register_forward_hook(lambda *_: calls.append(1))
    logits, found = network.logits_and_features(x, ["conv"])
    handle.remove()
    assert calls == [1]
    assert torch.equal(logits, network(x))
    torch.testing.assert_close(logits, 2 * found["conv"].mean((2, 3)))
    assert torch.equal(network.logits_and_features(x, [])[0], logits)


def test_class_score_climbs_what_the_network_answers(noise):
    network, x = functional_head(), noise(2, 3, 8, 8)
    assert dreams.class_score(network, 3)(x).item() == pytest.approx(network(x)[:, 3].mean().item())


def test_class_score_uses_the_statistics_of_whatever_convolutions_have_them(noise):
    body = nn.Sequential(
        OrderedDict(conv=nn.Conv2d(3, 2, 1), norm=seeded_norm(2), pool=nn.AdaptiveAvgPool2d(1), flat=nn.Flatten())
    )
    network, x = wrap(body, 8, 2), noise(2, 3, 8, 8)
    mean, deviation = network.bn_stats["conv"]
    values = network.features(x, "conv")["conv"].transpose(0, 1).flatten(1)
    miss = ((values.mean(1) - mean) ** 2 + (values.std(1) - deviation) ** 2).mean() / (deviation**2).mean()
    expected = network(x)[:, 1].mean() - 5 * miss
    assert dreams.class_score(network, 1, bn_weight=5)(x).item() == pytest.approx(expected.item(), rel=1e-4)


def test_a_network_without_a_classifier_has_no_answer_to_give(vgg19, photo):
    with pytest.raises(ValueError, match="vgg19 has no classifier"):
        vgg19.logits_and_features(photo, "relu1_1")


# --- Folding abstains -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "norm",
    [
        lambda: seeded_norm(8, affine=False),
        lambda: nn.BatchNorm2d(8, track_running_stats=False),
        lambda: nn.InstanceNorm2d(8),
    ],
)
def test_a_norm_that_cannot_be_folded_stays_and_the_answer_with_it(norm, noise):
    body = nn.Sequential(OrderedDict(conv=nn.Conv2d(3, 8, 3), norm=norm(), relu=nn.ReLU())).eval()
    x = noise(2, 3, 16, 16)
    network = wrap(body, 16, 8)
    torch.testing.assert_close(network(x), body(x))
    assert network.bn_stats == {}
    assert network.layers == ("conv", "norm", "relu")


def test_a_parametrized_convolution_is_not_folded(noise):
    conv = torch.nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 8, 3))
    body = nn.Sequential(OrderedDict(conv=conv, norm=seeded_norm(8))).eval()
    x = noise(2, 3, 16, 16)
    torch.testing.assert_close(wrap(body, 16, 8)(x), body(x))


def test_a_convolution_that_two_norms_share_is_not_folded_and_others_are(noise):
    body = Through(
        lambda m, x: m.first(m.conv(m.plain_norm(m.plain(x)))) + m.second(m.conv(x)),
        plain=nn.Conv2d(3, 3, 1),
        plain_norm=seeded_norm(3),
        conv=nn.Conv2d(3, 4, 1),
        first=seeded_norm(4),
        second=seeded_norm(4),
    ).eval()
    network, x = wrap(body, 16, 4), noise(2, 3, 16, 16)
    torch.testing.assert_close(network(x), body(x))
    assert list(network.bn_stats) == ["plain"]


def test_a_body_that_answers_with_a_dictionary_is_folded_all_the_same(noise):
    body = Through(lambda m, x: {"out": m.norm(m.conv(x))}, conv=nn.Conv2d(3, 4, 1), norm=seeded_norm(4)).eval()
    network, x = wrap(body, 16, None), noise(2, 3, 16, 16)
    torch.testing.assert_close(network.features(x, "conv")["conv"], body(x)["out"])
    assert list(network.bn_stats) == ["conv"]


def test_only_the_last_part_of_a_norms_name_becomes_relu():
    parts = OrderedDict(conv=nn.Conv2d(3, 4, 1), bn1=BatchNormAct2d(4), bn2=nn.Identity(), relu2=nn.ReLU())
    network = wrap(nn.Sequential(OrderedDict(subnet=nn.Sequential(parts))), 8, 4)
    assert network.layers == ("subnet.conv", "subnet.relu1", "subnet.relu2")
    parts = OrderedDict(conv=nn.Conv2d(3, 4, 1), bn1=BatchNormAct2d(4), relu1=nn.ReLU())
    assert wrap(nn.Sequential(parts), 8, 4).layers == ("conv", "bn1", "relu1")  # that name is taken


# --- Twice, copies and the caller's own -------------------------------------------------------------------------------


def test_a_pool_that_is_used_twice_averages_both_times_and_is_no_layer():
    body = Through(lambda m, x: m.pool(m.conv(m.pool(x))), conv=nn.Conv2d(3, 2, 1), pool=nn.MaxPool2d(2))
    network = wrap(body, 16, None)
    averaging = networks.average_pooling(network)
    assert averaging.layers == network.layers == ("conv",)
    x = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    expected = functional.avg_pool2d(network.body.conv(functional.avg_pool2d(x, 2)), 2)
    torch.testing.assert_close(averaging.body(x), expected)
    assert isinstance(network.body.pool, nn.MaxPool2d)


def test_a_pool_under_two_names_averages_under_both():
    pool = nn.MaxPool2d(2)
    network = wrap(nn.Sequential(OrderedDict(first=pool, conv=nn.Conv2d(3, 2, 1), second=pool)), 16, None)
    averaging = networks.average_pooling(network)
    assert not any(isinstance(module, nn.MaxPool2d) for module in averaging.modules())


@pytest.mark.parametrize("settings", [{"dilation": 2}, {"dilation": (1, 2)}, {"return_indices": True}])
def test_a_pool_without_an_average_counterpart_is_refused_by_name(settings):
    pool = nn.MaxPool2d(2, **settings)
    body = Through(lambda m, x: (m.pool(x), m.conv(x))[1], conv=nn.Conv2d(3, 2, 1), pool=pool)
    with pytest.raises(ValueError, match=r"'pool' of m is MaxPool2d\(.*\), for which there is no average pooling"):
        networks.average_pooling(wrap(body, 16, None))


def test_wrapping_leaves_the_body_of_the_caller_as_it_was():
    body = made("resnet18").train()
    before = copy.deepcopy(body)
    network = wrap(body)
    assert all(parameter.requires_grad for parameter in body.parameters())
    assert all(module.training for module in body.modules())
    assert [type(module) for module in body.modules()] == [type(module) for module in before.modules()]
    assert all(torch.equal(a, b) for a, b in zip(body.state_dict().values(), before.state_dict().values(), strict=True))
    assert body.relu.inplace
    assert not any(a is b for a in network.parameters() for b in body.parameters())


def test_copies_and_pickles_answer_alike(lite0, photo):
    for again in (copy.deepcopy(lite0), pickle.loads(pickle.dumps(lite0))):
        assert torch.equal(again(photo), lite0(photo))
        layer = "blocks.2.0.relu1"
        assert torch.equal(again.features(photo, layer)[layer], lite0.features(photo, layer)[layer])
        again.requires_grad_(True)  # and they share nothing
    assert not any(parameter.requires_grad for parameter in lite0.parameters())


# --- The state of PyTorch around a call -------------------------------------------------------------------------------


def test_a_network_that_was_made_in_inference_mode_gives_gradients_all_the_same(photo):
    with torch.inference_mode():
        loaded = networks.load("efficientnet_lite0", device="cpu")
        wrapped = wrap(nn.Sequential(nn.Conv2d(3, 2, 1), seeded_norm(2)), 8, 2)
        assert loaded(photo).shape == (1, 1000)
        assert loaded.features(photo, ["relu1", "classifier"])["relu1"].min() == 0
    for network in (loaded, wrapped):
        x = photo.clone().requires_grad_(True)
        network(x).sum().backward()
        assert x.grad.abs().sum() > 0


def test_a_network_is_the_same_under_another_default_type_and_under_autocast(lite0, photo):
    before = torch.get_default_dtype()
    try:
        torch.set_default_dtype(torch.float64)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            network = networks.load("efficientnet_lite0", device="cpu")
    finally:
        torch.set_default_dtype(before)
    assert len(network.bn_stats) == len(lite0.bn_stats) > 40
    torch.testing.assert_close(network(photo), lite0(photo), rtol=1e-4, atol=1e-4)


def test_a_network_may_be_made_double(lite0, photo):
    network = copy.deepcopy(lite0).double()
    torch.testing.assert_close(network(photo), lite0(photo).double(), rtol=0, atol=1e-4)


# --- One by one convolutions ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch", [1, 3])
def test_a_pointwise_convolution_is_the_convolution_that_it_was(batch, noise):
    conv = nn.Conv2d(3, 5, 1)
    x, y = (noise(batch, 3, 7, 9).requires_grad_(True) for _ in range(2))
    plain, ours = conv(x), None
    fast = copy.deepcopy(conv)
    folding.multiply_pointwise(nn.Sequential(fast))
    assert isinstance(fast, folding.Pointwise)
    ours = fast(y)
    torch.testing.assert_close(ours, plain, rtol=0, atol=1e-6)
    ours.square().sum().backward()
    plain.square().sum().backward()
    for a, b in ((x.grad, y.grad), (conv.weight.grad, fast.weight.grad), (conv.bias.grad, fast.bias.grad)):
        torch.testing.assert_close(b, a, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("settings", [{"kernel_size": 3}, {"stride": 2}, {"groups": 3}, {"padding": 1}])
def test_other_convolutions_stay_what_they_are(settings):
    conv = nn.Conv2d(3, 6, **{"kernel_size": 1, **settings})
    folding.multiply_pointwise(nn.Sequential(conv))
    assert type(conv) is nn.Conv2d


def test_a_network_whose_weights_may_move_trains(photo):
    network = networks.load(device="cpu").requires_grad_(True)
    target = torch.tensor([network.index("tiger cat")])
    before = functional.cross_entropy(network(photo), target)
    slopes = torch.autograd.grad(before, list(network.parameters()))
    with torch.no_grad():
        for weight, slope in zip(network.parameters(), slopes, strict=True):
            weight -= 1e-5 * slope
        assert functional.cross_entropy(network(photo), target) < before


def test_the_layers_of_efficientnet_lite0_are_the_ones_that_readers_know(lite0):
    unexpanded = ["conv_dw", "relu1", "conv_pw"]
    expanded = ["conv_pw", "relu1", "conv_dw", "relu2", "conv_pwl"]
    expected = ["conv_stem", "relu1"]
    for stage, depth in enumerate((1, 2, 2, 3, 3, 4, 1)):
        for block in range(depth):
            name = f"blocks.{stage}.{block}"
            expected += [f"{name}.{part}" for part in (expanded if stage else unexpanded)] + [name]
    assert lite0.layers == (*expected, "conv_head", "relu2", *lite0.layers[len(expected) + 2 :])
    assert lite0.layers[len(expected) + 2 :] == ("global_pool.pool", "global_pool.flatten", "global_pool", "classifier")
