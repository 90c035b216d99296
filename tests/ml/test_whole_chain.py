"""From pictures in folders to predictions, by the command line alone, on a tiny synthetic set."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ml import classifier, features, network
from ml.classifier import RELEASE, ReleaseError
from ml.datasets import DatasetError
from ml.network import backbone
from ml.publish import export
from ml.synthetic import phantoms
from ml.taxonomy import DIAGNOSES
from ml.training import loop, runs
from ml.training.plan import Plan

ROOT = Path(__file__).parents[2]
# TensorFlow is started anew for each command.
pytestmark = [pytest.mark.timeout(900), pytest.mark.slow]
PLAN = {"phases": [[96, 2]], "epoch_pictures": 32, "batch": 16}


@pytest.fixture
def run_ml(tmp_path):
    """Run ``python -m ml …`` in a folder of its own; → what it printed."""

    def run(*arguments: object, status: int = 0) -> str:
        finished = subprocess.run(
            [sys.executable, "-m", "ml", *map(str, arguments)],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"},
            capture_output=True,
            text=True,
        )
        assert finished.returncode == status, finished.stderr
        return finished.stdout if status == 0 else finished.stderr

    return run


@pytest.fixture
def data(make_set, draw, tmp_path):
    for modality in ("dermoscopy", "photo"):
        records = [
            {"image_id": f"i{n}", "modality": modality, "dx": ("nv", "mel")[n % 2]}
            for n in range(36)
        ]
        make_set(f"data/{modality}", records, masks=True)
    for n in range(4):
        draw(tmp_path / f"data/not_a_lesion/{n}.jpg", 900 + n)
    return tmp_path / "data"


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of Keras
def test_summarise_train_release_evaluate_predict(run_ml, data, tmp_path, monkeypatch):
    assert "76 pictures" in run_ml("summarise", "--data", data)

    (tmp_path / "plan.json").write_text(json.dumps(PLAN))
    run_ml("train", "--data", data, "--out", "run", "--plan", "plan.json")
    assert len((tmp_path / "run/epochs.csv").read_text().splitlines()) == 3

    # A run that went on from it, to nowhere: the mean keeps to the one that knows something.
    shutil.copytree(tmp_path / "run", tmp_path / "astray")
    with np.load(tmp_path / "run/best.npz") as weights:
        noise = np.random.default_rng(0)
        lost = {k: noise.permutation(w.ravel()).reshape(w.shape) for k, w in weights.items()}
    np.savez(tmp_path / "astray/best.npz", **lost)
    assert "chosen" in run_ml("blend", "run", "astray", "--out", "mean")
    said = json.loads((tmp_path / "mean/blend.json").read_text())
    assert said["by_share"][str(said["share"])]["score"] == max(
        figures["score"] for figures in said["by_share"].values()
    )
    mixed = runs.best(tmp_path / "mean").get_weights()
    ends = runs.best(tmp_path / "run").get_weights(), runs.best(tmp_path / "astray").get_weights()
    for mean, first, second in zip(mixed, *ends, strict=True):
        expected = (1 - said["share"]) * first + said["share"] * second
        np.testing.assert_allclose(mean, expected, rtol=2e-3, atol=1e-4)  # float16

    assert "python -m ml change" in run_ml("release", "run", "--out", "release")
    card = json.loads((tmp_path / "release/model.json").read_text())
    # Old answers are kept by version, so that two models never share one.
    assert card["version"] != json.loads((RELEASE / "model.json").read_text())["version"]
    assert card["licence"].startswith("As the owners of the pictures")
    assert set(card["thresholds"]) == {"dermoscopy", "photo"}
    assert set(card["bands"]) == set(card["figures"]) == {"dermoscopy", "photo"}
    assert card["external"] is None

    # What others measured of this very file is added; of another one, never.
    entry = {"model_version": card["version"], "files": card["files"], "date": "2026-11-30"}
    entry["sets"] = [
        {"set": "Far away", "modality": "photo", "what": "a clinic", "n": 50, "malignant": 10,
         "auc_malignant": 0.52, "auc_malignant_ci95": [0.4, 0.6], "sensitivity": 1.0,
         "specificity": 0.02}
    ]  # fmt: skip
    other = json.loads(json.dumps(entry).replace("Far away", "Another one's"))
    other["files"]["litert"]["sha256"] = "0" * 64
    (tmp_path / "outside.json").write_text(json.dumps({"measured": [other, entry]}))
    run_ml("release", "release", "--external", "outside.json")
    added = json.loads((tmp_path / "release/model.json").read_text())
    assert added == card | {"external": {**added["external"], "sets": entry["sets"]}}
    text = (tmp_path / "release/model-card.md").read_text()
    assert "**It fails on Far away**" in text
    assert "Another one" not in text

    # The release as a run again.
    assert "differ by" in run_ml("unfold", "--model", "release", "--data", data, "--out", "again")
    noise = np.random.default_rng(1).uniform(0, 255, (4, 96, 96, 3))
    trained, again = (runs.best(tmp_path / of).predict(noise) for of in ("run", "again"))
    for name in ("logits", "mask", "lesion"):
        np.testing.assert_allclose(again[name], trained[name], atol=0.05)
    # What is trained on from it, and released, was made with the same pictures, too.
    assert (tmp_path / "again/seen.npy").read_bytes() == (
        tmp_path / "release/seen.npy"
    ).read_bytes()

    options = ("--model", "release", "--data", data)
    run_ml("evaluate", *options, "--split", "test", "--json", "out.json", "--report", "report")
    result = json.loads((tmp_path / "out.json").read_text())
    assert result["model_version"] == card["version"]
    assert 0 < result["n"] < 72
    assert (tmp_path / "report/index.html").is_file()

    # Both engines give the features by which pictures are compared, and what these say is measured.
    picture = np.asarray(phantoms.render("even_mole", 256))
    lite, keras = (classifier.load(tmp_path / "release", e) for e in classifier.ENGINES)
    found = lite.look(picture, "photo").features
    assert found.shape == (network.FAMILIAR_COMPONENTS,)
    assert features.distances(found, keras.look(picture, "photo").features[None]) < 1e-3
    run_ml("neighbours", "--model", "release", "--data", data, "--out", "neighbours.json")
    neighbours = json.loads((tmp_path / "neighbours.json").read_text())
    assert neighbours["model_version"] == card["version"]

    phantoms.render("even_mole", 256).save(tmp_path / "mole.png")
    answer = json.loads(run_ml("predict", "--model", "release", "--modality", "photo", "mole.png"))
    assert sum(answer["diagnoses"][d] for d in DIAGNOSES) == pytest.approx(1)

    # A second reader, of another backbone: the server asks both, a phone the first one alone.
    read_again(tmp_path)
    run_ml("release", "run", "--second-reader", "reader", "--out", "double")
    double = classifier.load(tmp_path / "double")
    both = double.outputs(picture, "dermoscopy")
    square = classifier.square(picture, double.side)
    turns = classifier.STRAIGHT + classifier.MIRRORED
    alone, other = (
        classifier.averaged(classifier.turned(of, square, turns)) for of in double.readers
    )
    for name in ("logits", "cam"):
        np.testing.assert_allclose(both[name], (alone[name] + other[name]) / 2, atol=1e-5)
    assert np.abs(alone["logits"] - other["logits"]).max() > 0.01
    seen = alone["quality"][classifier.LESION], other["lesion"][0]
    assert seen[1] < seen[0]
    assert both["quality"] == pytest.approx([min(seen), *alone["quality"][1:]])
    assert network.QUALITY[classifier.LESION] == "lesion"
    # What the phone asks of a picture is what it was without a second reader.
    assert double.card["live"] == card["live"]
    assert both["one_pass"] == pytest.approx(lite.one_pass(picture)["logits"], abs=1e-5)
    again = classifier.load(tmp_path / "double", "keras").outputs(picture, "dermoscopy")
    assert again["logits"] == pytest.approx(both["logits"], abs=1e-3)
    assert "a second reader, an EfficientNet-Lite2" in (
        tmp_path / "double/model-card.md"
    ).read_text().replace("\n", " ")
    (tmp_path / "double/second-reader.tflite").unlink()
    with pytest.raises(ReleaseError, match="no model for second_reader_litert"):
        classifier.load(tmp_path / "double")

    # It would be measured on what it knows.
    split = (tmp_path / "reader/split.csv").read_text()
    (tmp_path / "reader/split.csv").write_text(split.replace(",test", ",train"))
    said = run_ml("release", "run", "--second-reader", "reader", "--out", "triple", status=1)
    assert "held out here" in said

    # A file that answers otherwise than what was trained is not a release.
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(backbone, "fold", lambda trained, served: None)
    with pytest.raises(export.ParityError, match="from the trained network"):
        export.release(tmp_path / "run", tmp_path / "second")
    assert not (tmp_path / "second").exists()

    # A run that can't be released leaves no half-written release behind.
    (tmp_path / "run/best.npz").write_bytes(b"damaged")
    assert "error: " in run_ml("release", "run", "--out", "second", status=1)
    assert not (tmp_path / "second").exists()


def read_again(folder: Path) -> None:
    """Put a run of another backbone, which knows nothing yet, beside ``folder/run``."""
    reader = folder / "reader"
    reader.mkdir()
    model = network.build(variant="lite2")
    network.draw_heads(model, 5)
    model.get_layer("lesion").bias.assign([-2.0])  # it doubts that there is one
    runs.save_best(reader, model)
    (reader / "plan.json").write_text(json.dumps({"backbone": "lite2"}))
    shutil.copy(folder / "run/split.csv", reader)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of Keras
def test_a_student_follows_its_teacher(run_ml, data, tmp_path):
    """Who says “vascular lesion” of everything, where no label does."""
    teacher = tmp_path / "teacher"
    teacher.mkdir()
    model = network.build()
    model.get_layer("cam").bias.assign(20.0 * np.array([d == "vasc" for d in DIAGNOSES]))
    runs.save_best(teacher, model)
    (teacher / "plan.json").write_text("{}")
    (teacher / "split.csv").write_text("image_id,dataset,fold\n")
    (tmp_path / "plan.json").write_text(json.dumps(PLAN | {"phases": [[96, 1]]}))
    command = ("train", "--data", data, "--plan", "plan.json", "--out")
    run_ml(*command, "student", "--teacher", "teacher")
    student = runs.best(tmp_path / "student")
    assert np.argmax(student.get_layer("cam").bias) == DIAGNOSES.index("vasc")

    # It would be measured on what its teacher knows.
    rows = (tmp_path / "student/split.csv").read_text()
    (teacher / "split.csv").write_text(rows.replace(",test", ",train"))
    assert "held out here" in run_ml(*command, "other", "--teacher", "teacher", status=1)
    assert "no trained run" in run_ml(*command, "other", "--teacher", "nobody", status=1)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of Keras
def test_a_training_that_died_while_saving_goes_on_from_the_epoch_before(
    data, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    plan = Plan(phases=((96, 2),), epoch_pictures=32, batch=16)
    save, saved = np.savez, []

    def full_disk(path, **arrays):
        saved.append(path.name)
        if saved.count("partial.last.npz") == 3:  # one before, one an epoch
            path.write_bytes(b"half")
            raise OSError(28, "No space left on device")
        return save(path, **arrays)

    monkeypatch.setattr(np, "savez", full_disk)
    with pytest.raises(OSError, match="No space left"):
        loop.train([data], tmp_path / "run", plan)
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    # The second epoch's weights were the best, whatever it comes to when it is trained again.
    history = runs.history(tmp_path / "run")
    runs.save_history(
        tmp_path / "run",
        [row | {"score": score} for row, score in zip(history, (-1, 2), strict=True)],
    )
    (tmp_path / "run/best.npz").write_bytes(b"best")
    loop.train([data], tmp_path / "run")
    assert (tmp_path / "run/best.npz").read_bytes() == b"best"
    lines = (tmp_path / "run/epochs.csv").read_text().splitlines()
    assert [line.partition(",")[0] for line in lines] == ["epoch", "1", "2"]

    # Its split and its plan are those of its weights.
    with pytest.raises(DatasetError, match="begun with other data"):
        loop.train([data / "photo"], tmp_path / "run")
    with pytest.raises(DatasetError, match="begun with another plan"):
        loop.train([data], tmp_path / "run", replace(plan, seed=2))
