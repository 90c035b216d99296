"""What the tests of several files share."""

from pathlib import Path

import pytest


@pytest.fixture
def stored_files(settings):
    """All files below MEDIA_ROOT, now."""
    return lambda: [path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()]
