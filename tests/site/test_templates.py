"""What holds for every template, read as text."""

import re
from pathlib import Path

import pytest

TEMPLATES = sorted((Path(__file__).parents[2] / "templates").rglob("*.html"))
STOP = re.compile(r'<(?:div|pre)[^>]*\btabindex="0"[^>]*>')


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_each_stop_of_the_keyboard_says_what_it_is(path: Path) -> None:
    """What scrolls is reached by keyboard; a screen reader names it (WCAG 2.2, 4.1.2)."""
    for stop in STOP.findall(path.read_text()):
        assert "role=" in stop, stop
        assert "aria-label" in stop, stop
