"""Tiny synthetic data sets in every format that the readers know."""

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from PIL import Image, ImageDraw

from ml import classifier
from ml.classifier import RELEASE

SIDE = 72


def draw_lesion(path: Path, seed: int, *, mask: Path | None = None) -> Path:
    """A blot on skin, different for each seed."""
    rng = np.random.default_rng(seed)
    skin = np.full((SIDE, SIDE, 3), (225, 180, 155)) + rng.normal(0, 3, (SIDE, SIDE, 1))
    image = Image.fromarray(skin.clip(0, 255).astype(np.uint8))
    outline = Image.new("L", (SIDE, SIDE), 0)
    for picture, ink in ((image, (110, 70, 50)), (outline, 255)):
        shape = np.random.default_rng([seed, 1])
        for _ in range(6):
            x, y, r = (*shape.uniform(18, 54, 2), shape.uniform(4, 12))
            ImageDraw.Draw(picture).ellipse((x - r, y - r, x + r, y + r), fill=ink)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)
    if mask:
        mask.parent.mkdir(parents=True, exist_ok=True)
        outline.save(mask)
    return path


@pytest.fixture(scope="module")
def model() -> classifier.Classifier:
    """The released one."""
    return classifier.load()


@pytest.fixture
def draw() -> Callable[..., Path]:
    """``draw(path, seed)`` writes one lesion."""
    return draw_lesion


@pytest.fixture
def for_dermoscopy(tmp_path: Path) -> Path:
    """A copy of the release that knows no photographs."""
    release = shutil.copytree(RELEASE, tmp_path / "release")
    card = json.loads((release / "model.json").read_text())
    del card["thresholds"]["photo"]
    (release / "model.json").write_text(json.dumps(card))
    return release


@pytest.fixture
def make_set(tmp_path: Path) -> Callable[..., Path]:
    """Write a set with a metadata CSV: ``make_set("NAME", [{"image_id": …, "dx": …}, …])``."""

    def make(
        name: str, records: list[dict], sheet: str = "metadata.csv", masks: bool = False
    ) -> Path:
        folder = tmp_path / name
        for number, record in enumerate(records):
            record.setdefault("lesion_id", record["image_id"])
            if record.pop("drawn", True):
                mask = folder / "masks" / f"{record['image_id']}.png"
                draw_lesion(
                    folder / "images" / f"{record['image_id']}.jpg",
                    seed=number + 1000 * len(name),
                    mask=mask if masks else None,
                )
        folder.mkdir(exist_ok=True)
        columns = list(dict.fromkeys(column for record in records for column in record))
        with (folder / sheet).open("w", newline="") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(records)
        return folder

    return make


@pytest.fixture
def make_clinic(tmp_path: Path) -> Callable[..., Path]:
    """Write the clinic's format: rows of (id, category), and the files that exist."""

    def make(
        entries: list[tuple], files: list[str], columns: tuple = ("id", "kat.Diagnose")
    ) -> Path:
        folder = tmp_path / "clinic"
        for number, name in enumerate(files):
            draw_lesion(folder / name, seed=number)
        book = openpyxl.Workbook()
        named = (columns[0], "nr", "Histo performed", "Diagnose red.", columns[1], "klin. Diagn.")
        book.active.append(named)
        for number, (image_id, category) in enumerate(entries):
            book.active.append((image_id, number, "ja", "NZN", category, "Naevus"))
        folder.mkdir(exist_ok=True)
        book.save(folder / "CLIN_DIA.xlsx")
        return folder

    return make
