"""Thresholds for several pictures of a lesion, and what these gain, where the truth is known."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from ml.classifier import Classifier, calibrated
from ml.datasets import Row
from ml.network import QUALITY
from ml.publish import calibration, model_card, sittings
from ml.release import Release
from ml.sitting import answers, gain, together
from ml.taxonomy import DIAGNOSES, MODALITIES

MEL, NV = DIAGNOSES.index("mel"), DIAGNOSES.index("nv")
LESIONS = 300


def row(lesion: int, number: int, dx: str, modality: str = "dermoscopy", **fields) -> Row:
    return Row(
        path=Path("x"),
        mask=None,
        dataset=fields.pop("dataset", "set"),
        image_id=f"{lesion}-{number}",
        lesion=str(lesion),
        group=str(lesion),
        modality=modality,
        dx=dx,
        allowed=(dx,) if dx != "other" else (),
        **fields,
    )


@pytest.fixture(scope="module")
def seen():
    """Two pictures of each lesion, each with noise of its own: ``(rows, logits)``."""
    rng = np.random.default_rng(5)
    rows, logits = [], []
    for lesion in range(LESIONS):
        dx = "mel" if lesion % 3 == 0 else "nv"
        for number in range(2):
            z = np.zeros(len(DIAGNOSES))
            z[MEL if dx == "mel" else NV] = 1.5
            logits.append(z + rng.normal(0, 1.5, len(DIAGNOSES)))
            rows.append(row(lesion, number, dx))
    return rows, np.array(logits)


def model(card: dict) -> Classifier:
    whole = {"version": "1", "side": 8, "quality": list(QUALITY)} | card
    return Classifier(whole)


def card_of(rows, logits) -> dict:
    quality = np.full((len(rows), len(QUALITY)), 0.5)
    one_pass = {"one_pass": logits, "one_pass_quality": quality}
    answers = {"logits": logits, "quality": quality, **one_pass}
    return calibration.calibrate(rows, answers, {})


def looks_of(classifier, rows, logits):
    said = [
        {"shape": (300, 300), "logits": z, "quality": np.full(len(QUALITY), 0.5)} for z in logits
    ]
    return gain.looks(classifier, rows, said)


def test_lesions_with_several_pictures_by_their_kinds():
    rows = [
        *(row(1, n, "nv") for n in range(7)),
        row(2, 0, "nv"),
        row(3, 0, "mel"),
        row(3, 1, "mel", "photo"),
        row(4, 0, "nv"),
        row(4, 1, "mel"),
        row(5, 0, "other"),
        row(5, 1, "other"),
        row(1, 9, "nv", dataset="another"),
    ]
    found = sittings.lesions(rows)
    assert found == {"dermoscopy": [[0, 1, 2, 3, 4]], "both": [[8, 9]]}


def test_a_release_has_thresholds_of_its_own_for_the_mean(seen):
    rows, logits = seen
    card = card_of(rows, logits)
    own = card["sitting"]["dermoscopy"]
    # A mean wanders less, so that even a higher sensitivity needs no threshold as low.
    assert own["screen"] > card["thresholds"]["dermoscopy"]["screen"]
    fitted = calibrated(logits, card["calibration"]["dermoscopy"])
    classifier = model(card)
    sent = []
    for first in range(0, len(rows), 2):
        if rows[first].dx != "mel":
            continue
        p = together.mean(fitted[first : first + 2])
        thresholds = together.thresholds_of(classifier, ["dermoscopy"] * 2)
        sent.append(p[MEL] >= thresholds.melanoma or 1 - p[NV] >= thresholds.screen)
    assert np.mean(sent) >= 0.95


def test_too_few_lesions_set_nothing(seen):
    rows, logits = seen
    few = card_of([*rows[:6], *rows[6::2]], np.concatenate([logits[:6], logits[6::2]]))
    assert few["sitting"] == {}
    single = together.thresholds_of(model(few), ["dermoscopy"] * 3)
    assert single == model(few).thresholds["dermoscopy"]


def test_what_is_gained_is_measured(seen):
    rows, logits = seen
    classifier = model(card_of(rows, logits))
    looks = looks_of(classifier, rows, logits)
    result = gain.measure(classifier, rows, looks)
    json.dumps(result)
    figures = result["kinds"]["dermoscopy"]["all"]
    assert (figures["lesions"], figures["malignant"]) == (LESIONS, LESIONS // 3)
    assert figures["together"]["auc"] > figures["single"]["dermoscopy"]["auc"] + 0.03
    low, high = figures["gain"]["dermoscopy"]["auc_ci95"]
    assert 0 < low < figures["gain"]["dermoscopy"]["auc"] < high
    assert figures["single"]["dermoscopy"]["n"] == 2 * LESIONS
    text = model_card._several(result["kinds"])
    assert "Several pictures of one lesion" in text


@pytest.mark.parametrize(("cancers", "others"), [("nv", "nv"), ("mel", "mel"), ("bcc", "nv")])
def test_a_set_without_melanomas_cancers_or_benign_lesions_has_fewer_figures(seen, cancers, others):
    rows, logits = seen
    classifier = model(card_of(rows, logits))
    dx = {"mel": cancers, "nv": others}
    one_sided = [replace(row, dx=dx[row.dx], allowed=(dx[row.dx],)) for row in rows]
    result = gain.measure(classifier, one_sided, looks_of(classifier, one_sided, logits))
    figures = result["kinds"]["dermoscopy"]["all"]
    lacking = "auc" if cancers == others else "melanoma_sensitivity"
    for part in (figures["together"], figures["gain"]["dermoscopy"]):
        assert part[lacking] is part[f"{lacking}_ci95"] is None
    assert "Several pictures of one lesion" in model_card._several(result["kinds"])


def test_cancers_that_are_all_sent_are_not_said_to_be_certain(seen):
    rows, logits = seen
    sure = [20 * np.eye(len(DIAGNOSES))[DIAGNOSES.index(row.dx)] for row in rows]
    classifier = model(card_of(rows, logits))
    result = gain.measure(classifier, rows, looks_of(classifier, rows, sure))
    together = result["kinds"]["dermoscopy"]["all"]["together"]
    assert together["sensitivity"] == together["specificity"] == 1
    assert together["sensitivity_ci95"] == pytest.approx([1 - 3 / (LESIONS // 3), 1])


def test_a_lesion_one_of_whose_pictures_names_another_patient_is_measured(seen):
    rows, logits = seen
    classifier = model(card_of(rows, logits))
    rows = [replace(rows[0], group="alice"), *rows[1:-1], replace(rows[-1], group="bob")]
    result = gain.measure(classifier, rows, looks_of(classifier, rows, logits))
    assert result["kinds"]["dermoscopy"]["all"]["lesions"] == LESIONS


def test_where_every_picture_is_refused_there_is_no_figure(seen):
    rows, logits = seen
    classifier = model(card_of(rows, logits))
    looks = [
        replace(look, assessment=replace(look.assessment, usable=False, reasons=["no_colour"]))
        for look in looks_of(classifier, rows, logits)
    ]
    figures = gain.measure(classifier, rows, looks)["kinds"]["dermoscopy"]["all"]
    assert (figures["together"]["refused"], figures["together"]["specificity"]) == (1, None)


def test_gain_of_another_release_is_not_shown(monkeypatch, tmp_path):
    file = tmp_path / "gain.json"
    file.write_text(json.dumps({"model_version": "1", "kinds": {"both": {}}}))
    monkeypatch.setattr(together, "GAIN", file)
    together._measured.cache_clear()
    try:
        assert together.gain("1")["kinds"] == {"both": {}}
        assert together.gain("2") == {}
    finally:
        together._measured.cache_clear()


def test_answers_are_kept_from_one_run_to_the_next(tmp_path, seen):
    from PIL import Image

    Image.new("RGB", (60, 40), (200, 150, 120)).save(tmp_path / "a.png")
    asked = []

    def outputs(picture, modality):
        asked.append(picture.shape)
        return {"logits": np.arange(7.0), "quality": np.arange(9.0)}

    classifier = SimpleNamespace(version="1", outputs=outputs)
    rows = [
        Row(**{f: getattr(r, f) for f in r.__slots__} | {"path": tmp_path / "a.png"})
        for r in seen[0][:2]
    ]
    first = answers.collect(classifier, rows, tmp_path / "kept.npz")
    again = answers.collect(classifier, rows, tmp_path / "kept.npz")
    assert len(asked) == 1  # of two rows with one picture
    assert first[0]["shape"] == again[0]["shape"] == (40, 60)
    assert again[1]["logits"].tolist() == list(range(7))

    # The same one taken for the other kind, too.
    for modality in MODALITIES:
        answers.collect(classifier, [replace(rows[0], modality=modality)], tmp_path / "kept.npz")
    assert len(asked) == 2

    # Another picture under the same name is looked at anew.
    Image.new("RGB", (80, 40), (200, 150, 120)).save(tmp_path / "a.png")
    assert answers.collect(classifier, rows, tmp_path / "kept.npz")[0]["shape"] == (40, 80)
    assert len(asked) == 3


def test_answers_are_kept_by_the_files_that_gave_them(tmp_path):
    """Two candidates may have the same version."""
    files = {"litert": "a", "keras": "b", "second_reader_litert": "c", "second_reader_keras": "d"}

    def cache(engine: str, closer: dict | None = None, **other: str):
        card = {"version": "1", "files": {n: {"sha256": of} for n, of in (files | other).items()}}
        return answers.cache_of(Release(tmp_path, b"", card | {"closer": closer}), engine)

    assert cache("litert") == cache("litert", keras="e")
    assert len({cache("litert"), cache("keras"), cache("litert", litert="e"),
                cache("litert", second_reader_litert="e"),
                cache("litert", closer={"photo": 0.7})}) == 5  # fmt: skip
