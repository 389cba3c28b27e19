"""The pages that the bench writes: one frame and one look, no outside resource, text from outside as text.

A page extends `frame.html.j2`; what only it shows is styled beside it.
"""

from __future__ import annotations

import shlex
from functools import cache
from typing import TYPE_CHECKING

from lockbench_harness.report.words import visible

if TYPE_CHECKING:
    import jinja2

__all__ = ["template"]


@cache
def template(package: str, name: str) -> jinja2.Template:
    """The page `name` that lies in a package. Its filters: `visible`, `typed` (into a shell) and `count`."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader([jinja2.PackageLoader(package, ""), jinja2.PackageLoader(__name__, "")]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["visible"] = lambda value: visible(str(value))
    environment.filters["typed"] = lambda value: shlex.quote(str(value))
    environment.filters["count"] = "{:,}".format
    return environment.get_template(name)
