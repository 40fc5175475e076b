"""How the site is built: `make site`. Nothing is fetched, and every warning is an error."""

from __future__ import annotations

import sys
from pathlib import Path

from scfcap import __version__

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

project = "scfcap"
author = "the authors of scfcap"
project_copyright = "the authors of scfcap"
version = release = __version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "site_math",
    "site_pages",
    "site_links",
]
exclude_patterns = ["_build", "_ext"]

# Markdown as a plain Git host shows it, with formulas and anchors of headings.
myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 4
myst_dmath_double_inline = True
# The notebook is run by the tests; the site shows what it holds.
nb_execution_mode = "off"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autodoc_type_aliases = {
    name: name for name in ("FloatArray", "IntArray", "BoolArray", "Number", "Terms", "Rows")
}
napoleon_numpy_docstring = False
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 90
add_module_names = False
nitpicky = True
# Types of other libraries stand in signatures as text.
nitpick_ignore_regex = [("py:(class|data|obj)", r"(?!scfcap\.).*")]

html_theme = "furo"
html_title = f"scfcap {version}"
html_math_renderer = "mathml"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False
html_show_sourcelink = False
html_last_updated_fmt = None
templates_path = []
copybutton_prompt_text = r"^\$ "
copybutton_prompt_is_regexp = True
pygments_style = "friendly"
pygments_dark_style = "monokai"
