"""The limits page tells the released model's own figures."""

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
            low, high = (100 * bound for bound in sent["sensitivity_ci95"])
            if low == high == 100:  # no miss among n: the rule of three
                low = 100 - 300 / of["malignant"]
            row = f"{100 * sent['sensitivity']:.0f} ({low:.0f} to {high:.0f})"
            assert row in text[text.index(name) :], name


def test_skin_tones_and_refusals_are_told(client, db):
    text, card = read(client), frequencies.release()
    for tone, of in card["skin_tones"].items():
        assert f"{tone.replace('_', ' ').capitalize()} {of['n']} {of['malignant']}" in text
    assert card["refused"]["foreign"]["everyday"]["photo"]["n"] > 100
    assert "Everyday photographs" in text


def test_without_a_release_there_are_no_figures(client, db, monkeypatch, tmp_path):
    assert RELEASE.is_dir()
    monkeypatch.setattr(frequencies, "release", dict)
    assert "No model is released on this server" in read(client)
