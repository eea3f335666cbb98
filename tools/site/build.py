"""The documentation site, English and Chinese: `make docs` runs this. A warning is an error.

python tools/site/build.py            build/site/html, and build/site/html/zh
python tools/site/build.py translate  docs/locale anew from the English pages; old sentences become fuzzy
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from sphinx.cmd.build import build_main

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "src")]

import gather  # noqa: E402
import reference  # noqa: E402

OUT = gather.ROOT / "build" / "site"
TRANSLATED = ("index", "start", "arguments", "state")
"""The pages that docs/locale holds whole."""


def main(words: list[str]) -> int:
    """Make the site, or the files for translators."""
    shutil.rmtree(OUT, ignore_errors=True)
    source = OUT / "source"
    source.mkdir(parents=True)
    gather.Site(source).fill()
    reference.write(source / "reference")
    if words == ["translate"]:
        return translate(source)
    chinese = ["-D", "language=zh_CN", "-D", "html_title=Gatewise"]
    return sphinx("html", source, OUT / "html") or sphinx("html", source, OUT / "html" / "zh", *chinese)


def sphinx(builder: str, source: Path, out: Path, *options: str) -> int:
    """One run of Sphinx; what it keeps for itself stays out of what it makes."""
    kept = OUT / "kept" / out.name
    return build_main(
        ["-q", "-W", "--keep-going", "-b", builder, "-c", str(HERE), "-d", str(kept), *options, str(source), str(out)]
    )


def translate(source: Path) -> int:
    """Bring the .po files up to date."""
    from sphinx_intl.basic import update

    if failed := sphinx("gettext", source, OUT / "gettext"):
        return failed
    texts = OUT / "texts"
    texts.mkdir()
    for page in TRANSLATED:
        shutil.copy(OUT / "gettext" / f"{page}.pot", texts)
    update(str(gather.DOCS / "locale"), str(texts), ("zh_CN",), line_width=120)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
