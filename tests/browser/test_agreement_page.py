"""The page of figures for doctors, as it is drawn: plots, tables, both themes, a phone."""

import os
import random
from datetime import timedelta
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect

from diagnosis.models import Assessment, MoleRecord
from ml.taxonomy import RISK_CATEGORIES
from tests.factories import ReviewFactory, assessed

PAGE = reverse("admin:diagnosis_assessment_changelist")


@pytest.fixture
def figures(alice, dr_chen) -> None:
    """Some weeks of answers, most of them with a verdict that often agrees."""
    chance, now = random.Random(0), timezone.now()
    for number in range(60):
        said = chance.choice((*RISK_CATEGORIES, None))
        record = assessed(said, owner=alice)
        MoleRecord.objects.filter(pk=record.pk).update(
            created_at=now - timedelta(days=number * 1.5)
        )
        Assessment.objects.filter(record=record).update(malignancy=chance.random())
        if said and chance.random() < 0.8:
            verdict = said if chance.random() < 0.7 else chance.choice(RISK_CATEGORIES)
            ReviewFactory(record=record, doctor=dr_chen, risk_category=verdict)


def test_plots_and_tables_hold_in_both_themes_and_on_a_phone(
    page: Page, figures, dr_chen, log_in
) -> None:
    complaints: list[str] = []
    page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
    log_in(page.context, dr_chen)
    page.goto(PAGE)
    for name in ("Confusion matrix", "Calibration on reviewed records", "Scores by week"):
        expect(page.get_by_role("heading", name=name)).to_be_visible()
    expect(page.locator(".agreement svg")).to_have_count(3)
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        for width in (1280, 360):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            if folder := os.environ.get("AGREEMENT_PICTURES"):
                page.screenshot(path=Path(folder) / f"{theme}-{width}.png", full_page=True)
        found = Axe().run(page, context=".agreement").response["violations"]
        assert not found, [(v["id"], [n["html"][:200] for n in v["nodes"]]) for v in found]
    # The admin has no icon, which browsers ask for.
    assert not [text for text in complaints if "status of 404" not in text]


def test_another_version_and_kind_of_picture_is_chosen(
    page: Page, figures, dr_chen, log_in
) -> None:
    log_in(page.context, dr_chen)
    page.goto(PAGE)
    page.get_by_label("Kind of picture").select_option("dermoscopy")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("0 answers with a verdict")).to_be_visible()
