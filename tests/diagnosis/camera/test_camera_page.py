"""The camera page as a browser gets it: who may, what may run on it, and what stays for ever."""

import hashlib
import io
import json
import re
import shutil
from functools import partial
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from pypdf import PdfReader

import ml.release
from diagnosis.sharing import links
from tests.factories import MoleFactory, RecordFactory, assessed

pytestmark = pytest.mark.django_db
PAGE = "/camera/"


@pytest.fixture
def program(client: Client, alice) -> dict:
    """What the page tells its script."""
    client.force_login(alice)
    content = client.get(PAGE).content.decode()
    return json.loads(re.search(r'<script id="program"[^>]*>(.*?)</script>', content)[1])


def test_it_asks_to_sign_in(client: Client) -> None:
    assert client.get(PAGE).headers["Location"] == f"{reverse('account_login')}?next={PAGE}"


def test_web_assembly_runs_on_this_page_alone(client: Client, program) -> None:
    policy = client.get(PAGE).headers["Content-Security-Policy"]
    assert "script-src 'self' 'wasm-unsafe-eval';" in policy + ";"
    assert "unsafe-inline" not in policy
    for address in ("/records/", "/records/new/", "/account/"):
        assert "wasm" not in client.get(address).headers["Content-Security-Policy"]


@pytest.mark.parametrize("part", ["page", "worker", "threads", "serviceWorker"])
def test_page_and_workers_are_cross_origin_isolated(client: Client, program, part) -> None:
    addresses = program | {"page": PAGE, "threads": program["runtime"]["threaded"]["script"]}
    headers = client.get(addresses[part]).headers
    assert headers["Cross-Origin-Embedder-Policy"] == "require-corp"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"


def test_what_has_a_checksum_in_its_address_stays_for_ever(client: Client, program) -> None:
    for name in ("card", "model", "core", "worker"):
        caching = client.get(program[name]).headers["Cache-Control"]
        assert {"public", "immutable"} <= set(caching.split(", "))
    for address in (PAGE, program["serviceWorker"]):
        assert "no-store" in client.get(address).headers["Cache-Control"]


def test_the_model_is_the_released_one(client: Client, program) -> None:
    card = json.loads(client.get(program["card"]).content)
    assert card == json.loads((ml.release.RELEASE / "model.json").read_text())
    assert card["files"]["litert"]["sha256"] in program["model"]
    model = client.get(program["model"]).content
    assert model == (ml.release.RELEASE / card["files"]["litert"]["name"]).read_bytes()


def test_a_phone_is_told_of_a_second_reader_and_does_not_load_it(
    client: Client, alice, monkeypatch, tmp_path
) -> None:
    folder = Path(shutil.copytree(ml.release.RELEASE, tmp_path / "release"))
    card = json.loads((folder / "model.json").read_text())
    (folder / "second-reader.tflite").write_bytes(b"another network")
    second = {
        "name": "second-reader.tflite",
        "bytes": 15,
        "sha256": hashlib.sha256(b"another network").hexdigest(),
    }
    card["files"]["second_reader_litert"] = second
    (folder / "model.json").write_text(json.dumps(card))
    monkeypatch.setattr(ml.release, "RELEASE", folder)
    client.force_login(alice)
    page = client.get(PAGE).content.decode()
    assert "A second, larger network looks at a saved picture, too." in page
    assert card["files"]["litert"]["sha256"] in page
    assert second["sha256"] not in page
    address = reverse("diagnosis:camera_model", args=[f"{second['sha256']}/{second['name']}"])
    assert client.get(address).status_code == 404


def test_other_builds_and_files_are_not_found(client: Client, program) -> None:
    assert client.get(re.sub(r"camera/\w+/", "camera/0123/", program["worker"])).status_code == 404
    assert client.get(program["worker"].replace("worker.js", "nothing.js")).status_code == 404
    assert client.get("/camera/model/0123/model.json").status_code == 404


def test_without_a_model_it_says_so(client: Client, alice, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(ml.release, "RELEASE", tmp_path)
    client.force_login(alice)
    response = client.get(PAGE)
    assert response.status_code == 503
    assert "You can upload a picture instead." in response.content.decode()
    assert client.get("/camera/service-worker.js").status_code == 404


@pytest.mark.parametrize(
    ("shown", "category", "differs", "doctor"),
    [
        ("", "benign", False, False),
        ("watch", "benign", False, False),
        ("doctor_weeks", "benign", False, True),  # the camera's own advice stands
        ("doctor_days", "benign", True, True),
        ("watch", "malignant_high_risk", True, False),
        ("doctor_weeks", None, True, True),
    ],
)
def test_the_result_says_where_the_phone_had_said_something_else(
    client: Client, alice, shown, category, differs, doctor
) -> None:
    record = assessed(category, owner=alice, phone_advice=shown)
    client.force_login(alice)
    content = client.get(reverse("diagnosis:record_detail", args=[record.pk])).content.decode()
    assert ("The camera page had said" in content) == differs
    assert ("let a doctor look at the mole" in content) == doctor


@pytest.mark.parametrize("category", ["benign", None])
def test_what_the_camera_saw_stands_at_every_door(client: Client, alice, dr_chen, category) -> None:
    record = assessed(category, owner=alice, phone_advice="doctor_days")
    client.force_login(alice)
    api = f"/api/v1/records/{record.pk}/"
    report = client.get(f"/api/v1/fhir/DiagnosticReport/{record.pk}").json()
    observed = client.get(f"/api/v1/fhir/{report['result'][0]['reference']}").json()
    pdf = client.get(reverse("diagnosis:record_report", args=[record.pk])).content
    link = links.key(links.create(owner=alice, days=7, record=record))
    doors = {
        "link": client.get(reverse("diagnosis:shared"), {"key": link}).content.decode(),
        "report": " ".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages),
        "FHIR's report": report["conclusion"],
        "FHIR's observation": " ".join(note["text"] for note in observed["note"]),
    }
    client.force_login(dr_chen)
    page = reverse("admin:diagnosis_molerecord_change", args=[record.pk])
    doors["doctor"] = client.get(page).content.decode()
    said = "Since the camera saw a warning sign, let a doctor look at the mole."
    assert [door for door, words in doors.items() if said not in " ".join(words.split())] == []
    client.force_login(alice)
    for answer in (client.get(api).json(), client.get("/api/v1/records/").json()["results"][0]):
        assert answer["phone_advice"] == "doctor_days"


WITHOUT_AN_ANSWER = pytest.mark.parametrize(
    ("shown", "heading", "how_soon"),
    [
        ("doctor_days", "Should be seen by a doctor soon", "Call your doctor or a skin doctor"),
        ("doctor_weeks", "Should be seen by a doctor", "Make an appointment to be seen within"),
        ("watch", "", ""),
    ],
)
HOW_SOON = re.compile(r"Call your doctor or a skin doctor|Make an appointment to be seen within")


@WITHOUT_AN_ANSWER
def test_what_the_camera_saw_stands_where_the_check_did_not_finish(
    client: Client, alice, shown, heading, how_soon
) -> None:
    mole = MoleFactory(owner=alice)
    assessed(owner=alice, mole=mole)
    signs = ["bleeding"] if shown == "doctor_days" else []  # which would be weeks
    record = RecordFactory(failed=True, owner=alice, mole=mole, phone_advice=shown, signs=signs)
    client.force_login(alice)
    [place] = client.get(reverse("diagnosis:moles")).context["places"]
    tone = {"doctor_days": "soon", "doctor_weeks": "doctor", "watch": "calm"}[shown]
    assert place["entries"][0]["tag"]["tone"] == tone
    page = client.get(reverse("diagnosis:record_detail", args=[record.pk])).content.decode()
    assert "This says nothing about your mole" in page
    told = "Since the camera saw a warning sign, let a doctor look at the mole." in page
    assert told == bool(heading)
    assert HOW_SOON.findall(page) == [how_soon] * bool(heading)
    history = client.get(reverse("diagnosis:history")).content.decode()
    assert (f"{heading} · The check did not finish" in history) == bool(heading)
    report = client.get(reverse("diagnosis:record_report", args=[record.pk])).content
    words = " ".join(page.extract_text() for page in PdfReader(io.BytesIO(report)).pages)
    assert ("Since the camera saw a warning sign" in words.replace("\n", " ")) == bool(heading)


@WITHOUT_AN_ANSWER
def test_what_the_camera_saw_stands_while_the_picture_waits(
    client: Client, alice, shown, heading, how_soon
) -> None:
    calm, mole = (MoleFactory(owner=alice, name=name) for name in ("calm", "seen"))
    record = RecordFactory(owner=alice, mole=mole, phone_advice=shown)
    assessed(owner=alice, mole=calm)
    client.force_login(alice)
    [place] = client.get(reverse("diagnosis:moles")).context["places"]
    assert place["entries"][0]["mole"] == (mole if heading else calm)
    page = client.get(reverse("diagnosis:record_detail", args=[record.pk])).content.decode()
    told = "Since the camera saw a warning sign, let a doctor look at the mole." in page
    assert told == bool(heading)
    assert HOW_SOON.findall(page) == [how_soon] * bool(heading)
    history = client.get(reverse("diagnosis:history")).content.decode()
    assert (f"{heading} · Waiting to be checked" in history) == bool(heading)


@pytest.mark.parametrize("shown", ["doctor_days", "doctor_weeks", "watch"])
@pytest.mark.parametrize(
    "end", [lambda **of: assessed(None, **of), partial(RecordFactory, failed=True)]
)
def test_what_the_camera_saw_brings_a_picture_without_an_answer_to_the_doctors(
    client: Client, alice, dr_chen, shown, end
) -> None:
    """As urgent as it was shown: nothing was judged that could take it back."""
    calm, low = assessed(owner=alice), assessed("malignant_low_risk", owner=alice)
    record = end(owner=alice, phone_advice=shown)
    client.force_login(dr_chen)
    queue = client.get(reverse("admin:diagnosis_molerecord_changelist")).context["cl"].result_list
    order = {"doctor_days": [record, low, calm], "doctor_weeks": [low, record, calm]}
    assert list(queue) == order.get(shown, [low, calm])


@pytest.mark.parametrize("shown", ["doctor_days", "doctor_weeks", "watch"])
def test_what_the_camera_saw_stands_over_a_picture_that_can_not_be_judged(
    client: Client, alice, shown
) -> None:
    waits, is_soon = shown != "watch", shown == "doctor_days"
    record = assessed(None, owner=alice, phone_advice=shown)
    client.force_login(alice)
    page = client.get(reverse("diagnosis:record_detail", args=[record.pk])).content.decode()
    assert ("today or tomorrow" in page) == is_soon
    assert ("Make an appointment" in page) == (waits and not is_soon)
    answer = client.get(f"/api/v1/records/{record.pk}/").json()["assessment"]
    assert answer["advice"] == (shown if waits else "retake")
    assert "Another version of the program" not in page
    history = client.get(reverse("diagnosis:history")).content.decode()
    soon = " soon" if is_soon else ""
    assert (f"Should be seen by a doctor{soon} · Take another picture" in history) == waits


@pytest.mark.parametrize("shown", ["doctor_days", "doctor_weeks"])
def test_no_calm_heading_stands_above_what_the_camera_saw(
    client: Client, alice, dr_chen, shown
) -> None:
    mole = MoleFactory(owner=alice)
    calm = assessed(owner=alice, mole=MoleFactory(owner=alice))
    record = assessed(owner=alice, mole=mole, phone_advice=shown)
    client.force_login(dr_chen)
    queue = client.get(reverse("admin:diagnosis_molerecord_changelist")).context["cl"].result_list
    assert list(queue) == [record, calm]
    client.force_login(alice)
    page = client.get(reverse("diagnosis:record_detail", args=[record.pk])).content.decode()
    assert "No warning sign found" not in page
    assert re.search(r"<h1>.*?<span>Should be seen by a doctor</span></h1>", page, re.DOTALL)
    assert "Make an appointment to be seen within the next few weeks." in page
    for address in (reverse("diagnosis:history"), reverse("diagnosis:moles")):
        listed = client.get(address).content.decode()
        assert listed.count("No warning sign found") == 1  # of the calm one
        assert "Should be seen by a doctor" in listed
    for answer in (
        client.get(f"/api/v1/records/{record.pk}/").json(),
        client.get("/api/v1/records/").json()["results"][0],
    ):
        assert answer["assessment"]["advice"] == "doctor_weeks"


def test_a_retake_that_a_program_says_the_camera_showed_is_not_a_sign(
    client: Client, alice
) -> None:
    record = assessed(owner=alice, phone_advice="retake")
    client.force_login(alice)
    page = client.get(reverse("diagnosis:record_detail", args=[record.pk])).content.decode()
    assert "the camera saw a warning sign" not in page
    assert "No warning sign found" in page
