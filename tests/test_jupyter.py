"""A live notebook in a real browser, in JupyterLab and in Notebook 7: figures and panel talk with Python."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
import torch

from book import run
from helpers import images

pytestmark = pytest.mark.book

CELLS = [
    "import torch\nfrom helpers import explorables, images, live\nphoto = images.sample('cat', size=96)",
    "divider = explorables.Divider(photo, {'dark': [photo / 2, photo / 4]}, columns=['weak', 'strong'], label='test')\n"
    "divider",
    "def invert(pixels, *, on_step):\n    return 1 - pixels\npanel = live.Panel(invert, {}, start=photo)\npanel",
]
ASK = "print('position', round(divider.position, 2), 'result', panel.result is not None)"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder far from the project with one notebook in it."""
    folder = tmp_path_factory.mktemp("elsewhere")
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}  # or Jupyter asks which kernel to take
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), folder / "live.ipynb")
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[str]:
    """A Jupyter server with both interfaces; gives its address with a token to fill in where the page goes."""
    port, token = 18000 + os.getpid() % 2000, secrets.token_hex(8)
    command = [sys.executable, "-m", "jupyter", "notebook", "--no-browser", "--allow-root", f"--port={port}"]
    settings = [f"--IdentityProvider.token={token}", "--expose-app-in-browser", "--LabApp.expose_app_in_browser=True"]
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen([*command, *settings], cwd=folder, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    for _ in range(120):
        try:
            urllib.request.urlopen(f"{address}/api?token={token}", timeout=2).close()
            break
        except OSError:
            time.sleep(0.5)
    yield f"{address}/{{page}}?token={token}"
    process.terminate()
    process.wait(timeout=20)


def ask(page: Any, code: str) -> str:
    """Run code in the notebook's kernel and give what it prints."""
    return page.evaluate(
        """async (code) => {
            const context = window.jupyterapp.shell.currentWidget.context.sessionContext;
            const future = context.session.kernel.requestExecute({ code });
            let text = "";
            future.onIOPub = (message) => { text += message.content.text || message.content.evalue || ""; };
            await future.done;
            return text;
        }""",
        code,
    )


@pytest.mark.parametrize("page_name", ["lab/tree/live.ipynb", "notebooks/live.ipynb"], ids=["lab", "notebook"])
def test_figures_and_panel_talk_with_python(browser: Any, server: str, page_name: str) -> None:
    page = browser.new_page(viewport={"width": 1400, "height": 1600})
    page.goto(server.format(page=page_name), wait_until="load")
    page.wait_for_function(
        "window.jupyterapp?.shell.currentWidget?.context?.sessionContext?.session?.kernel?.status === 'idle'",
        timeout=90_000,
    )
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")
    page.wait_for_selector(".divider-stage", timeout=90_000)
    page.wait_for_selector("button:has-text('Dream')", timeout=60_000)
    assert "position 0.5 result False" in ask(page, ASK)
    page.locator(".divider-stage").press("Home")
    page.locator(".widget-button", has_text="Dream").click()
    page.wait_for_selector("text=Done.", timeout=30_000)
    page.wait_for_timeout(300)
    assert "position 0.0 result True" in ask(page, ASK)
    page.locator(".widget-button", has_text="Save").click()
    page.wait_for_selector("text=Saved as dream.png.")
    page.close()


def test_a_photo_of_13_mb_reaches_the_panel_and_a_larger_one_than_the_limit_is_refused(
    browser: Any, server: str, tmp_path: Path
) -> None:
    """Jupyter's server closes the connection on any message over 10 MB."""
    noise = torch.rand(1, 3, 2100, 2100, generator=torch.Generator().manual_seed(0))
    images.save(noise, tmp_path / "noise.png")
    assert (tmp_path / "noise.png").stat().st_size > 13e6
    with (tmp_path / "huge.png").open("wb") as file:
        file.truncate(101_000_000)
    page = browser.new_page(viewport={"width": 1400, "height": 1600})
    page.goto(server.format(page="lab/tree/live.ipynb"), wait_until="load")
    page.wait_for_function(
        "window.jupyterapp?.shell.currentWidget?.context?.sessionContext?.session?.kernel?.status === 'idle'",
        timeout=90_000,
    )
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")
    page.wait_for_selector("button:has-text('Your photo')", timeout=90_000)
    for name, remedy in (("huge.png", True), ("noise.png", False)):
        with page.expect_file_chooser() as chooser:
            page.locator("button", has_text="Your photo").click()
        chooser.value.set_files(tmp_path / name)
        if remedy:
            page.wait_for_selector("text=huge.png has 101 MB; the most is 100 MB", timeout=30_000)
    for _ in range(60):
        if "(1, 3, 448, 448)" in (shape := ask(page, "print(tuple(panel.pictures['photo'].shape))")):
            break
        page.wait_for_timeout(500)
    assert "(1, 3, 448, 448)" in shape
    page.close()


def test_a_notebook_runs_where_only_the_package_is(folder: Path) -> None:
    command = [sys.executable, "-m", "jupyter", "execute", "live.ipynb", "--output", "done.ipynb"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    done = nbformat.read(folder / "done.ipynb", as_version=4)
    assert "text/html" in done.cells[1].outputs[0].data
    assert json.dumps(done.cells[2].outputs).count("Dream") == 0  # the panel itself lives in the live notebook only
    assert run.ROOT not in folder.parents
