"""Pictures and masks that were decoded once, and when they are read anew."""

import os
import threading

import pytest
from PIL import Image

from ml import datasets
from ml.datasets import arrays


def test_a_mask_that_was_mended_is_read_again(make_set, tmp_path):
    records = [{"image_id": f"i{n}", "dx": "nv"} for n in range(2)]
    folder = make_set("set", records, masks=True)
    rows = datasets.read([folder]).rows
    assert arrays.load(rows, tmp_path / "cache").masks[0].any()
    mask = folder / "masks/i0.png"
    with Image.open(mask) as drawn:
        size = drawn.size
    Image.new("L", size, 0).save(mask)
    os.utime(mask, (1, 1))
    again = arrays.load(rows, tmp_path / "cache")
    assert not again.masks[0].any()
    assert again.masks[1].any()


def test_a_mask_of_0_and_1_covers_what_it_marks(make_set, tmp_path):
    """As programs write them: of 255, hardly anything of the lesion were covered."""
    folder = make_set("set", [{"image_id": "i0", "dx": "nv"}], masks=True)
    rows = datasets.read([folder]).rows
    drawn = arrays.load(rows, tmp_path / "cache").masks
    with Image.open(folder / "masks/i0.png") as mask:
        mask.point(lambda value: value // 255).save(folder / "masks/i0.png")
    assert (arrays.load(rows, tmp_path / "cache").masks == drawn).all()
    assert drawn.max() == 255


@pytest.mark.parametrize("content", [b"no picture", None])
def test_a_damaged_mask_is_named_and_its_picture_left_out(make_set, content):
    folder = make_set("set", [{"image_id": f"i{n}", "dx": "nv"} for n in range(2)], masks=True)
    mask = folder / "masks/i0.png"
    mask.write_bytes(content or mask.read_bytes()[:-40])
    manifest = datasets.read([folder], decode=True)
    (fault,) = manifest.faults
    assert "metadata.csv: row 2" in fault
    assert "masks/i0.png" in fault
    assert [row.image_id for row in manifest.rows] == ["i1"]


def test_two_that_begin_at_once_share_what_the_first_decodes(make_set, tmp_path, monkeypatch):
    """The later one emptied the file of the first, which then had black pictures to learn from."""
    rows = datasets.read([make_set("set", [{"image_id": f"i{n}", "dx": "nv"} for n in range(4)])])
    decode, half, going_on = arrays._decode, threading.Event(), threading.Event()
    decoded, found = [], []

    def slowly(row):
        decoded.append(row.image_id)
        if row.image_id == "i3":
            half.set()
            assert going_on.wait(120)
        return decode(row)

    monkeypatch.setattr(arrays, "_decode", slowly)
    monkeypatch.setattr(arrays, "BATCH", 1)

    def load():
        found.append(arrays.load(rows.rows, tmp_path / "cache").pictures.min(axis=(1, 2, 3)))

    both = [threading.Thread(target=load) for _ in range(2)]
    both[0].start()
    assert half.wait(120)
    both[1].start()
    both[1].join(0.5)
    going_on.set()
    for one in both:
        one.join(120)
    assert decoded == ["i0", "i1", "i2", "i3"]
    assert all(pictures.all() for pictures in found)
    assert len(found) == 2


def test_what_was_used_longest_ago_makes_room(make_set, tmp_path, monkeypatch):
    sets = [
        datasets.read([make_set(name, [{"image_id": name, "dx": "nv"}])]).trainable
        for name in ("one", "two", "three", "four")
    ]
    cache = tmp_path / "cache"
    arrays.load(sets[0], cache)
    [of_one] = cache.iterdir()
    size = sum(file.stat().st_size for file in of_one.iterdir())
    monkeypatch.setattr(arrays, "KEPT", 2 * size)
    for number, rows in enumerate((*sets[1:3], sets[0], sets[3])):
        arrays.load(rows, cache)
        for folder in cache.iterdir():  # as if it were some hours ago
            if folder.stat().st_mtime > 1e9:
                os.utime(folder, (number, number))
    kept = set(cache.iterdir())
    assert of_one in kept
    assert len(kept) == 3
    arrays.load(sets[1], cache)
    assert len(set(cache.iterdir()) - kept) == 1
