"""The network in the page: the same numbers as in Python, the same answers from a file and over http."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from book.browser import Quiet, served
from book.lab import compile as kernels
from book.lab import lint, pack, precision, rounding
from helpers import dreams, illusions, images, networks
from helpers.illusions import patterns

NODE = shutil.which("node")
FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
TESTS = Path(__file__).parent / "lab"
STEP = re.compile(r"step \d+ of")
LAUNCHER = '<script src="_static/lab.js"></script>'
LAYERS = ("blocks.2.0", "blocks.4.2")
CATEGORY = "Egyptian cat"
CROP = 96  # pixels of a picture that is attacked
NATURAL = {"color": 0.6, "blur": 0.5, "jitter": 0, "seed": 0}

needs_node = pytest.mark.skipif(NODE is None, reason="no Node found: the engine of the page was not tried by itself")


def places_last(pixels: Tensor) -> bytes:
    """One picture or gradient (1, 3, H, W) as the engine holds it."""
    return pixels[0].permute(1, 2, 0).contiguous().numpy(force=True).astype(np.float32).tobytes()


def nearly_everywhere(there: Tensor, here: Tensor) -> bool:
    """Whether 999 of 1000 values differ by less than a gray level.

    All do as long as the same switches are open. Of the four million ReLU6 that a step at this size passes, one or two
    stand within 1e-5 of their edge and flip by rounding, as they do between single and double precision in PyTorch;
    each moves the few pixels that it sees, by up to a few levels. See `off_the_edge`.
    """
    return bool((there - here).abs().flatten().quantile(0.999) < 1 / 255)


def off_the_edge(network: networks.Network, layer: str, margin: float = 1e-5) -> Tensor:
    """A small picture at which no switch up to a layer stands so near its edge that rounding could flip it."""

    def nearest(x: Tensor) -> float:
        found: list[float] = []

        def watch(_: nn.Module, given: tuple[Tensor]) -> None:
            found.append(torch.minimum(given[0].abs(), (given[0] - 6).abs()).min().item())

        switches = [module for module in network.body.modules() if isinstance(module, nn.ReLU6)]
        handles = [module.register_forward_pre_hook(watch) for module in switches]
        with torch.no_grad():
            network.features(x, layer)
        for handle in handles:
            handle.remove()
        return min(found)

    small = (images.resize(images.sample(name), size) for size in ((48, 64), (64, 48)) for name in images.samples())
    return next(x for x in small if nearest(x) > margin)


def ten_crops() -> list[tuple[str, Tensor]]:
    """Ten crops of the samples, two of each, small."""
    found = []
    for name in pack.SAMPLES:
        whole = images.sample(name)
        side = 3 * min(whole.shape[2:]) // 4
        near = whole[:, :, :side, :side]
        found += [(f"{name}-whole", images.square(whole, CROP)), (f"{name}-near", images.square(near, CROP))]
    return found


class References:
    """What PyTorch computes, in a folder for Node to read."""

    def __init__(self, folder: Path, network: networks.Network, shipped: pack.Packed) -> None:
        self.folder = folder
        self.table: dict[str, Any] = {"category": network.index(CATEGORY), "layers": LAYERS, "networks": {}}
        self.networks = {}
        for name, packed in (("float32", pack.pack(network, lambda *_: "float32")), ("mixed", shipped)):
            self.networks[name] = pack.rounded(network, packed)
            self.table["networks"][name] = pack.description(network, packed)
            self.write(f"{name}.weights", packed.content)
        self.table["usual"] = pack.usual(network)

    def write(self, name: str, content: bytes | Tensor) -> None:
        content = places_last(content) if isinstance(content, Tensor) and content.dim() == 4 else content
        content = content.numpy(force=True).tobytes() if isinstance(content, Tensor) else content
        (self.folder / name).write_bytes(content)

    def passes(self) -> None:
        """Logits and gradients of two pictures."""
        cat = images.sample("cat")
        self.table["pictures"] = []
        for name, x in (("square", images.square(cat)), ("wide", images.resize(cat, (150, 226)))):
            entry: dict[str, Any] = {"name": name, "height": x.shape[2], "width": x.shape[3], "strengths": {}}
            self.write(f"{name}.pixels", x)
            for which, network in self.networks.items():
                y = x.clone().requires_grad_(True)
                logits = network(y)
                self.write(f"{name}.{which}.logits", logits)
                loss = cross_entropy(logits, torch.tensor([self.table["category"]]))
                self.write(f"{name}.{which}.attack", torch.autograd.grad(loss, y)[0])
                entry["strengths"][which] = {}
                for layer in LAYERS:
                    strength = dreams.layer_strength(network, layer)(y).sum()
                    entry["strengths"][which][layer] = strength.item()
                    self.write(f"{name}.{which}.{layer}", torch.autograd.grad(strength, y)[0])
            self.table["pictures"].append(entry)
        y = images.square(cat).requires_grad_(True)
        channel = self.networks["mixed"].features(y, "blocks.4.2")["blocks.4.2"][:, 7].mean()
        self.write("channel", torch.autograd.grad(channel, y)[0])

    def class_images(self) -> None:
        """The score of some views, its slopes, and waves with the picture that they make."""
        views = torch.cat([images.square(images.sample(name), 96) for name in ("cat", "clouds")]).requires_grad_(True)
        score = dreams.class_score(self.networks["mixed"], self.table["category"], bn_weight=12)(views)
        slopes = torch.autograd.grad(score, views)[0]
        self.table |= {"score": score.item(), "views": ["view-0", "view-1"]}
        for i in range(2):
            self.write(f"view-{i}", views[i : i + 1])
            self.write(f"view-{i}.slope", slopes[i : i + 1])
        generator = torch.Generator().manual_seed(3)
        waves = (20 * dreams.faint_waves(64, generator)).requires_grad_(True)
        picture, pull = dreams.compose(waves, finest=20), torch.randn(1, 3, 64, 64, generator=generator)
        self.write("waves", waves.flatten())
        self.write("waves.picture", picture)
        self.write("waves.gradient", pull)
        self.write("waves.slope", torch.autograd.grad((picture * pull).sum(), waves)[0].flatten())

    def drawings(self) -> None:
        """Stitches from two lists of numbers."""
        chance = torch.Generator().manual_seed(4)
        plain, bent = torch.full((1, 16), 0.5), torch.rand(1, 16, generator=chance)
        plain[0, 13] = 1.0
        self.table["bent"] = bent[0].tolist()
        for name, numbers in (("plain", plain), ("bent", bent)):
            self.write(f"stitches.{name}", images.quantize(patterns.stitches(numbers, 48)))

    def dreams(self) -> None:
        """One step of a dream: on a picture where no switch can flip, and on a larger one, at one size and at four."""
        network, wide = self.networks["mixed"], images.resize(images.sample("cat"), (150, 226))
        steady, self.table["dreams"] = off_the_edge(network, "blocks.4.2"), []
        for name, x, octaves in (("steady", steady, 1), ("wide-1", wide, 1), ("wide-4", wide, 4)):
            settings = {"layer": "blocks.4.2", "octaves": octaves, "steps": 1}
            self.write(f"{name}.dream", dreams.deep_dream(network, x, **settings, jitter=0))  # type: ignore[arg-type]
            self.write(f"{name}.pixels", x)
            page = {**settings, **NATURAL, "size": 0.015}
            entry = {"name": name, "height": x.shape[2], "width": x.shape[3], "settings": page}
            self.table["dreams"].append(entry)

    def attacks(self) -> None:
        """What a small attack makes of ten crops, and the least epsilon of the first."""
        network, crops = self.networks["mixed"], ten_crops()
        pictures = torch.cat([x for _, x in crops])
        labels = network(pictures).argmax(1)
        moved = illusions.pgd(network, pictures, labels, epsilon=1 / 255, steps=4)
        answers = network(moved).argmax(1).tolist()
        for name, x in crops:
            self.write(f"{name}.pixels", x)
        named = zip([name for name, _ in crops], labels.tolist(), answers, strict=True)
        size = {"height": CROP, "width": CROP}
        self.table["attacks"] = [{"name": name, **size, "category": label, "to": to} for name, label, to in named]
        settings: dict[str, Any] = {"most": 2 / 255, "halvings": 3, "steps": 3}
        self.table["least"] = illusions.least_epsilon(network, pictures[:1], labels[:1], **settings).item()


@pytest.fixture(scope="session")
def shipped(lite0: networks.Network) -> pack.Packed:
    return pack.pack(lite0)


@pytest.fixture(scope="session")
def twin(lite0: networks.Network, shipped: pack.Packed) -> networks.Network:
    """The network that the page computes with, in PyTorch."""
    return pack.rounded(lite0, shipped)


@pytest.fixture(scope="session")
def references(tmp_path_factory: pytest.TempPathFactory, lite0: networks.Network, shipped: pack.Packed) -> References:
    made = References(tmp_path_factory.mktemp("references"), lite0, shipped)
    made.passes()
    made.class_images()
    made.drawings()
    made.dreams()
    made.attacks()
    (made.folder / "references.json").write_text(json.dumps(made.table))
    return made


def node(*files: str, **environment: str) -> str:
    """Run tests under Node's own runner; what it prints."""
    assert NODE is not None
    relaxed = "--experimental-wasm-relaxed-simd"  # newer ones need no such word, and may not know it
    known = subprocess.run([NODE, relaxed, "--version"], capture_output=True).returncode == 0
    command = [NODE, *[relaxed] * known, "--test", *(str(TESTS / file) for file in files)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment})
    assert done.returncode == 0, re.sub(r"(?m)^ok .*\n(  ---\n(  .*\n)*?  \.\.\.\n)?|^# Subtest.*\n", "", done.stdout)
    return done.stdout


@needs_node
def test_functions_of_pictures() -> None:
    node("pictures.test.mjs")


@needs_node
def test_the_engine_computes_what_pytorch_computes(references: References) -> None:
    node("engine.test.mjs", LAB_REFERENCES=str(references.folder))


def test_a_clone_without_npm_is_linted_with_a_line_and_a_workflow_must_have_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lint, "command", lambda *_: None)
    for variable, code in (("", 0), ("true", 1)):
        monkeypatch.setenv("GITHUB_ACTIONS", variable)
        assert lint.main() == code
        assert capsys.readouterr().out.count("could not be had from npm") == len(lint.CHECKS)
    monkeypatch.setattr(lint, "command", lambda *_: ["false"])
    assert lint.main() == 1


@needs_node
@pytest.mark.skipif(
    kernels.compiler() is None, reason="no zig or clang found: the kernels of the page were not built anew"
)
def test_a_fresh_build_of_the_kernels_computes_the_same(tmp_path: Path) -> None:
    kernels.build(tmp_path)
    node("kernels.test.mjs", LAB_KERNELS=str(tmp_path))


def test_modules_are_bundled_only_while_their_names_differ(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text('import { b } from "./b.js";\nexport const a = b;\n')
    (tmp_path / "b.js").write_text("export const b = 1;\n")
    assert pack.bundle(["b", "a"], tmp_path).split("\n\n") == ["const b = 1;", "const a = b;\n"]
    (tmp_path / "b.js").write_text("const a = 1;\n")
    with pytest.raises(ValueError, match="both have something called a"):
        pack.bundle(["a", "b"], tmp_path)


def test_packed_weights_are_the_network_rounded(lite0: networks.Network, shipped: pack.Packed) -> None:
    exact = pack.rounded(lite0, pack.pack(lite0, lambda *_: "float32"))
    x = images.square(images.sample("cat"))
    assert torch.equal(exact(x), lite0(x))
    assert 4.5e6 < len(shipped.content) < 5.5e6
    twin = pack.rounded(lite0, shipped)
    assert twin(x).argmax() == lite0(x).argmax()
    assert torch.cosine_similarity(twin(x), lite0(x)).item() > 0.99


def test_the_table_of_precision_is_of_pictures_that_the_rounding_did_not_see() -> None:
    assert set(precision.JUDGED) | set(rounding.FITTED) == set(images.samples())
    assert precision.counts().items() <= pack.precision_table().items()  # else: python -m book.lab.precision
    assert [row["weights"] for row in pack.precision_table()["rows"]] == list(precision.KINDS)


def test_rounding_with_an_eye_on_the_outputs_does_less_harm() -> None:
    chance = torch.Generator().manual_seed(0)
    rows = torch.randn(400, 12, generator=chance) @ torch.randn(12, 60, generator=chance)  # inputs that vary together
    matrix = torch.randn(60, 9, generator=chance).numpy()
    bits, scale = rounding.compensated(matrix, rounding.Inputs(rows.T @ rows / 400, rows.mean(0)))
    plain = np.abs(matrix).max(0) / 127
    alone = np.rint(matrix / plain) * plain
    harm = [float(np.square(rows.numpy() @ (kept - matrix)).mean()) for kept in (bits * scale, alone)]
    assert harm[0] < 0.2 * harm[1]


# ---- in a browser


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, shipped: pack.Packed) -> Path:
    """A folder as the rendered book lays it out, with a page for each form of the laboratory and one without."""
    folder = tmp_path_factory.mktemp("site")
    static = folder / "_static"
    made = pack.build(static / "lab", shipped)
    assert [path.name for path in made] == ["network.js", "lab.css"]
    times = [path.stat().st_mtime_ns for path in made]
    assert [path.stat().st_mtime_ns for path in pack.build(static / "lab")] == times  # nothing changed, nothing written
    shutil.copy(Path(pack.__file__).parent.parent / "_static" / "lab.js", static)
    for mode in ("all", "see", "attack", "dream", "none"):
        element = f'<div class="lab" data-lab="{mode}"></div>' if mode != "none" else "<p>A chapter.</p>"
        head = (
            '<meta charset="utf-8"><meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">'
            + LAUNCHER
        )
        (folder / f"{mode}.html").write_text(
            f'<!doctype html><html lang="en"><head>{head}</head><body>{element}</body></html>'
        )
    return folder


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    with served(site) as address:
        yield address


@pytest.fixture
def opened(browser: Any, site: Path) -> Iterator[Callable[..., Any]]:
    """Open a page and start its laboratory; afterwards there must have been no error and no request to the outside."""
    pages: list[Any] = []
    wrong: list[str] = []

    def open_(name: str = "all", *, base: str = "", width: int = 1280, start: bool = True) -> Any:
        page = browser.new_page(viewport={"width": width, "height": 900})
        pages.append(page)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        local = ("http://127.0.0.1", "file:", "data:", "blob:")
        page.on("request", lambda request: None if request.url.startswith(local) else wrong.append(request.url))
        page.goto(f"{base or site.as_uri()}/{name}.html")
        if start:
            page.get_by_role("button", name="Start the laboratory").click()
            page.locator(".lab-photo canvas").wait_for()
        return page

    yield open_
    for page in pages:
        page.close()
    assert wrong == []


COMPUTED = """async ([pixels, height, width]) => {
  const binary = atob(pixels), bytes = Uint8Array.from(binary, (letter) => letter.charCodeAt(0));
  const picture = { pixels: new Float32Array(bytes.buffer), height, width };
  const { shares } = await underTheHood.machine.get("look", { picture });
  const settings = { octaves: 1, steps: 1, size: 0.015, color: 0.6, blur: 0.5, jitter: 0, seed: 0 };
  const dream = await underTheHood.machine.get("dream", { picture, wanted: { layer: "blocks.4.2" }, settings });
  return [Array.from(shares), Array.from(dream.pixels)];
}"""


IN_LETTERS = f"""async (given) => (await ({COMPUTED})(given)).map((values) => {{
  const bytes = new Uint8Array(new Float32Array(values).buffer);
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}})"""  # a hundred thousand numbers, each written out, take longer than the dream


@pytest.mark.parametrize("scheme", ["file", "http"])
def test_the_page_computes_what_pytorch_computes(
    opened: Callable[..., Any], address: str, twin: networks.Network, scheme: str
) -> None:
    page, x = opened("see", base=address if scheme == "http" else ""), images.resize(images.sample("cat"), (150, 226))
    told = page.evaluate(IN_LETTERS, [base64.b64encode(places_last(x)).decode(), 150, 226])
    shares, dream = (torch.frombuffer(bytearray(base64.b64decode(one)), dtype=torch.float32) for one in told)
    logits = twin(x)[0]
    assert (shares.log() - logits.log_softmax(0)).abs().max() < 1e-3
    there = dream.view(150, 226, 3).permute(2, 0, 1)[None]
    here = dreams.deep_dream(twin, x, "blocks.4.2", octaves=1, steps=1, jitter=0)
    assert nearly_everywhere(there, here)


def test_a_page_without_a_laboratory_loads_a_few_kilobytes(opened: Callable[..., Any], address: str) -> None:
    page = opened("none", base=address, start=False)
    loaded = page.evaluate("performance.getEntriesByType('resource').map((one) => [one.name, one.decodedBodySize])")
    assert [Path(name).name for name, _ in loaded] == ["lab.js"]
    assert loaded[0][1] < 5000
    assert "lab" not in page.content().replace("lab.js", "")


def test_the_network_is_loaded_when_it_is_asked_for(opened: Callable[..., Any], address: str) -> None:
    page = opened("attack", base=address, start=False)
    names = "performance.getEntriesByType('resource').map((one) => one.name.split('/').pop())"
    assert "network.js" not in page.evaluate(names)
    page.get_by_role("button", name="Start the laboratory").click()
    page.locator(".lab-bars li").first.wait_for()
    assert "network.js" in page.evaluate(names)


def png(width: int, height: int, color: str = "teal") -> dict[str, Any]:
    """A plain picture as a file to choose."""
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), color).save(buffer, "PNG", compress_level=1)
    return {"name": "plain.png", "mimeType": "image/png", "buffer": buffer.getvalue()}


def file(name: str, kind: str, content: bytes = b"this is not a picture") -> dict[str, Any]:
    return {"name": name, "mimeType": kind, "buffer": content}


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        (png(1, 1), "plain.png is 1 × 1 pixels; the shorter side needs 32."),
        (png(8000, 40), "plain.png is too narrow, 8000 × 40 pixels: cut it to a squarer shape."),
        (file("letter.txt", "text/plain"), "letter.txt is not a picture: choose a JPEG, PNG or WebP."),
        (file("broken.jpg", "image/jpeg"), "This browser cannot read broken.jpg: save it as JPEG or PNG"),
        (file("photo.heic", "image/heic"), "This browser cannot read HEIC photos: save it as JPEG or PNG"),
    ],
    ids=lambda value: value if isinstance(value, str) else value["name"],
)
def test_a_photo_that_will_not_do_is_refused_in_a_sentence(
    opened: Callable[..., Any], chosen: dict[str, Any], words: str
) -> None:
    page = opened("see")
    page.get_by_text("Now: the sample “cat”").wait_for()
    page.set_input_files("input[type=file] >> nth=0", chosen)
    page.locator(".lab-photo .lab-wrong").get_by_text(words).wait_for()
    assert "sample “cat”" in page.locator(".lab-photo").inner_text()  # nothing is lost
    page.set_input_files("input[type=file] >> nth=0", png(300, 200))
    page.get_by_text("Now: “plain.png”").wait_for()
    assert page.locator(".lab-photo .lab-wrong").inner_text() == ""


def test_a_photo_of_fifty_megapixels_is_scaled_down_with_a_word(opened: Callable[..., Any]) -> None:
    page = opened("see")
    page.set_input_files("input[type=file] >> nth=0", png(8200, 6150))
    page.get_by_text("Scaled down from 8200 × 6150 to 1024 × 768 pixels.").wait_for()


def test_a_photo_is_kept_for_the_other_pages_until_it_is_forgotten(opened: Callable[..., Any], address: str) -> None:
    page = opened("see", base=address)
    page.set_input_files("input[type=file] >> nth=0", png(300, 200, "navy"))
    page.get_by_text("Now: “plain.png”").wait_for()
    page.goto(f"{address}/dream.html")
    page.get_by_role("button", name="Start the laboratory").click()
    page.get_by_text("Now: “plain.png”").wait_for()
    page.get_by_role("button", name="Forget it").click()
    page.get_by_text("Now: the sample “cat”").wait_for()
    assert page.evaluate("localStorage.length") <= 1
    page.close()


NO_SIMD = "WebAssembly.validate = () => false;"
NO_WORKER = "window.Worker = class { constructor() { throw new Error('refused'); } };"
NO_INFLATE = "delete window.DecompressionStream;"


@pytest.mark.parametrize(
    ("script", "words"),
    [(NO_SIMD, "has no SIMD"), (NO_WORKER, "allows no worker"), (NO_INFLATE, "cannot unpack the weights")],
)
def test_a_browser_that_lacks_something_is_told_so_and_may_try_again(
    browser: Any, site: Path, script: str, words: str
) -> None:
    page = browser.new_page()
    page.add_init_script(script)
    page.goto(f"{site.as_uri()}/see.html")
    page.get_by_role("button", name="Start the laboratory").click()
    page.get_by_text(words).wait_for()
    assert page.get_by_role("button", name="Start the laboratory").is_enabled()
    page.close()


def test_a_network_that_is_missing_is_told_in_a_sentence(browser: Any, site: Path, tmp_path: Path) -> None:
    (tmp_path / "_static").mkdir()
    shutil.copy(site / "_static" / "lab.js", tmp_path / "_static")
    shutil.copy(site / "see.html", tmp_path)
    page = browser.new_page()
    page.goto(f"{tmp_path.as_uri()}/see.html")
    page.get_by_role("button", name="Start the laboratory").click()
    page.get_by_text("The network could not be loaded.").wait_for()
    page.close()


def test_a_lost_worker_is_told_and_the_next_wish_starts_another(browser: Any, site: Path) -> None:
    page = browser.new_page()
    page.add_init_script(
        "const Real = Worker;"
        "window.Worker = class extends Real { constructor(url) { super(url); window.kept = this; } };"
    )
    page.goto(f"{site.as_uri()}/dream.html")
    page.get_by_role("button", name="Start the laboratory").click()
    page.get_by_role("button", name="Dream", exact=True).click()
    page.get_by_text(STEP).wait_for()
    page.evaluate("kept.onerror(new Event('error'))")
    page.get_by_text("The worker that computes was lost").wait_for()
    page.get_by_role("button", name="Dream", exact=True).click()
    page.get_by_text(STEP).wait_for()
    page.close()


ANSWERED = """async () => {  // the worker answers in the order in which it was asked
  const picture = { pixels: new Float32Array(32 * 32 * 3), height: 32, width: 32 };
  await underTheHood.machine.get("look", { picture });
}"""


def test_a_dream_can_be_paused_stopped_and_taken_up(opened: Callable[..., Any]) -> None:
    page = opened("dream")
    page.get_by_label("Longer side").select_option("224")
    words, pictures = page.locator(".lab-panel .lab-progress .lab-words").first, page.locator(".lab-stage canvas").first
    before = pictures.evaluate("canvas => canvas.toDataURL()")
    page.get_by_role("button", name="Dream", exact=True).click()
    page.get_by_text(STEP).wait_for()
    page.get_by_role("button", name="Pause").click()
    page.evaluate(ANSWERED)  # so it has heard of the pause, and has told of the step that it was at
    paused = words.inner_text()
    page.wait_for_timeout(300)  # several steps
    page.evaluate(ANSWERED)
    assert words.inner_text() == paused
    page.get_by_role("button", name="Go on").click()
    page.get_by_text(re.compile(r"step [2-7]\d of 80")).wait_for()
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("There it is.").wait_for(timeout=2000)
    after = pictures.evaluate("canvas => canvas.toDataURL()")
    assert after != before
    page.get_by_role("button", name="Show the photo").click()
    assert pictures.evaluate("canvas => canvas.toDataURL()") == before
    assert page.get_by_role("button", name="Show the dream").is_enabled()
    page.get_by_role("button", name="Dream on from here").click()
    page.get_by_text(STEP).wait_for()
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("There it is.").wait_for()
    with page.expect_download() as png_file:
        page.get_by_role("button", name="Save PNG").click()
    with page.expect_download() as film:
        page.get_by_role("button", name="Save the making").click()
    with Image.open(png_file.value.path()) as still:
        assert still.size == (224, 149)
    with Image.open(film.value.path()) as moving:
        assert moving.format == "WEBP"
        assert moving.n_frames > 2
        moving.seek(moving.n_frames - 1)
        assert moving.convert("RGB").size == (224, 149)
    page.get_by_role("button", name="Start over").click()
    assert page.get_by_role("button", name="Show the photo").is_disabled()  # and says so again
    assert pictures.evaluate("canvas => canvas.toDataURL()") == before


def test_a_painted_region_is_marked_until_it_dreams(opened: Callable[..., Any]) -> None:
    page = opened("dream")
    page.get_by_label("Longer side").select_option("224")
    page.get_by_label("Sizes (octaves)").fill("1")
    page.locator(".lab-field", has_text="Where").locator("select").select_option("brush")
    page.get_by_label("Steps at each").fill("5")
    page.get_by_role("button", name="Dream", exact=True).click()
    page.get_by_text("Nothing is painted yet").wait_for()
    stage = page.locator(".lab-stage").first
    marked = "one => one.classList.contains('brushing')"
    assert stage.evaluate(marked)
    stage.click(position={"x": 60, "y": 60})
    page.get_by_role("button", name="Dream", exact=True).click()
    page.get_by_text("There it is.").wait_for()
    assert not stage.evaluate(marked)  # else the mark would hide the dream
    stage.click(position={"x": 90, "y": 60})
    assert stage.evaluate(marked)


def test_a_narrow_picture_dreams_at_as_many_sizes_as_fit(opened: Callable[..., Any]) -> None:
    page, buffer = opened("dream"), io.BytesIO()
    images.to_pil(images.resize(images.sample("cat"), (40, 256))).save(buffer, "PNG")
    page.set_input_files("input[type=file] >> nth=0", file("narrow.png", "image/png", buffer.getvalue()))
    page.get_by_text("Now: “narrow.png”").wait_for()
    page.get_by_label("Steps at each").fill("5")
    page.get_by_role("button", name="Dream", exact=True).click()
    page.get_by_text("There it is, at 2 of 4 sizes").wait_for()
    page.get_by_text("The same in Python").click()
    lines = python_of(page, "octaves=2")
    assert 'images.load("narrow.png", size=320)' in lines  # scaled up, as the page does
    assert page.locator(".lab-stage canvas").first.evaluate("one => [one.width, one.height]") == [320, 50]


def test_an_illusion_is_made_saved_and_dropped_in_again(opened: Callable[..., Any]) -> None:
    page = opened("attack")
    page.get_by_label("Steps").select_option("5")
    page.get_by_role("combobox", name="Name").fill("no such thing")
    page.get_by_role("button", name="Attack", exact=True).click()
    page.get_by_text("The network has no category “no such thing”").wait_for()
    page.get_by_role("combobox", name="Name").fill("remote con")
    levels = page.get_by_label("Gray levels")
    before = levels.input_value()
    levels.fill("0")  # a quarter of a level
    page.get_by_role("button", name="Attack", exact=True).click()
    page.get_by_text("Not yet:").wait_for()
    assert page.get_by_role("button", name="Does it survive?").is_disabled()
    levels.fill(before)
    page.get_by_role("button", name="Attack", exact=True).click()
    page.get_by_text("Done: the network says remote control").wait_for()
    page.get_by_role("button", name="Does it survive?").click()
    rows = page.locator(".lab-table tr")
    page.get_by_text("treatments it survives").wait_for()
    assert rows.count() == 6
    assert "remote control" in rows.nth(1).inner_text()  # 8 bits
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save PNG").click()
    page.get_by_role("button", name="Forget it").click()
    page.locator(".lab-bars").first.get_by_text("Egyptian cat").wait_for()
    page.set_input_files("input[type=file] >> nth=0", file("again.png", "image/png", saved.value.path().read_bytes()))
    page.locator(".lab-bars").first.get_by_text("remote control").wait_for()


def python_of(page: Any, call: str) -> str:
    """The lines of *The same in Python*, once they hold a call."""
    code = page.locator(".lab-python code", has_text=call)
    code.wait_for(state="attached")
    return str(code.text_content())


def test_the_lines_of_python_do_what_they_say(opened: Callable[..., Any], tmp_path: Path) -> None:
    page = opened("attack")
    page.get_by_text("The same in Python").click()
    lines = python_of(page, "illusions.pgd")
    found: dict[str, Any] = {}
    with contextlib.chdir(tmp_path):
        exec(lines, found)
    assert found["network"].top(found["attacked"], 1)[0][0][0] == "remote control"
    assert (tmp_path / "attacked.png").is_file()
    page.goto(page.url.replace("attack", "dream"))
    page.get_by_role("button", name="Start the laboratory").click()
    page.get_by_text("The same in Python").click()
    python_of(page, 'dreams.deep_dream(network, photo, "blocks.4.2", octaves=4, steps=20, step_size=0.015)')
    page.get_by_label("More of").select_option("category")
    compile(python_of(page, 'network.index("Samoyed")'), "page", "exec")


def test_the_keyboard_does_what_the_mouse_does(opened: Callable[..., Any]) -> None:
    page = opened("all")
    bars = page.locator(".lab-bars").first
    bars.locator("li").first.wait_for()
    stage = page.locator(".lab-stage[tabindex]")
    before = bars.inner_text()
    stage.press("ArrowLeft")
    page.get_by_text("without the patch").wait_for()
    assert bars.inner_text() != before
    page.get_by_role("button", name="Layers as light").press("Enter")
    stage.press("ArrowUp")
    page.get_by_text("The pixels that this place looks at").wait_for()
    chooser, frame = page.locator(".lab-chooser"), page.locator(".lab-frame")
    place = frame.get_attribute("style")
    chooser.press("ArrowRight")
    assert frame.get_attribute("style") != place
    page.get_by_role("tab", name="See").press("ArrowRight")
    assert page.get_by_role("tab", name="Attack").get_attribute("aria-selected") == "true"
    assert page.get_by_role("tabpanel").count() == 1


def test_no_form_is_wider_than_a_phone(opened: Callable[..., Any]) -> None:
    page = opened("all", width=390)
    for tab in page.get_by_role("tab").all():
        tab.click()
        page.wait_for_timeout(100)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, tab.inner_text()
        small = page.eval_on_selector_all(
            ".lab button, .lab select, .lab input[type=text]",
            "all => all.filter((one) => one.offsetParent && one.offsetHeight < 28).map((one) => one.textContent)",
        )
        assert small == []  # a finger must find them


def test_a_prediction_opens_the_measurement_and_fills_the_ledger(opened: Callable[..., Any]) -> None:
    page = opened("all")
    page.get_by_role("tab", name="Your ledger").click()
    claim = page.locator(".lab-claim").filter(has_text="5.7")
    assert claim.get_by_role("button", name="Measure it").is_disabled()
    claim.get_by_role("button", name="less sure").click()
    claim.get_by_role("button", name="Measure it").click()
    claim.get_by_text("Verdict:").wait_for(timeout=30_000)
    row = page.locator(".lab-ledger tbody tr")
    assert row.count() == 1
    assert row.inner_text().startswith("5.7")
    page.evaluate("navigator.clipboard.writeText = (text) => { window.copied = text; return Promise.resolve(); }")
    page.get_by_role("button", name="Copy as text").click()
    page.get_by_role("button", name="Copied").wait_for()
    assert "5.7, on the sample “cat”" in page.evaluate("window.copied")


def test_a_class_image_pleases_the_network_that_drew_it(opened: Callable[..., Any]) -> None:
    page = opened("all")
    page.get_by_role("tab", name="Class images").click()
    page.get_by_label("Side").select_option("64")
    page.get_by_label("Steps").fill("100")
    page.get_by_label("Category").fill("hourglass")
    page.get_by_role("button", name="Draw").click()
    page.get_by_text("Drawn for “hourglass”; the network that drew it says hourglass").wait_for(timeout=30_000)


# ---- in Firefox, which Playwright can drive only in a build of its own: the page tells what it sees

SELF_TEST = """<script>
addEventListener("load", async () => {
  const until = async (what) => { while (!what()) await new Promise((done) => setTimeout(done, 50)); };
  const press = (text) => [...document.querySelectorAll(".lab button")].find((one) => one.textContent === text).click();
  const words = () => document.querySelector(".lab").innerText;
  let told;
  try {
    press("Start the laboratory, 6 MB");
    await until(() => document.querySelector(".lab-bars li"));
    const [shares, dream] = await (COMPUTED)(GIVEN);
    press("Attack");
    await until(() => words().includes("Done:"));
    told = { shares, dream, words: words() };
  } catch (error) {
    told = { failed: String(error) };
  }
  await fetch("ADDRESS", { method: "POST", mode: "no-cors", body: JSON.stringify(told) });
});
</script>"""


class Ear(Quiet):
    """Serves a folder, and keeps what a page posts."""

    heard: ClassVar[list[dict[str, Any]]] = []

    def do_POST(self) -> None:  # noqa: N802  # as the server calls it
        self.heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()


@pytest.mark.skipif(FIREFOX is None, reason="no Firefox found: the laboratory was not tried in it")
@pytest.mark.parametrize("scheme", ["file", "http"])
@pytest.mark.book
def test_firefox_computes_the_same(site: Path, tmp_path: Path, twin: networks.Network, scheme: str) -> None:
    x = images.resize(images.sample("cat"), (150, 226))
    given = json.dumps([base64.b64encode(places_last(x)).decode(), 150, 226])
    Ear.heard.clear()
    with served(site, Ear) as base:
        script = SELF_TEST.replace("COMPUTED", COMPUTED).replace("GIVEN", given).replace("ADDRESS", f"{base}/heard")
        page = site / f"firefox-{scheme}.html"
        page.write_text((site / "attack.html").read_text().replace("</body>", f"{script}</body>"))
        url = page.as_uri() if scheme == "file" else f"{base}/{page.name}"
        profile = tmp_path / "profile"
        profile.mkdir()
        command = [FIREFOX, "--headless", "--no-remote", "--profile", str(profile), url]
        environment = {**os.environ, "HOME": str(tmp_path), "MOZ_CRASHREPORTER_DISABLE": "1"}
        with subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
        ) as firefox:
            deadline = time.monotonic() + 60
            while not Ear.heard and time.monotonic() < deadline:
                time.sleep(0.1)
            firefox.terminate()
    assert Ear.heard, "Firefox told nothing within a minute"
    told = Ear.heard[0]
    assert "failed" not in told, told
    assert (torch.tensor(told["shares"]).log() - twin(x)[0].log_softmax(0)).abs().max() < 1e-3
    there = torch.tensor(told["dream"]).view(150, 226, 3).permute(2, 0, 1)[None]
    assert nearly_everywhere(there, dreams.deep_dream(twin, x, "blocks.4.2", octaves=1, steps=1, jitter=0))
    assert "the network says remote control" in told["words"]
