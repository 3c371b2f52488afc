"""The engine of the laboratory beside tfjs and onnxruntime-web, on one page, in turn, with one thread each.

Neither peer has a backward pass of its own here (tfjs' WebAssembly lacks that of the depthwise convolution,
onnxruntime-web has none), so each gets the same one by hand, out of its own operations, and the page asserts that all
three find the same slopes. It needs Chromium, npm, and ``pip install onnx``.
"""

from __future__ import annotations

import base64
import gzip
import importlib.util
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from benchmarks.timing import Spread, spread
from book import browser
from book.lab import pack
from helpers import images, networks

HERE = Path(__file__).parent
FOLDER = HERE.parent.parent / "book" / "_build" / "lab_peers"
PACKAGES = ["@tensorflow/tfjs@4.22.0", "@tensorflow/tfjs-backend-wasm@4.22.0", "onnxruntime-web@1.30.0"]
ROUNDS, SIDE, LAYER = 9, 224, "blocks.4.2"
TASKS = {"forward": "a forward pass", "attack": "an attack's slope", "dream": f"a dream's slope at {LAYER}"}
PEERS = {"tfjs": "tfjs-wasm", "ort": "onnxruntime-web"}


def lacking() -> str:
    """What is missing for this part, or nothing."""
    if browser.find() is None:
        return "no Chromium found"
    if shutil.which("npm") is None:
        return "no npm found"
    return "" if importlib.util.find_spec("onnx") else "onnx is not installed"


def site(folder: Path) -> None:
    """Put the page, the peers, the packed network and its graphs into a folder."""
    from benchmarks.lab import graphs

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_text("{}")
    subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", *PACKAGES], cwd=folder, check=True)
    packed = pack.pack(networks.load(pack.NETWORK, device="cpu"))
    parameters = {name: (w.numpy(), b.numpy()) for name, (w, b) in packed.parameters.items()}
    for task in TASKS:
        model = graphs.model(packed.operations, parameters, task, side=SIDE, layer=LAYER)
        (folder / f"{task}.onnx").write_bytes(model)
    modules = ("engine", "weights", "chance", "pictures", "climbing")
    wasm = base64.b64encode((pack.LAB / "kernels_relaxed.wasm").read_bytes()).decode()
    given = {
        "operations": packed.operations,
        "weights": base64.b64encode(packed.content).decode(),
        "kernels": wasm,
        "pixels": base64.b64encode(
            images.square(images.sample("cat"), SIDE)[0].permute(1, 2, 0).numpy().tobytes()
        ).decode(),
        "side": SIDE,
        "layer": LAYER,
    }
    script = f"const GIVEN = {json.dumps(given)};\n{pack.bundle(modules)}\n{(HERE / 'page.js').read_text()}"
    (folder / "measure.js").write_text(script)
    shutil.copy(HERE / "page.html", folder / "index.html")


def measured(folder: Path) -> dict[str, Any]:
    """Milliseconds of each side at each task, round by round, and how far the slopes agree; from a real browser."""
    with browser.chromium() as running, browser.served(folder) as address:
        page = running.new_page()
        page.goto(f"{address}/index.html")
        found = page.evaluate(f"measure({ROUNDS})")
    return found


FREEZE = """async (seconds) => {
  let [before, longest] = [performance.now(), 0];
  const end = before + 1000 * seconds;
  while (before < end) {
    const now = await new Promise((done) => requestAnimationFrame(done));
    longest = Math.max(longest, performance.now() - before);
    before = performance.now();
  }
  return longest;
}"""


def freezes(folder: Path, times: int = 5) -> Spread:
    """The page's longest freeze in two seconds, in milliseconds, while its worker dreams; over a few such spans."""
    static = folder / "_static"
    pack.build(static / "lab")
    shutil.copy(pack.LAB.parent / "_static" / "lab.js", static)
    page = '<!doctype html><script src="_static/lab.js"></script><div class="lab" data-lab="dream"></div>'
    (folder / "dream.html").write_text(page)
    with browser.chromium() as running:
        opened = running.new_page()
        opened.goto((folder / "dream.html").as_uri())
        opened.get_by_role("button", name="Start the laboratory").click()
        opened.get_by_label("Steps at each").fill("60")
        opened.get_by_label("Longer side").select_option("448")
        opened.get_by_role("button", name="Dream", exact=True).click()
        opened.wait_for_timeout(500)
        found = [opened.evaluate(FREEZE, 2) for _ in range(times)]
    return spread(found)


def weights(folder: Path) -> str:
    """What a reader loads who starts the laboratory, and who opens any other page."""
    script, launcher = folder / "_static" / "lab" / "network.js", folder / "_static" / "lab.js"
    zipped = len(gzip.compress(script.read_bytes(), 6)) / 1e6
    whole, few = script.stat().st_size / 1e6, launcher.stat().st_size / 1e3
    return f"{whole:.1f} MB ({zipped:.1f} MB zipped); any other page loads {few:.1f} kB for it"


def rows() -> dict[str, Spread | str]:
    """Our time divided by each peer's; below 1 ours is faster. And how the laboratory's own page fares."""
    site(FOLDER)
    found = measured(FOLDER)
    low = min(found["agreement"].values())
    if low < 0.999:
        raise RuntimeError(f"the sides of the page do not find the same slopes: {found['agreement']}")
    ratios: dict[str, Spread | str] = {
        f"{words} at {SIDE} px: ours / {peer}": spread(
            [mine / other for mine, other in zip(found["ms"][task]["ours"], found["ms"][task][key], strict=True)]
        )
        for task, words in TASKS.items()
        for key, peer in PEERS.items()
    }
    freeze = freezes(FOLDER)
    return ratios | {
        "the page's longest freeze in two seconds of dreaming at 448 px, in ms": freeze,
        "what starting the laboratory loads": weights(FOLDER),
    }
