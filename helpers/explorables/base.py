"""One figure, two lives: a widget in sync with Python in a live notebook, plain HTML everywhere else."""

from __future__ import annotations

import base64
import html
import io
import json
import uuid
from pathlib import Path
from typing import Any

import anywidget
from torch import Tensor

from helpers import images

FOLDER = Path(__file__).parent


def module(name: str) -> str:
    """A figure's module, with what all figures share before it."""
    return "".join((FOLDER / file).read_text(encoding="utf-8") for file in ("dom.js", f"{name}.js"))


# Runs the widget's own module on a model that only remembers. A Blob URL lets one page hold any number of modules.
STATIC = """<div class="explorable" id="{id}" role="group" aria-label="{label}"></div>
<style>{css}</style>
<script type="module">
const state = {state};
const listeners = {{}};
const model = {{
  get: (name) => state[name],
  set: (name, value) => {{
    state[name] = value;
    (listeners["change:" + name] || []).forEach((listener) => listener());
  }},
  on: (event, listener) => {{ (listeners[event] ||= []).push(listener); }},
  off: (event, listener) => {{ listeners[event] = (listeners[event] || []).filter((one) => one !== listener); }},
  save_changes: () => {{}},
}};
const url = URL.createObjectURL(new Blob([{module}], {{ type: "text/javascript" }}));
const widget = (await import(url)).default;
URL.revokeObjectURL(url);
await widget.render({{ model, el: document.getElementById("{id}") }});
</script>"""


class Explorable(anywidget.AnyWidget):
    """Base of the book's interactive figures.

    A subclass names its files in `_esm` and `_css`, syncs its traits as any anywidget does, and sets `label`,
    which tells screen readers what the figure is. Its module may use ``model.get``, ``set``, ``on``, ``off``
    and ``save_changes``, nothing else.
    """

    label: str = ""

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle or {}, {})
        return {**data, "text/html": self.html(), "text/plain": self.label}, metadata

    def html(self) -> str:
        """The figure in its present state as HTML that needs no kernel and no network."""
        state = {name: getattr(self, name) for name in self.traits(sync=True) if not name.startswith("_")}
        state = {name: value for name, value in state.items() if _is_json(value)}
        return STATIC.format(
            id=f"explorable-{uuid.uuid4().hex}",
            label=html.escape(self.label),
            css=str(self._css),
            state=_embed(state),
            module=_embed(str(self._esm)),
        )


def data_url(pixels: Tensor, *, quality: int = 80) -> str:
    """One image (1, 3, H, W) as a WebP that stands inside HTML or JSON."""
    buffer = io.BytesIO()
    images.to_pil(pixels).save(buffer, "WEBP", quality=quality, method=6)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()


def _embed(value: Any) -> str:
    # A "<" could close the script element from within.
    return json.dumps(value).replace("<", "\\u003c")


def _is_json(value: Any) -> bool:
    return value is None or isinstance(value, (str, int, float, bool, list, dict, tuple))
