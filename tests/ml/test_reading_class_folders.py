"""A folder per class."""

import pytest

from ml import datasets
from ml.datasets import DatasetError


def test_the_folder_is_the_label(tmp_path, draw):
    draw(tmp_path / "mine/mel/1.png", 1)
    draw(tmp_path / "mine/nv/1.jpg", 2)
    rows = datasets.read([tmp_path / "mine"], "photo").rows
    assert [(r.dataset, r.image_id, r.dx, r.modality) for r in rows] == [
        ("mine", "mel/1", "mel", "photo"),
        ("mine", "nv/1", "nv", "photo"),
    ]
    assert len({row.group for row in rows}) == 2


def test_a_set_of_no_lesions_needs_no_metadata(tmp_path, draw):
    draw(tmp_path / "not_a_lesion/images/dog.jpg", 1)
    (row,) = datasets.read([tmp_path]).rows
    assert (row.dx, row.allowed, row.modality) == ("not_a_lesion", (), "photo")


def test_an_empty_class_is_an_error_that_names_it(tmp_path, draw):
    draw(tmp_path / "mine/nv/1.jpg", 1)
    (tmp_path / "mine/mel").mkdir()
    with pytest.raises(DatasetError, match="mine/mel: no pictures in this class"):
        datasets.read([tmp_path / "mine"])


def test_a_class_of_an_unknown_name_is_an_error_that_names_it(tmp_path, draw):
    for name in ("mel", "nv", "wart"):
        draw(tmp_path / "mine" / name / "1.png", 1)
    with pytest.raises(DatasetError, match=r"mine/wart: no data set here.*known are nv, bkl"):
        datasets.read([tmp_path / "mine"])
