"""One released model: its card, its version and its files, each checked against the card.

``current()`` is how every process finds the model that answers. It looks at the folder whenever it
is asked, so that after ``python -m ml release`` web, workers and phones answer by the new version
from their next picture on.
"""

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RELEASE = Path(__file__).parent / "release"
CARD = "model.json"
NEEDED = {"version", "files", "thresholds"}  # of a card, by everything that reads one

logger = logging.getLogger(__name__)


class ReleaseError(RuntimeError):
    """A released model that can't be loaded; the message names what is missing or damaged."""


@dataclass(frozen=True, slots=True, eq=False)
class Release:
    """A folder with ``model.json`` and the files that it names."""

    folder: Path
    text: bytes  # of the card, as phones get it
    card: Mapping

    @classmethod
    def read(cls, folder: Path) -> "Release":
        """Raises ReleaseError for a folder without a card, or with one that is none."""
        try:
            text = (folder / CARD).read_bytes()
            card = json.loads(text)
            if missing := NEEDED.difference(card if isinstance(card, dict) else ()):
                raise ValueError(f"{CARD} lacks {', '.join(sorted(missing))}")
            return cls(folder, text, card)
        except (OSError, ValueError) as error:
            raise ReleaseError(f"{folder}: no released model here ({error})") from error

    @property
    def version(self) -> str:
        return self.card["version"]

    def part(self, *names: str) -> Any:
        """What the card has under these names, each within the one before. Raises ReleaseError
        where it has none, as one that an earlier version of this program wrote."""
        found: Any = self.card
        for name in names:
            try:
                found = found[name]
            except (LookupError, TypeError):
                raise ReleaseError(
                    f"{self.folder}: {CARD} has no {'.'.join(names)}: an earlier version of this "
                    "program wrote it; release its run again"
                ) from None
        return found

    def readers(self, engine: str) -> list[str]:
        """The names of an engine's files in the card: of the network that phones have, too, and of
        the second reader, where there is one."""
        return [engine, second_reader(engine)] if has_second_reader(self.card) else [engine]

    def content(self, name: str) -> bytes:
        """A file by its name in the card. Raises ReleaseError unless it is the card's."""
        try:
            known = self.card["files"][name]
            content = (self.folder / known["name"]).read_bytes()
        except (OSError, KeyError, TypeError) as error:
            raise ReleaseError(f"{self.folder}: no model for {name} ({error!r})") from error
        if hashlib.sha256(content).hexdigest() != known["sha256"]:
            raise ReleaseError(
                f"{self.folder}: no model for {name} "
                f"({known['name']}: its checksum is not that of {CARD})"
            )
        return content

    def file(self, name: str) -> Path:
        """Where that file lies. Raises like ``content``."""
        self.content(name)
        return self.folder / self.card["files"][name]["name"]


def second_reader(engine: str) -> str:
    """The name of the second reader's file for an engine, in the card."""
    return f"second_reader_{engine}"


def closer(card: Mapping, modality: str) -> float | None:
    """The share of the square at which mirrored turns look closer at pictures of a modality; None
    where they look at all of it, as in releases up to 2026.11.10."""
    return dict(card.get("closer", {})).get(modality)


def has_second_reader(card: Mapping) -> bool:
    """Whether the server asks a second network, too."""
    return second_reader("litert") in card.get("files", {})


_known: dict[Path, tuple[int, Release]] = {}


def current() -> Release:
    """The release that answers now; the one before while a newer one is incomplete.

    Raises ReleaseError where there is none.
    """
    known = _known.get(RELEASE)
    try:
        changed = (RELEASE / CARD).stat().st_mtime_ns
        if known is None or known[0] != changed:
            release = Release.read(RELEASE)
            for name in release.readers("litert"):
                release.content(name)
            _known[RELEASE] = known = (changed, release)
    except (OSError, ReleaseError) as error:
        if known is None:
            raise ReleaseError(f"{RELEASE}: no released model here ({error})") from error
        logger.warning("Still answering by %s: %s", known[1].version, error)
    return known[1]
