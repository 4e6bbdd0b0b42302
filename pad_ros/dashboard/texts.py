"""Every word of the page, from one table: `texts.yaml`."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import yaml

LANGUAGES = ("en", "de")
_FILE = Path(__file__).with_name("texts.yaml")


@lru_cache(maxsize=1)
def table() -> dict[str, dict[str, str]]:
    """Key of a text → language → text; `{name}` in a text stands for what it speaks of."""
    content: dict[str, dict[str, str]] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return content


def texts(language: str) -> dict[str, str]:
    """Key of a text → text, in one of LANGUAGES."""
    return {key: row[language] for key, row in table().items()}


def choose_language(wanted: str, accepted: str) -> str:
    """The language of a page.

    Args:
        wanted: one of LANGUAGES; anything else leaves it to the browser.
        accepted: what a browser says in Accept-Language.
    """
    if wanted in LANGUAGES:
        return wanted
    offers = []
    for place, offer in enumerate(accepted.split(",")):
        name, _, quality = offer.partition(";q=")
        try:
            weight = float(quality or 1.0)
        except ValueError:
            weight = 0.0
        offers.append((-weight, place, name.strip().partition("-")[0].lower()))
    return next((name for weight, _, name in sorted(offers) if weight and name in LANGUAGES), LANGUAGES[0])
