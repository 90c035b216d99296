"""Two releases on the same pictures."""

import json

import numpy as np
import pytest

from ml import datasets
from ml.__main__ import main
from ml.classifier import RELEASE, load
from ml.measure.comparison import compare
from ml.measure.evaluation import collect
from ml.taxonomy import DIAGNOSES
from tests.ml.rows import predictions, row

SURE, WRONG, HALF = {"mel": 1.0}, {"nv": 1.0}, {"mel": 0.5, "nv": 0.5}


@pytest.fixture
def rows():
    return [row(n, ("nv", "mel")[n % 2]) for n in range(40)]


def some(rows, hits, usable=None):
    """Answers of which the first ``hits`` are right, and the rest are the other way round."""
    said = [{r.dx: 1.0} if n < hits else {"mel": 1.0} if r.dx == "nv" else {"nv": 1.0}
            for n, r in enumerate(rows)]  # fmt: skip
    return predictions(rows, said, usable)


def test_a_better_release_is_better_by_an_interval_above_nothing(rows):
    found = compare(some(rows, 40), some(rows, 20))
    auc = found["auc_malignant"]
    assert (auc["new"], auc["old"], auc["difference"]) == (1.0, 0.5, 0.5)
    low, high = auc["difference_ci95"]
    assert 0 < low < 0.5 < high
    assert found["sensitivity"]["difference"] == pytest.approx(0.5)
    assert found["modality"]["dermoscopy"]["auc_melanoma"]["difference"] == 0.5
    json.dumps(found)


def test_a_release_does_not_differ_from_itself(rows):
    found = compare(some(rows, 30), some(rows, 30))
    assert found["auc_malignant"]["difference_ci95"] == [0, 0]
    assert (found["same_category_share"], found["pictures"]) == (1, [])


def test_the_interval_is_paired(rows):
    """Two releases with the same errors but one differ by little, however uncertain each is."""
    found = compare(some(rows, 21), some(rows, 20))
    low, high = found["auc_malignant"]["difference_ci95"]
    assert high - low < 0.2


def test_it_names_the_pictures_whose_category_differs_refusals_included(rows):
    usable = [True] * 40
    usable[5] = False
    found = compare(some(rows, 40, usable), some(rows, 39))
    assert found["changes"] == {
        "malignant_high_risk → refused": 1,
        "benign → malignant_high_risk": 1,
    }
    assert [(p["image_id"], p["old"], p["new"]) for p in found["pictures"]] == [
        ("5", "malignant_high_risk", "refused"),
        ("39", "benign", "malignant_high_risk"),
    ]
    assert found["usable_share"]["difference"] == pytest.approx(-1 / 40)


def test_what_has_no_label_counts_in_the_changes_only(rows):
    dog = row("dog", "not_a_lesion")
    new, old = (predictions([*rows, dog], [SURE] * 40 + [last]) for last in (SURE, WRONG))
    found = compare(new, old)
    assert found["n"] == 40
    assert found["changes"] == {"benign → malignant_high_risk": 1}


def test_nothing_to_compare_gives_nulls(rows):
    dog = predictions([row("dog", "not_a_lesion")], [HALF])
    found = compare(dog, dog)
    assert found["auc_malignant"]["difference"] is None
    assert found["auc_malignant"]["difference_ci95"] is None


def test_the_command_line_compares(make_set, tmp_path):
    records = [{"image_id": f"i{n}", "dx": DIAGNOSES[n % 7]} for n in range(7)]
    out = tmp_path / "figures.json"
    arguments = ["--data", str(make_set("HAM", records)), "--json", str(out)]
    assert main(["evaluate", *arguments, "--against", str(RELEASE)]) == 0
    against = json.loads(out.read_text())["against"]
    assert against["n"] == 7
    assert against["pictures"] == []
    assert np.isclose(against["auc_malignant"]["difference"], 0)


def test_a_release_for_one_modality_is_compared_picture_by_picture(
    make_set, draw, for_dermoscopy, tmp_path
):
    """It is shown what is not a lesion as another kind of picture, in the same place as ever."""
    draw(tmp_path / "data/not_a_lesion/chair.jpg", 1)
    make_set("data/set", [{"image_id": "mole", "dx": "nv", "modality": "dermoscopy"}])
    rows = datasets.read([tmp_path / "data"]).rows
    names = [row.image_id for row in rows]
    for model in (load(RELEASE), load(for_dermoscopy)):
        assert [row.image_id for row in collect(model, rows).rows] == names
