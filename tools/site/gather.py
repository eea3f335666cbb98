"""The pages of the site: docs/ as it stands, and what its links reach outside of it.

A link in docs/*.md works on a code host as it is. On the site a link that leaves docs/ needs a target there: a Markdown
file becomes a page under `repository/`, with its own links treated alike, any other file a download.
"""

from __future__ import annotations

import posixpath
import re
import shutil
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

_FENCE = re.compile(r"^(```+|~~~+).*?^\1\s*$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"(`+).+?\1", re.DOTALL)
_LINK = re.compile(r"(\]\()([^()\s]+)(\))")
_ELSEWHERE = re.compile(r"[a-z]+:")


class Link(NamedTuple):
    """A link to a file of the repository, and to a heading in it.

    Attributes:
        target: as it is written, without the heading.
        anchor: the heading's, or "".
    """

    target: str
    anchor: str


def prose(text: str) -> Iterator[tuple[int, int]]:
    """Where a page's text stands outside of code: (start, end) of each piece."""
    code = [match.span() for match in _FENCE.finditer(text)]
    outside = [*zip([0, *(end for _, end in code)], [*(start for start, _ in code), len(text)], strict=True)]
    for start, end in outside:
        place = start
        for match in _CODE.finditer(text, start, end):
            yield place, match.start()
            place = match.end()
        yield place, end


def links(text: str) -> list[Link]:
    """The links of a page to files and headings; not those to other sites.

    >>> links("[a](b.md#c), `[no](d.md)`, [e](https://example.org), ![f](f.png)")
    [Link(target='b.md', anchor='c'), Link(target='f.png', anchor='')]
    """
    pieces = [text[start:end] for start, end in prose(_whole_links(text))]
    found = [match[2] for piece in pieces for match in _LINK.finditer(piece)]
    return [Link(*(link.split("#", 1) if "#" in link else (link, ""))) for link in found if not _ELSEWHERE.match(link)]


def _whole_links(text: str) -> str:
    """The text with the code in the words of links made plain, of the same length, so that such links are found."""
    return re.sub(r"\[`([^`\]]*)`\](?=\()", lambda match: f"[ {match[1]} ]", text)


def relinked(text: str, change: Callable[[str], str]) -> str:
    """The page with `change` made to the target of each of its links to files.

    >>> relinked("[a](b.md#c), `[no](d.md)`, [`code`](d.md)", str.upper)
    '[a](B.MD#c), `[no](d.md)`, [`code`](D.MD)'
    """

    def changed(match: re.Match[str]) -> str:
        target, mark, anchor = match[2].partition("#")
        if _ELSEWHERE.match(match[2]) or not target:
            return match[0]
        return f"{match[1]}{change(target)}{mark}{anchor}{match[3]}"

    marked = _whole_links(text)
    made, last = [], 0
    for start, end in prose(marked):
        for match in _LINK.finditer(marked, start, end):
            made += [text[last : match.start()], changed(match)]
            last = match.end()
    return "".join([*made, text[last:]])


class Site:
    """The folder that Sphinx reads, being filled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._waiting: list[Path] = []
        self._known: set[Path] = set()

    def fill(self) -> None:
        """Copy docs/, and all that it links to."""
        shutil.copytree(DOCS / "locale", self.folder / "locale")
        for path in sorted(DOCS.glob("*.md")):
            self._take(path)
        while self._waiting:
            path = self._waiting.pop()
            place = self.folder / self.place(path)
            place.parent.mkdir(parents=True, exist_ok=True)
            if path.suffix == ".md":
                place.write_text(self._page(path), encoding="utf-8")
            else:
                for each in (path, *path.parent.glob(f"{path.stem}.*_*{path.suffix}")):  # Its words in other languages.
                    shutil.copy(each, place.parent)

    def place(self, path: Path) -> str:
        """Where a file of the repository stands on the site."""
        return (
            path.relative_to(DOCS) if path.is_relative_to(DOCS) else "repository" / path.relative_to(ROOT)
        ).as_posix()

    def _take(self, path: Path) -> None:
        if path not in self._known:
            self._known.add(path)
            self._waiting.append(path)

    def _page(self, path: Path) -> str:
        def moved(target: str) -> str:
            there = file_of(path, target)
            self._take(there)
            return posixpath.relpath(self.place(there), posixpath.dirname(self.place(path)) or ".")

        text = relinked(path.read_text(encoding="utf-8"), moved)
        if path == DOCS / "index.md":
            text += more(text)
        return text if path.is_relative_to(DOCS) else f"---\norphan: true\n---\n\n{text}"


def more(index: str) -> str:
    """A last list of pages on the front page: those of docs/ that its lists have not named."""
    lists = re.findall(r"^```{toctree}\n(.*?)^```", index, re.MULTILINE | re.DOTALL)
    named = [line for text in lists for line in text.splitlines()]
    left = [path.stem for path in sorted(DOCS.glob("*.md")) if not any(fnmatch(path.stem, each) for each in named)]
    left.remove("index")
    return "\n".join(["\n```{toctree}", ":caption: More", ":hidden:", "", *left, "```\n"]) if left else ""


def file_of(page: Path, target: str) -> Path:
    """The file that a page's link leads to; of a folder, its only page or its README.

    Raises:
        FileNotFoundError: where there is none.
    """
    path = (page.parent / target).resolve() if target else page
    if path.is_dir():
        pages = sorted(path.glob("*.md"))
        path = pages[0] if len(pages) == 1 else path / "README.md"
    if not path.is_file():
        raise FileNotFoundError(f"{page.relative_to(ROOT)} links to {target!r}, and there is no such file.")
    return path
