"""The references have links of the right form, and the link check tells what is gone from what refuses a script."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pybtex.database import parse_file

from book import links

BIB = links.ROOT / "book" / "references.bib"
# A thesis and reports that were never registered, a paper of ICML 2010, the journal of a society, and the book of a
# publisher that registers none.
WITHOUT = {
    "hochreiter1991untersuchungen",
    "erhan2009visualizing",
    "toscher2009bigchaos",
    "nair2010rectified",
    "alpaydin1998cascading",
    "gerrish2018smart",
}


def test_every_reference_has_a_link_but_for_a_named_few() -> None:
    entries = parse_file(str(BIB)).entries
    bare = {key for key, entry in entries.items() if not {"doi", "eprint", "url"} & set(entry.fields)}
    assert bare <= WITHOUT
    assert len(bare) < len(entries) / 10


def test_identifiers_have_the_form_of_identifiers() -> None:
    seen: dict[str, str] = {}
    for key, entry in parse_file(str(BIB)).entries.items():
        fields = entry.fields
        assert links.DOI.fullmatch(fields.get("doi", "10.1234/x")), key
        assert links.ARXIV.fullmatch(fields.get("eprint", "1234.5678")), key
        assert fields.get("url", "https://").startswith(("https://", "http://neuralnetworksanddeeplearning.com")), key
        if eprint := fields.get("eprint"):
            assert fields["archiveprefix"] == "arXiv"
            assert int(eprint[:2]) + 2000 <= int(fields["year"][:4]) + (key == "biggio2013evasion") * 9, key
        for identifier in filter(None, (fields.get("doi"), fields.get("eprint"), fields.get("url"))):
            assert seen.setdefault(identifier, key) == key, identifier


def test_an_address_ends_where_the_sentence_goes_on(tmp_path: Path) -> None:
    (tmp_path / "book").mkdir()
    text = "See [it](https://a.org/b_(c)), <https://a.org/d#part>; https://a.org/e. `http://127.0.0.1:9/`"
    (tmp_path / "book" / "page.md").write_text(text)
    (tmp_path / "book" / "references.bib").write_text(
        "@misc{one, title={T}, doi={10.1000/(x)1}}\n@misc{two, title={T}, eprint={1312.6199}}"
    )
    assert links.addresses(tmp_path) == {
        "https://a.org/b_(c)": ["page.md"],
        "https://a.org/d": ["page.md"],
        "https://a.org/e": ["page.md"],
        "https://doi.org/api/handles/10.1000/(x)1": ["references.bib: one"],
        "https://arxiv.org/abs/1312.6199": ["references.bib: two"],
    }


class Answers(http.server.BaseHTTPRequestHandler):
    """Answers with the number in the path; once with 503 before that, where the path says so."""

    moody = True

    def do_GET(self) -> None:
        code = int(self.path.strip("/").split("-")[0])
        if self.path.endswith("-moody") and Answers.moody:
            Answers.moody, code = False, 503
        self.send_response(code)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def test_what_is_gone_is_told_from_what_refuses(server: str) -> None:
    assert links.trouble(f"{server}/200") is None
    assert links.trouble(f"{server}/200-moody", wait=0) is None
    assert links.trouble(f"{server}/404") == (True, "404 Not Found")
    assert links.trouble(f"{server}/403", wait=0) == (False, "403 Forbidden")
    assert links.trouble("http://", wait=0) == (False, "no host given")


def test_the_check_fails_only_for_what_is_gone(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(links, "PRETENDED", links.re.compile("never"))
    monkeypatch.setattr(links, "TRIES", 1)
    (tmp_path / "README.md").write_text(f"{server}/200 {server}/403")
    assert links.main(tmp_path) == 0
    (tmp_path / "CHANGELOG.md").write_text(f"{server}/410")
    assert links.main(tmp_path) == 1
    said = capsys.readouterr().out
    assert f"no answer: {server}/403 (403 Forbidden): README.md" in said
    assert f"GONE: {server}/410 (410 Gone): CHANGELOG.md" in said
