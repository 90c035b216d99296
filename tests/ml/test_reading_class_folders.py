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


def test_an_empty_class_is_named(tmp_path, draw):
    draw(tmp_path / "mine/nv/1.jpg", 1)
    (tmp_path / "mine/mel").mkdir()
    manifest = datasets.read([tmp_path / "mine"])
    assert [row.dx for row in manifest.rows] == ["nv"]
    assert manifest.faults == [f"{tmp_path}/mine/mel: no pictures in this class"]


def test_a_stray_folder_is_named_and_does_not_split_the_set(tmp_path, draw):
    for number, name in enumerate(("mel", "nv", "wart")):
        draw(tmp_path / "mine" / name / "1.png", number)
    (tmp_path / "mine/notes").mkdir()
    manifest = datasets.read([tmp_path / "mine"])
    assert {(row.dataset, row.dx) for row in manifest.rows} == {("mine", "mel"), ("mine", "nv")}
    (fault,) = manifest.faults
    assert "mine/wart: 1 pictures left out" in fault
    assert "known are nv, bkl" in fault


KAGGLE = {
    "actinic keratosis": "akiec",
    "basal cell carcinoma": "bcc",
    "dermatofibroma": "df",
    "melanoma": "mel",
    "nevus": "nv",
    "pigmented benign keratosis": "bkl",
    "seborrheic keratosis": "bkl",
    "squamous cell carcinoma": "scc",
    "vascular lesion": "vasc",
}


def test_kaggles_nine_classes(tmp_path, draw):
    for seed, (part, name) in enumerate(
        (part, name) for part in ("Train", "Test") for name in KAGGLE
    ):
        draw(tmp_path / "kaggle" / part / name / "ISIC_1.jpg", seed)
    manifest = datasets.read([tmp_path / "kaggle"])
    assert not manifest.faults
    assert len(manifest.rows) == 18
    assert {row.path.parent.name: row.dx for row in manifest.rows} == KAGGLE


def test_what_systems_add_is_passed_over_and_other_endings_are_named(tmp_path, draw):
    draw(tmp_path / "mine/mel/1.png", 1)
    draw(tmp_path / "mine/nv/deeper/2.png", 2)
    for name in ("mel/._1.png", "mel/Thumbs.db", "__MACOSX/mel/._1.png", "mel/.DS_Store"):
        path = tmp_path / "mine" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"junk")
    (tmp_path / "mine/mel/1.gif").write_bytes(b"GIF89a")
    manifest = datasets.read([tmp_path / "mine"])
    assert not manifest.faults
    assert [row.image_id for row in manifest.rows] == ["mel/1", "nv/deeper/2"]
    assert manifest.warnings[0] == f"{tmp_path}/mine/mel: 1 files not read: .gif"
    assert "taken as" in manifest.warnings[1]


def test_the_same_picture_in_two_classes_is_named_and_left_out(tmp_path, draw):
    for name in ("mel/1.png", "nv/other.png"):
        draw(tmp_path / "mine" / name, 1)
    for name in ("nv/2.png", "nv/2 copy.png"):
        draw(tmp_path / "mine" / name, 2)
    draw(tmp_path / "mine/mel/3.png", 3)
    manifest = datasets.read([tmp_path / "mine"])
    (fault,) = manifest.faults
    assert "mel/1.png" in fault
    assert "nv/other.png" in fault
    assert len(manifest.rows) == 2
    (dropped,) = manifest.dropped
    assert dropped.reason == "the same picture again"


def test_a_damaged_picture_is_named_and_the_others_are_read(tmp_path, draw):
    draw(tmp_path / "mine/nv/1.png", 1)
    draw(tmp_path / "mine/mel/2.png", 2)
    (tmp_path / "mine/mel/bad.jpg").write_bytes(b"no picture")
    manifest = datasets.read([tmp_path / "mine"], decode=True)
    (fault,) = manifest.faults
    assert "bad.jpg" in fault
    assert len(manifest.rows) == 2


def test_where_every_picture_is_damaged_that_is_an_error(tmp_path):
    for name in ("mel", "nv"):
        (tmp_path / "mine" / name).mkdir(parents=True)
        (tmp_path / f"mine/{name}/1.jpg").write_bytes(name.encode())
    with pytest.raises(DatasetError, match=r"mel/1.jpg.*\n.*nv/1.jpg"):
        datasets.read([tmp_path / "mine"], decode=True)


@pytest.mark.parametrize("name", ["mole", "benign", "other", "healthy skin"])
def test_a_set_that_is_called_as_a_class_is_one_of_the_classes_in_it(tmp_path, draw, name):
    """“mole” is a word for naevus; a melanoma in it is none."""
    draw(tmp_path / name / "melanoma/1.png", 1)
    draw(tmp_path / name / "naevus/2.png", 2)
    for data in (tmp_path / name, tmp_path):
        manifest = datasets.read([data])
        assert {row.image_id: row.dx for row in manifest.rows} == {
            "melanoma/1": "mel",
            "naevus/2": "nv",
        }
        assert not manifest.faults


def test_a_picture_in_two_classes_by_its_folders_is_named_and_left_out(tmp_path, draw):
    for seed, name in enumerate(("nv/1.png", "nv/sorted out/melanoma/2.png", "mel/3.png")):
        draw(tmp_path / "mine" / name, seed)
    manifest = datasets.read([tmp_path / "mine"])
    assert {row.image_id: row.dx for row in manifest.rows} == {"nv/1": "nv", "mel/3": "mel"}
    (fault,) = manifest.faults
    assert "nv/sorted out/melanoma: 1 pictures left out: in the class “nv”, too" in fault


def test_kinds_within_a_class_are_of_it(tmp_path, draw):
    names = ("benign/nevus/1.png", "benign/other/2.png", "malignant/bcc/3.png")
    for seed, name in enumerate(names):
        draw(tmp_path / "mine" / name, seed)
    manifest = datasets.read([tmp_path / "mine"])
    assert [row.dx for row in manifest.rows] == ["benign", "benign", "malignant"]
    assert not manifest.faults


def test_a_link_to_nowhere_is_named_and_one_without_end_is_passed_over(tmp_path, draw):
    draw(tmp_path / "mine/nv/1.png", 1)
    draw(tmp_path / "mine/mel/2.png", 2)
    (tmp_path / "mine/nv/gone.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / "mine/nv/again").symlink_to(tmp_path / "mine")
    manifest = datasets.read([tmp_path / "mine"], decode=True)
    assert [row.image_id for row in manifest.rows] == ["mel/2", "nv/1"]
    (fault,) = manifest.faults
    assert "gone.png" in fault
    assert not manifest.dropped
