"""Writes the pages of docs/reference from the code, so that they cannot differ from it.

::

    python docs/generate.py             write all pages
    python docs/generate.py settings    write one page
    python docs/generate.py --check     write nothing; exit 1 if a page is not what the code says
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from generator import commands, errors, hooks, http, metrics, plugins, sdks, settings, translation

PAGES: dict[str, Callable[[], str]] = {
    "settings": settings.page,
    "commands": commands.page,
    "hooks": hooks.page,
    "errors": errors.page,
    "plugins": plugins.page,
    "http": http.page,
    "metrics": metrics.page,
    "sdks": sdks.page,
    "translation": translation.page,
}
FOLDER = Path(__file__).resolve().parent / "reference"


def main() -> int:
    parser = argparse.ArgumentParser(description="Write docs/reference from the code.")
    parser.add_argument(
        "pages", nargs="*", metavar="PAGE", help=f"some of: {', '.join(PAGES)}; all by default"
    )
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a page is out of date")
    asked = parser.parse_args()
    unknown = [name for name in asked.pages if name not in PAGES]
    if unknown:
        parser.error(f"there is no page {unknown[0]}; expected some of {', '.join(PAGES)}")
    stale = []
    for name in asked.pages or PAGES:
        file = FOLDER / f"{name}.md"
        text = PAGES[name]()
        if asked.check:
            if not file.is_file() or file.read_text(encoding="utf-8") != text:
                stale.append(file.name)
        else:
            file.parent.mkdir(exist_ok=True)
            file.write_text(text, encoding="utf-8")
    if stale:
        sys.stderr.write(f"Out of date: {', '.join(stale)}. Run `make docs` and commit what it writes.\n")
    return 1 if stale else 0


if __name__ == "__main__":
    raise SystemExit(main())
