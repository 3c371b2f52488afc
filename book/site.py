"""Where the book is published: the one place that everything with an address asks.

The addresses stand in ``[project.urls]`` of pyproject.toml, and nowhere else::

    [project.urls]
    Repository = "https://github.com/owner/name"
    Homepage = "https://owner.github.io/name/"  # optional; GitHub Pages of the repository, if it is not there

While they are absent, whatever would need them is left out of the pages. After a change, ``python -m book.site`` writes
the lines of README.md and CITATION.cff that depend on them.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode

ROOT = Path(__file__).resolve().parent.parent
GITHUB = re.compile(r"https://github\.com/([\w.-]+)/([\w.-]+?)(?:\.git)?/?")
README_LINES = re.compile(r"(<!-- site -->\n).*?(<!-- end of site -->)", re.DOTALL)
PLAIN_BRANCH = "plain"  # where the publishing workflow puts the plain notebooks


@dataclass(frozen=True)
class Site:
    """The book's version and addresses; every address is "" while there is none.

    Attributes:
        version: of the package.
        repository: such as https://github.com/owner/name, without a slash at the end.
        pages: where the rendered pages lie, with a slash at the end.
    """

    version: str
    repository: str = ""
    pages: str = ""

    @property
    def name(self) -> str:
        """Owner and name of the repository on GitHub."""
        match = GITHUB.fullmatch(self.repository)
        return f"{match[1]}/{match[2]}" if match else ""

    def page(self, path: str) -> str:
        """The public address of a page or a file of the book, such as ``notebooks/05_android_dreams.html``."""
        return self.pages and self.pages + quote(path)

    def source(self, path: str) -> str:
        """Where a file of the repository can be read."""
        return self.name and f"https://github.com/{self.name}/blob/main/{quote(path)}"

    def colab(self, notebook: str) -> str:
        """Where a plain notebook opens in Colab; `notebook` is its path below ``notebooks/``."""
        here = f"{self.name}/blob/{PLAIN_BRANCH}/{quote(notebook)}"
        return self.name and f"https://colab.research.google.com/github/{here}"

    def report(self, title: str, path: str) -> str:
        """Where an error on a page can be reported, with the page named already."""
        words = urlencode(
            {"title": f"{title}: ", "body": f"Page: {self.page(path) or path}, version {self.version}\n\n"}
        )
        return self.name and f"https://github.com/{self.name}/issues/new?{words}"

    @property
    def wheel(self) -> str:
        """The package that the notebooks need, which is published beside the pages."""
        return self.page(f"under_the_hood-{self.version}-py3-none-any.whl")

    @property
    def readme(self) -> str:
        """The lines on top of the README: the published book first, then the badges."""
        lines = []
        if self.pages:
            lines.append(f"**[Read the book]({self.pages})**, or [take it home as one zip]({self.page('book.zip')}).\n")
        if self.name:
            workflow = f"https://github.com/{self.name}/actions/workflows/publish.yml"
            lines.append(f"[![The book builds]({workflow}/badge.svg)]({workflow})\n")
        return "\n".join(lines)


def read(root: Path = ROOT) -> Site:
    """What pyproject.toml says.

    Raises:
        ValueError: an address is not one.
    """
    file = root / "pyproject.toml"
    project = tomllib.loads((file if file.is_file() else ROOT / "pyproject.toml").read_text(encoding="utf-8"))[
        "project"
    ]
    urls = project.get("urls", {})
    repository, pages = urls.get("Repository", "").rstrip("/").removesuffix(".git"), urls.get("Homepage", "")
    for address in filter(None, (repository, pages)):
        if not re.fullmatch(r"https://[\w.-]+(/\S*)?", address):
            raise ValueError(f"pyproject.toml, [project.urls]: {address!r} is no https address")
    match = GITHUB.fullmatch(repository)
    if match and not pages:
        pages = f"https://{match[1].lower()}.github.io/{match[2]}/"
    return Site(project["version"], repository, pages and pages.rstrip("/") + "/")


def readme(text: str, site: Site) -> str:
    """A README with the lines of this site."""
    return README_LINES.sub(lambda match: match[1] + (site.readme and f"{site.readme}\n") + match[2], text)


def citation(text: str, site: Site) -> str:
    """A CITATION.cff with this site's version and addresses."""
    text = re.sub(r"^(url|repository-code): .*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"^version: .*$", f"version: {site.version}", text, flags=re.MULTILINE)
    lines = [f"{key}: {value}\n" for key, value in (("repository-code", site.repository), ("url", site.pages)) if value]
    return re.sub(r"^(version: )", lambda match: "".join(lines) + match[1], text, count=1, flags=re.MULTILINE)


def main(root: Path = ROOT) -> None:
    """Bring README.md and CITATION.cff up to date."""
    site = read(root)
    for name, write in (("README.md", readme), ("CITATION.cff", citation)):
        path = root / name
        path.write_text(write(path.read_text(encoding="utf-8"), site), encoding="utf-8")
    print(site)


if __name__ == "__main__":
    main()
