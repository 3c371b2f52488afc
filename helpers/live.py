"""What only a live notebook can do: progress bars, and panels for the reader's own pictures."""

from __future__ import annotations

import functools
import html
import io
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

import ipywidgets as widgets
from IPython.display import HTML, display
from torch import Tensor

from helpers import images
from helpers.ascent import Step
from helpers.checks import require
from helpers.upload import LARGEST_UPLOAD, Upload, first_file, too_large

Item = TypeVar("Item")
Run = Callable[..., Tensor]  # (pixels, *, on_step, **settings) -> pixels


def progress(what: str, *, every: float = 0.2) -> Progress:
    """An `on_step` that draws one progress bar, at most once in `every` seconds, and removes it at the end."""
    return Progress(what, every)


class Progress:
    """One progress bar; see `progress`. It goes away with the last step, or when the work ends early: `close`."""

    def __init__(self, what: str, every: float) -> None:
        self.what, self.every = what, every
        self._start = self._last = time.monotonic()
        self._text: str | None = None  # what is on the screen; None as long as nothing ever was
        self._handle: Any = None

    def __call__(self, step: Step) -> None:
        now = time.monotonic()
        if step.step >= step.total:
            self._show("")
        elif now - self._last >= self.every:
            self._last = now
            left = (now - self._start) / step.step * (step.total - step.step)
            bar = f"<progress value={step.step} max={step.total}></progress>"
            self._show(f"{self.what}: {bar} {left:.0f} s left")

    def close(self) -> None:
        """Remove the bar, if there is one."""
        if self._text:
            self._show("")

    def _show(self, text: str) -> None:
        if self._text is None:
            self._handle = display(HTML(text), display_id=True)
        elif self._handle is not None:  # it is None outside of IPython
            self._handle.update(HTML(text))
        self._text = text


def track(items: Iterable[Item], what: str) -> Iterator[Item]:
    """The items one by one, with a progress bar that counts them."""
    found = list(items)
    on_step = progress(what, every=0)
    try:
        for done, item in enumerate(found, start=1):
            yield item
            on_step(Step(done, len(found), 0.0))
    finally:
        on_step.close()


class Panel(widgets.VBox):
    """Upload a picture, choose the settings, run, watch, cancel, save.

    Args:
        run: called as ``run(pixels, on_step=..., **settings)`` in a thread, so that the buttons stay alive.
        controls: the settings, by name.
        start: the picture to begin with, (1, 3, H, W).
        size: longer side in pixels of uploaded pictures.
        verb: what the button says.
        second: another picture that the run needs, by the name under which it is passed, such as {"painting": ...};
            the reader may upload that one too.
    """

    def __init__(
        self,
        run: Run,
        controls: Mapping[str, widgets.Widget],
        *,
        start: Tensor,
        size: int = 448,
        verb: str = "Dream",
        second: Mapping[str, Tensor] | None = None,
    ) -> None:
        self.run, self.controls, self.size = run, controls, size
        self.pictures = {"photo": start, **(second or {})}
        self.result: Tensor | None = None
        self.thread: threading.Thread | None = None
        self._cancel = threading.Event()
        self.uploads = {name: self._upload(name) for name in self.pictures}
        self.go = widgets.Button(description=verb, button_style="primary", icon="play")
        self.stop = widgets.Button(description="Cancel", icon="stop", disabled=True)
        self.path = widgets.Text(value=f"{verb.lower()}.png", layout={"width": "11em"})
        self.keep = widgets.Button(description="Save", icon="download", disabled=True)
        self.bar = widgets.FloatProgress(min=0, max=1, layout={"width": "98%"})
        self.message = widgets.HTML()
        width = {"width": f"{98 // (1 + len(self.pictures))}%"}
        self.shown = {name: widgets.Image(value=_png(picture), layout=width) for name, picture in self.pictures.items()}
        self.after = widgets.Image(value=_png(start), layout=width)
        self.go.on_click(lambda _: self.begin())
        self.stop.on_click(lambda _: self._cancel.set())
        self.keep.on_click(lambda _: self._save())
        settings = widgets.HBox(list(controls.values()))
        buttons = widgets.HBox([*self.uploads.values(), self.go, self.stop, self.path, self.keep])
        pictures = widgets.HBox([*self.shown.values(), self.after], layout={"align_items": "flex-start"})
        super().__init__([settings, buttons, self.bar, self.message, pictures])

    def _upload(self, name: str) -> Upload:
        upload = Upload(accept="image/*", description=f"Your {name}")
        upload.observe(functools.partial(self._read, name), names="value")
        upload.observe(lambda change: self._say(change["new"]), names="problem")
        return upload

    def begin(self) -> None:
        """Start the work in the background, with the settings as they stand; nothing, while it is at work."""
        if self._at_work():
            return
        settings = {name: control.value for name, control in self.controls.items()}
        settings |= {name: picture for name, picture in self.pictures.items() if name != "photo"}
        self._cancel.clear()
        self._say("")
        self._busy(True)
        self.thread = threading.Thread(target=self._work, args=(self.pictures["photo"], settings), daemon=True)
        self.thread.start()

    def _work(self, photo: Tensor, settings: dict[str, Any]) -> None:
        try:
            result = self.run(photo, on_step=self._on_step, **settings)
            self.after.value, self.result = _png(result), result
            self._say("Stopped early: this is the picture so far." if self._cancel.is_set() else "Done.")
        except KeyboardInterrupt:  # from _on_step, through a run that hands nothing back
            self._say("Stopped early.")
        except Exception as error:  # such as a setting that this picture cannot take: tell, and keep the panel alive
            self._say(f"{type(error).__name__}: {error}")
        finally:
            self._busy(False)

    def _on_step(self, step: Step) -> None:
        self.bar.value = step.step / step.total
        if step.image is not None and step.step % 5 == 0:
            self.after.value = _png(step.image)
        if self._cancel.is_set():
            raise KeyboardInterrupt

    def _at_work(self) -> bool:
        return self.thread is not None and self.thread.is_alive()

    def _busy(self, busy: bool) -> None:
        for button in (self.go, *self.uploads.values()):
            button.disabled = busy
        self.stop.disabled = not busy
        self.keep.disabled = busy or self.result is None

    def _read(self, name: str, change: dict[str, Any]) -> None:
        upload = first_file(change["new"])
        if upload is None:
            return
        if self._at_work():  # the click came before the button was off
            self._say("Wait for the end, or cancel, and upload the picture again.")
            return
        file_name, content = upload
        file = io.BytesIO(content)
        file.name = file_name  # for the errors of images.load
        try:
            require(len(content) <= LARGEST_UPLOAD, too_large(file_name, len(content)))
            picture = images.load(file, size=self.size)
        except ValueError as error:
            self._say(str(error))
            return
        self.pictures[name], self.shown[name].value = picture, _png(picture)
        if name == "photo":
            self.after.value = _png(picture)
        self.result, self.keep.disabled = None, True  # it belongs to pictures that are no longer shown
        self._say("")

    def _save(self) -> None:
        try:
            images.save(self.result, self.path.value)  # type: ignore[arg-type]
            self._say(f"Saved as {self.path.value}.")
        except (ValueError, OSError) as error:
            self._say(str(error))

    def _say(self, text: str) -> None:
        self.message.value = html.escape(text, quote=False)


def _png(pixels: Tensor) -> bytes:
    buffer = io.BytesIO()
    images.to_pil(pixels[:1].clamp(0, 1)).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
