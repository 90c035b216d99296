"""No patient, lesion or near-duplicate stands on two sides."""

from collections import Counter, defaultdict

import pytest
from PIL import Image, ImageEnhance

from ml import datasets
from ml.datasets import DatasetError, splits


@pytest.fixture
def folder(make_set):
    records = [
        {
            "image_id": f"i{n}",
            "lesion_id": f"l{n // 2}",
            "patient_id": f"p{n // 4}",
            "dx": ("nv", "nv", "nv", "mel")[n // 4 % 4],
        }
        for n in range(320)
    ]
    return make_set("PAD-UFES-20", records)


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache" / "hashes.npz"


def test_no_lesion_or_patient_stands_on_two_sides(folder, cache):
    rows = datasets.read([folder]).rows
    sides = defaultdict(set)
    for row, fold in zip(rows, splits.split(rows, seed=3, cache=cache), strict=True):
        sides[row.lesion].add(fold)
        sides[row.group].add(fold)
    assert all(len(folds) == 1 for folds in sides.values())


def test_patients_whose_lesions_are_numbered_anew_stand_on_both_sides(make_set, cache):
    """All were one group, since each has a lesion 1: nothing was left to measure on."""
    records = [
        {"image_id": f"i{n}", "lesion_id": n % 3, "patient_id": f"p{n // 3}", "dx": "nv"}
        for n in range(60)
    ]
    rows = datasets.read([make_set("clinic", records)]).rows
    folds = splits.split(rows, cache=cache)
    assert Counter(folds) == {"test": 12, "validation": 6, "train": 42}
    fold_of = dict(zip((row.group for row in rows), folds, strict=True))
    assert [fold_of[row.group] for row in rows] == folds


def test_shares_hold_in_each_diagnosis(folder, cache):
    rows = datasets.read([folder]).rows
    folds = splits.split(rows, seed=3, cache=cache)
    count = Counter((row.dx, fold) for row, fold in zip(rows, folds, strict=True))
    assert count["mel", "test"] == pytest.approx(0.20 * 80, abs=4)
    assert count["nv", "test"] == pytest.approx(0.20 * 240, abs=4)
    assert count["mel", "validation"] == pytest.approx(0.12 * 80, abs=4)


def test_the_same_seed_gives_the_same_split_and_another_one_does_not(folder, cache):
    rows = datasets.read([folder]).rows
    first = splits.split(rows, seed=3, cache=cache)
    assert splits.split(list(rows), seed=3, cache=cache) == first
    assert splits.split(rows, seed=4, cache=cache) != first


def test_another_set_beside_it_moves_no_picture(folder, make_set, cache):
    rows = datasets.read([folder]).rows
    alone = splits.split(rows, seed=3, cache=cache)
    other = datasets.read([make_set("Other", [{"image_id": "x", "dx": "nv"}])]).rows
    assert splits.split(other + rows, seed=3, cache=cache)[1:] == alone


def test_a_recoloured_copy_in_another_set_stays_with_its_original(folder, tmp_path, cache):
    rows = datasets.read([folder]).rows
    copies = tmp_path / "copies" / "nv"
    copies.mkdir(parents=True)
    for row in rows[:40]:
        with Image.open(row.path) as image:
            ImageEnhance.Color(image).enhance(0.6).save(copies / f"{row.image_id}.png")
    both = rows + datasets.read([tmp_path / "copies"]).rows
    folds = splits.split(both, seed=3, cache=cache)
    fold_of = {row.image_id: fold for row, fold in zip(rows, folds, strict=False)}
    for row, fold in zip(both[len(rows) :], folds[len(rows) :], strict=True):
        assert fold == fold_of[row.image_id.removeprefix("nv/")]


def test_a_stored_split_reads_back(folder, cache, tmp_path):
    rows = datasets.read([folder]).rows
    folds = splits.split(rows, seed=3, cache=cache)
    (tmp_path / "split.csv").write_text(splits.as_csv(rows, folds))
    assert splits.read(tmp_path / "split.csv", rows) == folds


def test_a_picture_that_the_stored_split_does_not_know_has_no_fold(folder, make_set, tmp_path):
    rows = datasets.read([folder]).rows
    (tmp_path / "split.csv").write_text(splits.as_csv(rows, ["train"] * len(rows)))
    other = datasets.read([make_set("Other", [{"image_id": "x", "dx": "nv"}])]).rows
    assert splits.read(tmp_path / "split.csv", other) == [None]


def test_a_renamed_folder_is_known_by_its_pictures_and_another_camera_s_names_are_not(
    make_set, tmp_path
):
    def of(name, *numbers):
        made = make_set(name, [{"image_id": f"IMG_{n:04}", "dx": "nv"} for n in numbers])
        return datasets.read([made]).rows

    rows = of("Ours", 1, 2, 3, 4)
    stored = tmp_path / "split.csv"
    stored.write_text(splits.as_csv(rows, ["train", "test", "train", "train"]))
    assert splits.read(stored, of("Moved", 2, 3, 5)) == ["test", "train", None]
    assert splits.read(stored, of("Clinic", 4, 5, 6)) == [None] * 3
    assert splits.missing(stored, of("Elsewhere", 1, 2, 3)) == (1, 4)
    assert splits.missing(stored, of("Second", 1, 8, 9)) == (4, 4)


def test_further_pictures_of_who_was_learnt_from_are_no_strangers(make_set, cache):
    patients = ["a", "a", "b", "b", "c", "d", "d", "d"]
    rows = datasets.read(
        [
            make_set(
                "Clinic",
                [
                    {"image_id": f"c{n}", "dx": "nv", "patient_id": patient}
                    for n, patient in enumerate(patients)
                ],
            )
        ]
    ).rows
    known = ["train", None, "validation", None, None, "test", "train", None]
    assert splits.inherited(rows, known, cache) == [
        *("train", "train", "validation", "validation"),
        *(None, "test", "train", "train"),
    ]


def test_a_file_that_is_no_split_is_refused(tmp_path):
    (tmp_path / "split.csv").write_text("image_id,dataset,fold\na,b,somewhere\n")
    with pytest.raises(DatasetError, match="row 2: unknown fold “somewhere”"):
        splits.read(tmp_path / "split.csv", [])


def test_a_picture_that_does_not_decode_names_the_row(folder, cache):
    (folder / "images" / "i7.jpg").write_bytes(b"no picture")
    with pytest.raises(DatasetError, match=r"metadata.csv: row 9: .*i7.jpg"):
        splits.split(datasets.read([folder]).rows, cache=cache)


def test_a_lesion_stays_together_where_one_row_leaves_the_patient_out(make_set, cache):
    records = [
        {
            "image_id": f"i{n}",
            "lesion_id": f"l{n // 2}",
            "patient_id": f"p{n // 4}" if n % 2 else "",
            "dx": ("nv", "mel")[n // 4 % 2],
        }
        for n in range(80)
    ]
    rows = datasets.read([make_set("halves", records)]).rows
    sides = defaultdict(set)
    for row, record, fold in zip(rows, records, splits.split(rows, cache=cache), strict=True):
        sides[row.lesion].add(fold)
        sides[int(record["image_id"][1:]) // 4].add(fold)
    assert all(len(folds) == 1 for folds in sides.values())


def test_a_lesion_of_another_set_stays_with_the_patient_there(make_set, cache):
    theirs = [
        {"image_id": f"i{n}", "lesion_id": f"l{n}", "patient_id": f"p{n // 2}", "dx": "nv"}
        for n in range(40)
    ]
    ours = [{"image_id": f"x{n}", "same_lesion_as": f"theirs/l{n}", "dx": "nv"} for n in range(40)]
    rows = datasets.read([make_set("theirs", theirs), make_set("ours-too", ours)]).rows
    folds = splits.split(rows, cache=cache)
    assert folds[:40] == folds[40:]


def test_a_lesion_of_another_set_takes_no_patient_away(make_set, cache):
    """All lesions of who has one that another set shows, too, are on its side."""
    theirs = [{"image_id": f"i{n}", "dx": "nv"} for n in range(40)]
    ours = [
        {
            "image_id": f"x{n}",
            "lesion_id": f"x{n // 2}",
            "patient_id": f"p{n // 4}",
            "same_lesion_as": "" if n % 4 else f"theirs/i{n // 4}",
            "dx": "nv",
        }
        for n in range(160)
    ]
    rows = datasets.read([make_set("theirs", theirs), make_set("ours-too", ours)]).rows
    folds = splits.split(rows, cache=cache)
    for n in range(40):
        assert {folds[n]} == {*folds[40 + 4 * n : 44 + 4 * n]}
        of_lesion, of_next = rows[40 + 4 * n : 42 + 4 * n], rows[42 + 4 * n : 44 + 4 * n]
        assert {row.lesion for row in of_lesion} == {f"theirs/i{n}"}
        assert {row.lesion for row in of_next} == {f"ours-too/x{2 * n + 1}"}
        assert {row.group for row in of_lesion + of_next} == {f"ours-too/p{n}"}


def test_damaged_hashes_are_made_anew(folder, cache):
    rows = datasets.read([folder]).rows
    before = splits.split(rows, cache=cache)
    cache.write_bytes(cache.read_bytes()[:100])
    assert splits.split(rows, cache=cache) == before
