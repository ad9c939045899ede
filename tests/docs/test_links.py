"""Every relative link of the documentation leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

_FENCED = re.compile(r"^ *```.*?^ *```", re.M | re.S)
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_IMAGE = re.compile(r"!\[[^\]]*\]\(")
_HEADING = re.compile(r"^#+ (.+)$", re.M)


def _prose(page: Path) -> str:
    return _FENCED.sub("", page.read_text(encoding="utf-8"))


def _anchors(page: Path) -> set[str]:
    """Headings as sites make anchors of them: small letters, words joined by hyphens."""
    headings = _HEADING.findall(_prose(page))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_links_resolve(pages: list[Path]) -> None:
    broken = []
    for page in pages:
        for target in _LINK.findall(_prose(page)):
            parts = urlsplit(target)
            if parts.scheme:
                continue
            file = page if not parts.path else page.parent / unquote(parts.path)
            if not file.exists():
                broken.append(f"{page.name}: {target}: no such file")
            elif parts.fragment and parts.fragment not in _anchors(file):
                broken.append(f"{page.name}: {target}: no such heading")
    assert not broken, "\n".join(broken)


def test_links_lead_to_no_other_site(pages: list[Path]) -> None:
    """The documentation is whole without a network."""
    away = [f"{page.name}: {t}" for page in pages for t in _LINK.findall(_prose(page)) if urlsplit(t).scheme]
    away += [f"{page.name}: an image" for page in pages if _IMAGE.search(_prose(page))]
    assert not away, "\n".join(away)


def test_every_page_is_linked_from_the_index(root: Path, pages: list[Path]) -> None:
    index = root / "docs/index.md"
    linked = {(index.parent / target).resolve() for target in _LINK.findall(_prose(index))}
    lost = [page.name for page in pages if page.is_relative_to(index.parent) and page not in {index, *linked}]
    assert not lost, f"docs/index.md does not lead to {', '.join(lost)}"
