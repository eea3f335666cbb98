"""How Sphinx makes the site. `make docs` runs `build.py`, which says the language and where the pages are."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "src"))

from gatewise import __version__  # noqa: E402

project = "Gatewise"
copyright = "the authors of Gatewise, under Apache-2.0"
version = release = __version__
language = "en"

extensions = ["myst_parser", "sphinx_copybutton"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["locale"]
# A page that another part of the project may bring (serving.md) is in a list of pages by pattern.
suppress_warnings = ["toc.empty_glob"]

myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 4
copybutton_prompt_text = r">>> |\.\.\. "
copybutton_prompt_is_regexp = True

locale_dirs = ["locale"]
gettext_compact = False
gettext_location = False  # A line that moves is no change of words.

html_theme = "furo"
html_title = f"Gatewise {version}"
html_static_path = [str(HERE / "static")]
html_css_files = ["site.css"]
templates_path = [str(HERE / "templates")]
html_show_sphinx = False
html_copy_source = False
html_sidebars = {
    "**": [
        "sidebar/brand.html",
        "languages.html",
        "sidebar/search.html",
        "sidebar/scroll-start.html",
        "sidebar/navigation.html",
        "sidebar/scroll-end.html",
    ]
}
pygments_style = "friendly"
pygments_dark_style = "github-dark"
