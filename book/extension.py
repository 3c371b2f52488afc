"""What every renderer of the book adds to its pages, as a Sphinx extension: see book/_config.yml and book/conf.py.

Below a notebook's title stand the ways to take it along; pictures lie in files beside the page; the head of a page
describes it to those who show links; the footer says which version this is. What needs the book's public address is
left out while there is none.
"""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from docutils import nodes
from sphinx.application import Sphinx

from book import cards, light, run, site, trim

WITHOUT_WORDS = {"search", "genindex"}
DESCRIPTION = 200  # letters


def setup(app: Sphinx) -> dict[str, Any]:
    """What Sphinx calls."""
    app.connect("config-inited", _know_the_address)
    app.connect("html-page-context", _add)
    app.connect("build-finished", _list_the_pages)
    app.connect("build-finished", _trim)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _site(app: Sphinx) -> site.Site:
    return site.read(Path(app.srcdir).parents[2])  # the sources lie in book/_build/source


def _know_the_address(app: Sphinx, config: Any) -> None:
    if address := _site(app).pages:
        config.html_baseurl = address  # from which Sphinx makes the canonical links


def _add(app: Sphinx, page: str, _template: str, context: dict[str, Any], tree: nodes.document | None) -> None:
    here = _site(app)
    version = f"Version {html.escape(here.version)}"
    if "book/changelog" in app.env.found_docs:
        version += f' · <a href="{context["pathto"]("book/changelog")}">What has changed</a>'
    context["theme_extra_footer"] = f"{context.get('theme_extra_footer') or ''}<p>{version}</p>"
    if tree is None or page in WITHOUT_WORDS:
        return
    title = re.sub(r"<[^>]+>", "", context.get("title", ""))
    words = description(tree)
    context["metatags"] = context.get("metatags", "") + _head(app, here, page, html.unescape(title), words)
    if page.startswith("notebooks/"):
        doors = f"</h1>\n{links(here, page, html.unescape(title))}"
        context["body"] = context["body"].replace("</h1>", doors, 1)
    context["body"] = _light(app, context)


def _light(app: Sphinx, context: dict[str, Any]) -> str:
    """The body of a page with its pictures in files."""
    up = context["pathto"](light.FOLDER, 1).removesuffix(light.FOLDER)
    named = {name: Path(app.srcdir) / source for source, name in app.builder.images.items()}
    return light.lighten(context["body"], Path(app.outdir), up, lambda address: named.get(Path(address).name))


def description(tree: nodes.document) -> str:
    """The first sentences of a page, as many as a search engine shows."""
    for paragraph in tree.findall(nodes.paragraph):
        text = " ".join(paragraph.astext().split())
        if len(text) > 40 and not text.startswith("Figure"):
            short = text[:DESCRIPTION]
            return text if len(text) <= DESCRIPTION else f"{short.rpartition(' ')[0]} …"
    return ""


def _head(app: Sphinx, here: site.Site, page: str, title: str, words: str) -> str:
    tags = [("name", "description", words), ("property", "og:title", title), ("property", "og:description", words)]
    tags += [("property", "og:type", "article"), ("property", "og:site_name", "Under the Hood")]
    if here.pages:
        picture = Path("_static") / "cards" / f"{page.replace('/', '-')}.jpg"
        made = Path(app.outdir) / picture
        made.parent.mkdir(parents=True, exist_ok=True)
        made.write_bytes(cards.card(title, words, _picture(app, page)))
        tags += [
            ("property", "og:url", here.page(f"{page}.html")),
            ("property", "og:image", here.page(picture.as_posix())),
            ("property", "og:image:alt", f"The title of the page: {title}"),
            ("name", "twitter:card", "summary_large_image"),
        ]
    return "".join(f'\n<meta {kind}="{name}" content="{html.escape(said)}">' for kind, name, said in tags if said)


def _picture(app: Sphinx, page: str) -> bytes | None:
    """The first figure of a notebook's run."""
    book = run.Book(Path(app.srcdir).parents[2])
    figures = run.figures(book.executed / f"{page.removeprefix('notebooks/')}.ipynb")
    return figures[0].content if figures else None


def links(here: site.Site, page: str, title: str) -> str:
    """The ways to take a notebook along."""
    notebook = f"{page}.ipynb"
    below = notebook.removeprefix("notebooks/")
    offered = [
        (notebook.rpartition("/")[2], "Download this notebook", " download"),
        (here.colab(below), "Open in Colab", ""),
        (here.source(notebook), "Open the source", ""),
        (here.report(title, f"{page}.html"), "Report an error", ""),
    ]
    items = [f'<li><a href="{html.escape(to)}"{how}>{words}</a></li>' for to, words, how in offered if to]
    return f'<nav class="doors" aria-label="This notebook elsewhere"><ul>{"".join(items)}</ul></nav>'


def _list_the_pages(app: Sphinx, exception: Exception | None) -> None:
    here = _site(app)
    if exception or not here.pages or app.builder.format != "html":
        return
    pages = sorted(page for page in app.env.found_docs if (Path(app.outdir) / f"{page}.html").is_file())
    entries = "".join(f"<url><loc>{escape(here.page(f'{page}.html'))}</loc></url>\n" for page in pages)
    schema = "http://www.sitemaps.org/schemas/sitemap/0.9"
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="{schema}">\n{entries}</urlset>\n'
    (Path(app.outdir) / "sitemap.xml").write_text(text, encoding="utf-8")


def _trim(app: Sphinx, exception: Exception | None) -> None:
    if not exception and app.builder.format == "html":
        trim.trim(Path(app.outdir))
