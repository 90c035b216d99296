"""Pictures and masks that were decoded once, and when they are read anew."""

import os

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
