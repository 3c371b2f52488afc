"""The book's second renderer: Sphinx itself, without Jupyter Book; ``make plain`` runs it, warnings fatal.

Jupyter Book 1 is in maintenance and holds Sphinx at 7. Everything that it is told stands in ``_config.yml``; this file
says the same to a Sphinx of today, so that the day Jupyter Book dies costs nothing. See book/second.py.
"""

import sys
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
SOURCE = HERE / "_build" / "source"  # what book/build.py put together
sys.path.insert(0, str(HERE.parent))  # for book.extension

told: dict[str, Any] = yaml.safe_load((HERE / "_config.yml").read_text(encoding="utf-8"))
said: dict[str, Any] = told["sphinx"]["config"]

project, author, copyright = told["title"], told["author"], told["copyright"]
html_title, html_favicon = told["title"], str(SOURCE / told["html"]["favicon"])
exclude_patterns = ["**/_build"]
extensions = [
    "myst_nb",
    "sphinx_external_toc",
    "sphinx_togglebutton",
    "sphinx_copybutton",
    "sphinxcontrib.bibtex",
    "sphinx.ext.mathjax",
    *told["sphinx"]["extra_extensions"],
]
external_toc_path = "book/_toc.yml"
external_toc_exclude_missing = told["only_build_toc_files"]
bibtex_bibfiles = [str(SOURCE / file) for file in told["bibtex_bibfiles"]]
numfig = True
html_theme = "sphinx_book_theme"
html_theme_options = {
    **said["html_theme_options"],
    "extra_footer": told["html"]["extra_footer"],
    "home_page_in_toc": told["html"]["home_page_in_navbar"],
}
nb_execution_mode = told["execute"]["execute_notebooks"]
myst_enable_extensions = told["parse"]["myst_enable_extensions"]
myst_url_schemes = ["mailto", "http", "https"]
nb_mime_priority_overrides = [tuple(override) for override in said.pop("nb_mime_priority_overrides")]
html_static_path = [str(SOURCE / folder) for folder in said.pop("html_static_path")]  # where Jupyter Book seeks it
suppress_warnings = [*said.pop("suppress_warnings"), "myst.domains"]
globals().update({name: value for name, value in said.items() if name != "html_theme_options"})
