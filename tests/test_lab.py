"""The network in the page: the same numbers as in Python, the same answers from a file and over http."""

from __future__ import annotations

import base64
import http.server
import io
import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from book.lab import compile as kernels
from book.lab import pack
from helpers import dreams, illusions, images, networks

NODE = shutil.which("node")
BROWSERS = {  # as Playwright calls them, and where the system has them
    "chromium": shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome"),
    "firefox": shutil.which("firefox-esr") or shutil.which("firefox"),
}
TESTS = Path(__file__).parent / "lab"
LAYERS = ("blocks.2.0", "blocks.4.2")
CATEGORY = "Egyptian cat"
NATURAL = {"color": 0.6, "blur": 0.5, "jitter": 0, "seed": 0}

needs_node = pytest.mark.skipif(NODE is None, reason="no Node found: the engine of the page was not tried by itself")


def places_last(pixels: Tensor) -> bytes:
    """One picture or gradient (1, 3, H, W) as the engine holds it."""
    return pixels[0].permute(1, 2, 0).contiguous().numpy(force=True).astype(np.float32).tobytes()


def ten_crops() -> list[tuple[str, Tensor]]:
    """Ten crops of the samples, two of each, at 224 pixels."""
    found = []
    for name in pack.SAMPLES:
        whole = images.sample(name)
        side = 3 * min(whole.shape[2:]) // 4
        found += [(f"{name}-whole", images.square(whole)), (f"{name}-near", images.square(whole[:, :, :side, :side]))]
    return found


class References:
    """What PyTorch computes, in a folder for Node to read."""

    def __init__(self, folder: Path, network: networks.Network) -> None:
        self.folder = folder
        self.table: dict[str, Any] = {"category": network.index(CATEGORY), "layers": LAYERS, "networks": {}}
        self.networks = {}
        for name, precision in (("float32", lambda *_: "float32"), ("mixed", pack.mixed)):
            packed = pack.pack(network, precision)
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

    def dreams(self) -> None:
        """One step of a dream, on one size and on four."""
        photo, self.table["dreams"] = images.resize(images.sample("cat"), (150, 226)), []
        for octaves in (1, 4):
            settings = {"layer": "blocks.4.2", "octaves": octaves, "steps": 1}
            dream = dreams.deep_dream(self.networks["mixed"], photo, **settings, jitter=0)  # type: ignore[arg-type]
            self.write(f"dream-{octaves}", dream)
            page = {**settings, **NATURAL, "size": 0.015}
            self.table["dreams"].append({"name": f"dream-{octaves}", "settings": page})

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
        self.table["attacks"] = [{"name": name, "category": label, "to": to} for name, label, to in named]
        settings: dict[str, Any] = {"most": 2 / 255, "halvings": 3, "steps": 3}
        self.table["least"] = illusions.least_epsilon(network, pictures[:1], labels[:1], **settings).item()


@pytest.fixture(scope="session")
def references(tmp_path_factory: pytest.TempPathFactory, lite0: networks.Network) -> References:
    made = References(tmp_path_factory.mktemp("references"), lite0)
    made.passes()
    made.class_images()
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


def test_packed_weights_are_the_network_rounded(lite0: networks.Network) -> None:
    packed = pack.pack(lite0)
    exact = pack.rounded(lite0, pack.pack(lite0, lambda *_: "float32"))
    x = images.square(images.sample("cat"))
    assert torch.equal(exact(x), lite0(x))
    assert 4.5e6 < len(packed.content) < 5.5e6
    twin = pack.rounded(lite0, packed)
    assert twin(x).argmax() == lite0(x).argmax()
    assert torch.cosine_similarity(twin(x), lite0(x)).item() > 0.99


# ---- in a browser


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the rendered book lays it out, with a page for each form of the laboratory and one without."""
    folder = tmp_path_factory.mktemp("site")
    static = folder / "_static"
    made = pack.build(static / "lab")
    assert [path.name for path in made] == ["network.js", "lab.css"]
    times = [path.stat().st_mtime_ns for path in made]
    assert [path.stat().st_mtime_ns for path in pack.build(static / "lab")] == times  # nothing changed, nothing written
    shutil.copy(Path(pack.__file__).parent.parent / "_static" / "lab.js", static)
    for mode in ("all", "see", "attack", "dream", "none"):
        element = f'<div class="lab" data-lab="{mode}"></div>' if mode != "none" else "<p>A chapter.</p>"
        head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width"><script src="_static/lab.js"></script>'
        (folder / f"{mode}.html").write_text(
            f'<!doctype html><html lang="en"><head>{head}</head><body>{element}</body></html>'
        )
    return folder


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(site))
    handler.log_message = lambda *_: None  # type: ignore[attr-defined]
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    if BROWSERS["chromium"] is None:
        pytest.skip("no Chromium found: the laboratory was not tried in it")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
        running = playwright.chromium.launch(executable_path=BROWSERS["chromium"], args=arguments)
        yield running
        running.close()


@pytest.fixture
def opened(chromium: Any, site: Path) -> Iterator[Callable[..., Any]]:
    """Open a page and start its laboratory; afterwards there must have been no error and no request to the outside."""
    pages: list[Any] = []
    wrong: list[str] = []

    def open_(name: str = "all", *, base: str = "", width: int = 1280, start: bool = True) -> Any:
        page = chromium.new_page(viewport={"width": width, "height": 900})
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


@pytest.mark.parametrize("scheme", ["file", "http"])
def test_the_page_computes_what_pytorch_computes(
    opened: Callable[..., Any], address: str, references: References, scheme: str
) -> None:
    page = opened("see", base=address if scheme == "http" else "")
    x, network = images.resize(images.sample("cat"), (150, 226)), references.networks["mixed"]
    shares, dream = page.evaluate(COMPUTED, [base64.b64encode(places_last(x)).decode(), 150, 226])
    logits = network(x)[0]
    assert (torch.tensor(shares).log() - logits.log_softmax(0)).abs().max() < 1e-3
    there = torch.tensor(dream).view(150, 226, 3).permute(2, 0, 1)[None]
    here = dreams.deep_dream(network, x, "blocks.4.2", octaves=1, steps=1, jitter=0)
    assert (there - here).abs().max() < 1 / 255


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
