"""Features of pictures: stored, compared, and what was measured of the nearest ones."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from ml import classifier, features
from ml.__main__ import main
from ml.datasets import Row
from ml.measure import neighbours
from ml.taxonomy import ALLOWED, MODALITIES


def row(name: str, dx: str, group: str | None = None, dataset: str = "set") -> Row:
    return Row(
        path=Path(name), mask=None, dataset=dataset, image_id=name, lesion=name,
        group=group or name, modality="photo", dx=dx, allowed=ALLOWED[dx],
    )  # fmt: skip


def measured(rows: list[tuple[Row, float, float]]) -> dict:
    """Of rows with the angle of their features in degrees, and their malignancy."""
    seen = {
        row.image_id: (np.array([np.cos(a), np.sin(a)]), malignancy)
        for row, degrees, malignancy in rows
        for a in [np.deg2rad(degrees)]
    }
    return neighbours.measure_by([row for row, *_ in rows], lambda row: seen[row.image_id])


def test_what_is_stored_is_a_quarter_kilobyte_and_comes_back():
    rng = np.random.default_rng(0)
    some = rng.normal(size=(3, 128)).astype(np.float32)
    stored = [features.pack(one) for one in some]
    assert {len(one) for one in stored} == {256}
    assert features.unpack(stored) == pytest.approx(some, rel=1e-3)


def test_distances_are_of_the_angle():
    one = np.array([2.0, 0.0])
    others = np.array([[1.0, 0.0], [0.0, 3.0], [-1.0, 0.0], [0.0, 0.0]])
    assert features.distances(one, others) == pytest.approx([0, 1, 2, 1])


def test_the_nearest_share_the_diagnosis_where_it_is_what_makes_them_near():
    found = measured(
        [(row(f"n{i}", "nv"), i, 0.1) for i in range(10)]
        + [(row(f"m{i}", "mel"), 90 + i, 0.9) for i in range(10)]
    )["modalities"]["photo"]
    assert (found["pictures"], found["same"], found["same_malignancy"]) == (20, 1, 1)
    assert found["chance"] == pytest.approx(9 / 19, abs=1e-3)
    assert {name: of["pictures"] for name, of in found["diagnoses"].items()} == {
        "nv": 10,
        "mel": 10,
    }


def test_a_persons_own_pictures_are_no_neighbours():
    own = [(row(f"o{i}", "mel", group="alice"), 0, 0.9) for i in range(6)]
    found = measured(own + [(row(f"n{i}", "nv"), 50 + i, 0.1) for i in range(6)])
    assert found["modalities"]["photo"]["diagnoses"]["mel"]["same"] == 0


def test_nor_where_others_have_too_few():
    own = [(row(f"o{i}", "mel", group="alice"), 0, 0.9) for i in range(6)]
    assert measured(own)["modalities"] == {}
    others = [(row(f"n{i}", "nv", group="bob"), 50 + i, 0.1) for i in range(2)]
    found = measured(own + others)["modalities"]["photo"]
    assert (found["pictures"], set(found["diagnoses"])) == (2, {"nv"})


def test_chance_within_the_neighbours_sets_tells_a_source_from_a_diagnosis():
    """All of a set looks alike and shows the same: that is not a merit of the distance."""
    found = measured(
        [(row(f"a{i}", "nv", dataset="a"), i, 0.1) for i in range(10)]
        + [(row(f"b{i}", "mel", dataset="b"), 90 + i, 0.9) for i in range(10)]
    )["modalities"]["photo"]
    assert (found["same"], found["chance_in_sets"]) == (1, 1)


def test_a_label_that_allows_several_diagnoses_is_left_out():
    rows = [(row(f"n{i}", "nv"), i, 0.1) for i in range(8)]
    found = measured([*rows, (row("b", "benign"), 3, 0.1)])
    assert found["modalities"]["photo"]["pictures"] == 8


def test_within_a_person_the_odd_one_out_and_the_malignancy_are_told_apart():
    person = [(row(f"n{i}", "nv", group="alice"), i, 0.3 + i / 100) for i in range(3)]
    found = measured([*person, (row("m", "mel", group="alice"), 80, 0.1)])["persons"]
    assert found == {"persons": 1, "malignancy": 0, "distance": 1, "both": 0.5}


def test_of_two_lesions_or_benign_ones_alone_nothing_is_said():
    two = [(row(f"t{i}", dx, group="bob"), i, 0.5) for i, dx in enumerate(("nv", "mel"))]
    benign = [(row(f"n{i}", "nv", group="alice"), i, 0.3) for i in range(4)]
    found = measured(two + benign)["persons"]
    assert found == {"persons": 0, "malignancy": None, "distance": None, "both": None}


def test_a_release_without_features_is_named(make_set, monkeypatch, tmp_path, capsys):
    """Older ones: their graph ends before."""
    records = [{"image_id": f"i{n}", "dx": "nv", "modality": "photo"} for n in range(3)]
    folder = make_set("own", records)
    lacks = SimpleNamespace(features=None, assessment=SimpleNamespace(malignancy=0.1))
    old = SimpleNamespace(version="2026.01.1", look=lambda *_: lacks)
    monkeypatch.setattr(classifier, "load", lambda *_: old)
    (tmp_path / "model.json").write_text(
        '{"version": "2026.01.1", "files": {}, "thresholds": {"photo": {}}}'
    )
    (tmp_path / "split.csv").write_text(
        "image_id,dataset,fold\n" + "".join(f"i{n},own,test\n" for n in range(3))
    )
    out = tmp_path / "out.json"
    asked = ["neighbours", "--data", str(folder), "--model", str(tmp_path), "--out", str(out)]
    assert main(asked) == 1
    assert "2026.01.1 gives no features" in capsys.readouterr().err
    assert not out.exists()


def test_what_serves_names_the_version_that_it_was_measured_on():
    known = features.neighbours()
    assert known["model_version"]
    assert set(known["modalities"]) == set(MODALITIES)
    assert known["modalities"]["photo"]["same"] > known["modalities"]["photo"]["chance"]
