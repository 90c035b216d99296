"""The limits page tells the released model's own figures."""

import copy
import html
import re

from django.urls import reverse

from diagnosis.language import frequencies
from ml.classifier import RELEASE


def read(client) -> str:
    response = client.get(reverse("diagnosis:limits"))
    assert response.status_code == 200
    text = re.sub(r"<(svg|style).*?</\1>", " ", response.content.decode(), flags=re.S)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def test_every_set_has_what_was_reached_with_its_interval(client, db):
    text, card = read(client), frequencies.release()
    assert card["version"] in text
    for figures in card["figures"].values():
        for name, of in figures["datasets"].items():
            sent = of["thresholds"]["sent_to_doctor"]
            # Some sets hold no cancer.
            kind = "sensitivity" if of["malignant"] else "specificity"
            low, high = (100 * bound for bound in sent[f"{kind}_ci95"])
            if low == high == 100:  # no miss among n: the rule of three
                low = 100 - 300 / of["malignant"]
            row = f"{100 * sent[kind]:.0f} ({low:.0f} to {high:.0f})"
            assert row in text[text.index(name) :], name


def test_skin_tones_and_refusals_are_told(client, db):
    text, card = read(client), frequencies.release()
    for tone, of in card["skin_tones"].items():
        assert f"{tone.replace('_', ' ').capitalize()} {of['n']} {of['malignant']}" in text
    assert card["refused"]["foreign"]["everyday"]["photo"]["n"] > 100
    assert "Everyday photographs, and bellies without a mole" in text


def test_a_kind_of_which_every_test_picture_is_refused_is_left_out(client, db, monkeypatch):
    card = copy.deepcopy(frequencies.release())
    card["figures"]["photo"]["one_pass"]["sent_otherwise"] = None
    monkeypatch.setattr(frequencies, "release", lambda: card)
    [told] = re.findall(r"a test picture to a doctor:(.*?)What it refuses", read(client))
    assert "dermatoscope" in told
    assert "phone" not in told


def test_a_release_that_was_tested_on_one_kind_of_pictures_tells_of_that_alone(
    client, db, monkeypatch
):
    card = frequencies.release()
    # Its thresholds, and so what it refuses, are of both kinds all the same.
    refused = {
        "dermoscopy": {"n": 7, "refused": 1.0},
        "photo": {"n": 8, "refused": 0.5},
    }
    one = {
        "figures": {"photo": card["figures"]["photo"]},
        "refused": card["refused"] | {"foreign": {"everyday": refused}},
    }
    monkeypatch.setattr(frequencies, "release", lambda: card | one)
    text = read(client)
    kind = "Taken with a phone or a camera"
    foreign = "Everyday photographs, and bellies without a mole 50 of 8"
    assert f"Pictures of {kind} {foreign} Program version" in text


def test_what_the_phone_and_the_person_change_is_told(client, db):
    text, card = read(client), frequencies.release()
    for modality, stage in card["person"].items():
        share = 100 * card["figures"][modality]["one_pass"]["sent_otherwise"]
        assert f"{share:.1f} in 100" in text
        assert stage["terms"] or "not used, since it did not help" in text


def test_that_nothing_of_the_person_was_tried_is_told(client, db, monkeypatch):
    card = frequencies.release()
    untried = {"terms": {}, "learnt": {}, "lesions": 0, "log_loss": None}
    monkeypatch.setattr(frequencies, "release", lambda: card | {"person": {"photo": untried}})
    text = read(client)
    assert "not used, since there was too little to try it on" in text
    assert "it did not help" not in text


def test_that_the_server_asks_a_second_network_is_told_where_it_does(client, db, monkeypatch):
    said = "A second, larger network looks at a saved picture, too."
    card = frequencies.release()
    assert (said in read(client)) == ("second_reader_litert" in card["files"])
    both = card | {"files": card["files"] | {"second_reader_litert": {"bytes": 10_000_000}}}
    monkeypatch.setattr(frequencies, "release", lambda: both)
    assert said in read(client)


def test_where_half_of_the_looks_are_closer_is_told(client, db, monkeypatch):
    said = "Taken with a phone or a camera: four of these eight looks are closer, at the mole."
    assert said in read(client)
    before = {**frequencies.release()}
    del before["closer"]  # as of a release up to 2026.11.10
    monkeypatch.setattr(frequencies, "release", lambda: before)
    assert "are closer" not in read(client)


OUTSIDE = {
    "date": "2026-11-30",
    "sets": [
        {"set": "Far away", "modality": "photo", "what": "a clinic of dark skin", "n": 267,
         "malignant": 20, "auc_malignant": 0.565, "auc_malignant_ci95": [0.43, 0.69],
         "sensitivity": 1.0, "specificity": 0.012},
        {"set": "PH2", "modality": "dermoscopy", "what": "a clinic", "n": 199, "malignant": 40,
         "auc_malignant": 0.96, "auc_malignant_ci95": [0.93, 0.98], "sensitivity": 0.97,
         "specificity": 0.61},
    ],
    "not_lesions": [{"what": "bellies", "n": 295, "refused": 0.97, "called_benign": 2}],
}  # fmt: skip


def test_what_others_measured_stands_there_with_its_failure_in_words(client, db, monkeypatch):
    card = frequencies.release()
    monkeypatch.setattr(frequencies, "release", lambda: card | {"external": OUTSIDE})
    text = read(client)
    assert "Measured on clinics that it never saw" in text
    assert "By others, on 30 Nov 2026," in text
    assert "It fails on Far away ( a clinic of dark skin )." in text
    assert "It fails on PH2" not in text
    assert "of 100 harmless ones it left 1 alone" in text
    assert "bellies (295): it refused 97 in 100, and said “no warning sign” of 2." in text


def test_what_the_release_tells_in_english_is_marked_as_english(client, db, monkeypatch):
    card = frequencies.release()
    monkeypatch.setattr(frequencies, "release", lambda: card | {"external": OUTSIDE})
    response = client.get(reverse("diagnosis:limits"), headers={"accept-language": "nl"})
    for what in ("a clinic of dark skin", "bellies"):
        assert f'<span lang="en">{what}</span>' in response.content.decode()


def test_without_outside_figures_none_are_claimed(client, db, monkeypatch):
    card = frequencies.release()
    monkeypatch.setattr(frequencies, "release", lambda: card | {"external": None})
    assert "clinics that it never saw" not in read(client)


def test_without_a_release_there_are_no_figures(client, db, monkeypatch, tmp_path):
    assert RELEASE.is_dir()
    monkeypatch.setattr(frequencies, "release", dict)
    assert "No model is released on this server" in read(client)
