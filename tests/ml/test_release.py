"""What a release keeps: its version, and what others measured of it."""

import json

import numpy as np
import pytest

from ml.__main__ import CARD, main
from ml.classifier import RELEASE
from ml.datasets import DatasetError
from ml.publish import export, external, model_card
from ml.release import Release
from ml.taxonomy import DIAGNOSES, Thresholds


@pytest.fixture
def card(tmp_path) -> dict:
    """A release in ``tmp_path``."""
    made = json.loads((RELEASE / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps(made))
    return made


def entry(card: dict, **other) -> dict:
    return {
        "model_version": card["version"],
        "files": card["files"],
        "date": "2026-11-30",
        "sets": [],
        **other,
    }


def test_what_answers_as_before_keeps_its_version(card, tmp_path):
    assert export._version(card | {"version": ""}, tmp_path) == card["version"]
    other = {"screen": 0.5, "melanoma": 0.5, "cost_ratio": 3.0, "uncertain": 0.1}
    changed = card | {"thresholds": card["thresholds"] | {"photo": other}}
    assert export._version(changed, tmp_path) != card["version"]
    assert export._version(card | {"closer": {"photo": 0.5}}, tmp_path) != card["version"]
    read_again = card | {"files": card["files"] | {"second_reader_litert": {"sha256": "0" * 64}}}
    assert export._version(read_again, tmp_path) != card["version"]


def test_outside_figures_are_of_the_same_file_and_version(card):
    files = {"litert": {"sha256": "0" * 64}}
    other = [entry(card, files=files), entry(card, model_version="1999.1.1")]
    assert external.of_release(card, other) is None
    assert external.of_release(card, None) is None
    found = external.of_release(card, [*other, entry(card, sets=[{"set": "PH2"}])])
    assert found == {"date": "2026-11-30", "sets": [{"set": "PH2"}], "not_lesions": []}


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"measured": [{}]}', '{"measured": {"a": 1}}', "\udcff"]
)
def test_a_file_of_another_form_is_named(content, tmp_path, capsys):
    path = tmp_path / "figures.json"
    path.write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(DatasetError, match=r"figures\.json"):
        external.read(path)
    assert main(["release", str(tmp_path), "--external", str(path)]) == 1
    assert "figures.json: no file of outside figures" in capsys.readouterr().err


SET = {
    "set": "Far away", "modality": "photo", "what": "a clinic", "n": 50, "malignant": 10,
    "auc_malignant": 0.52, "auc_malignant_ci95": [0.4, 0.6], "sensitivity": 1.0,
    "specificity": 0.02,
}  # fmt: skip
OTHER = {"what": "walls", "n": 20, "refused": 0.9, "called_benign": 0}


@pytest.mark.parametrize(
    "wrong",
    [
        {"not_lesions": [{k: v for k, v in OTHER.items() if k != "called_benign"}]},
        {"not_lesions": [OTHER | {"refused": "most"}]},
        {"not_lesions": {"what": "walls"}},
        {"sets": [SET | {"specificity": None}]},
        {"sets": [SET | {"modality": "drawing"}]},
        {"sets": [SET | {"auc_malignant_ci95": 0.4}]},
        {"sets": [SET | {"ece": "low"}]},
        {"sets": [SET | {"sensitivity": 98.1}]},
        {"sets": [SET | {"auc_malignant": float("nan")}]},
        {"sets": [SET | {"n": -50}]},
        {"not_lesions": [OTHER | {"refused": True}]},
        {"date": 2026},
        {"date": "2026-11-31"},
        {"date": "November"},
    ],
)
def test_wrong_outside_figures_leave_the_release_as_it_was(card, wrong, tmp_path, capsys):
    path, before = tmp_path / "figures.json", (tmp_path / "model.json").read_bytes()
    figures = entry(card, sets=[SET], not_lesions=[OTHER])
    for measured, status in ((figures | wrong, 1), (figures, 0)):
        path.write_text(json.dumps({"measured": [measured]}))
        assert main(["release", str(tmp_path), "--external", str(path)]) == status
        if status:
            assert "figures.json: no file of outside figures" in capsys.readouterr().err
            assert (tmp_path / "model.json").read_bytes() == before
            assert not (tmp_path / export.CARD_FILE).exists()
    assert "| walls | 20 | 0.900 | 0 |" in (tmp_path / export.CARD_FILE).read_text()


def test_a_name_ends_no_cell(card, tmp_path):
    """Each figure stood below the heading of the one before it."""
    path, named = tmp_path / "figures.json", SET | {"set": "A|B", "what": "two\nclinics"}
    path.write_text(json.dumps({"measured": [entry(card, sets=[named])]}))
    assert main(["release", str(tmp_path), "--external", str(path)]) == 0
    assert "\n| A\\|B, photo: two clinics | 50 (10" in (tmp_path / export.CARD_FILE).read_text()


@pytest.mark.parametrize(
    ("lacks", "said"),
    [(("person",), "has no person"), (("training", "plan", "backbone"), "has no backbone")],
)
def test_to_a_card_of_an_earlier_version_nothing_is_added(card, lacks, said, tmp_path, capsys):
    """It ended in a traceback."""
    *inside, name = lacks
    part = card
    for each in inside:
        part = part[each]
    del part[name]
    file, path = tmp_path / "model.json", tmp_path / "figures.json"
    file.write_text(before := json.dumps(card))
    path.write_text(json.dumps({"measured": [entry(card, sets=[SET])]}))
    assert main(["release", str(tmp_path), "--external", str(path)]) == 1
    assert f"model.json {said}: an earlier version" in capsys.readouterr().err
    assert file.read_text() == before
    file.write_text('{"version": ')
    assert main(["release", str(tmp_path), "--external", str(path)]) == 1
    assert "no released model here" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["calibrate", "unfold"])
def test_a_release_of_an_earlier_version_is_refused_before_the_work(
    card, command, make_set, tmp_path, capsys
):
    folder = make_set("mine", [{"image_id": f"a{n}", "dx": "nv"} for n in range(3)])
    del card["training"]["plan"]["backbone"]
    (tmp_path / "model.json").write_text(json.dumps(card))
    for name in ("skincare.keras", "skincare.tflite", "split.csv"):
        (tmp_path / name).symlink_to(RELEASE / name)
    options = ["--data", str(folder), "--model", str(tmp_path), "--out", str(tmp_path / "out")]
    assert main([command, *options]) == 1
    assert "model.json has no training.plan.backbone" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_outside_figures_of_another_release_take_nothing_away(card, tmp_path, capsys):
    """The earlier ones, such as that it fails on a clinic, went from card and page, with status
    0."""
    card["external"] = {"date": "2026-11-01", "sets": [SET], "not_lesions": []}
    (tmp_path / "model.json").write_text(before := json.dumps(card))
    path = tmp_path / "figures.json"
    path.write_text(json.dumps({"measured": [entry(card, model_version="1999.1.1")]}))
    assert main(["release", str(tmp_path), "--external", str(path)]) == 1
    assert f"nothing of it was measured there: {card['version']}" in capsys.readouterr().err
    assert (tmp_path / "model.json").read_text() == before


def test_what_can_not_be_written_down_is_not_added(card, tmp_path):
    """The model card is rendered before the first file is replaced."""
    before = (tmp_path / "model.json").read_bytes()
    with pytest.raises(KeyError):
        export.add_external(tmp_path, [entry(card, sets=[{"set": "PH2"}])])
    assert (tmp_path / "model.json").read_bytes() == before


def test_the_released_folder_by_a_relative_path_is_the_one_that_serves(card, tmp_path, monkeypatch):
    """As README gives it: the project's own model card follows."""
    release = tmp_path / "ml/release"
    release.mkdir(parents=True)
    (tmp_path / "model.json").rename(release / "model.json")
    (tmp_path / "docs").mkdir()
    monkeypatch.setattr("ml.__main__.RELEASE", release)
    monkeypatch.setattr("ml.__main__.CARD", tmp_path / "docs/model-card.md")
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "figures.json"
    path.write_text(json.dumps({"measured": [entry(card, sets=[SET], not_lesions=[OTHER])]}))
    assert main(["release", "ml/release", "--external", str(path)]) == 0
    assert "Far away" in (tmp_path / "docs/model-card.md").read_text()
    assert [file.name for file in release.iterdir()] == ["model.json"]


def test_the_model_card_in_the_docs_is_that_of_the_release_that_ships():
    text = CARD.read_text(encoding="utf-8")
    assert text == model_card.render(Release.read(RELEASE).card)
    assert "at a sensitivity of 0.97, where there are enough" in text
    _before, _heading, bands = text.partition("### What a malignancy means")
    assert "Without what it refuses to judge; 95 % intervals are Wilson's, by lesions." in bands
    assert "edges were\nfitted to these same pictures" in bands


def test_a_release_is_not_released_again(card, tmp_path, capsys):
    assert main(["release", str(tmp_path)]) == 1
    assert "give --external" in capsys.readouterr().err


def test_the_gap_is_the_distance_to_the_nearest_other_category():
    """So that a picture on the very edge may fall to either side by rounding, and no other."""
    at = Thresholds(screen=0.2, melanoma=0.1, cost_ratio=3.0)

    def gap(**parts: float) -> float:
        of = dict.fromkeys(DIAGNOSES, 0.0) | {"nv": 1 - sum(parts.values())} | parts
        return export._gap(np.array([of[d] for d in DIAGNOSES]), at)

    assert gap(bcc=0.2001) == pytest.approx(0.0001)
    assert gap(mel=0.0999) == pytest.approx(0.0001)
    assert gap(bcc=0.6, mel=0.2) == pytest.approx(0)  # three times 0.2
    assert gap(bcc=0.9) > 0.05 > export.SUM_PARITY
