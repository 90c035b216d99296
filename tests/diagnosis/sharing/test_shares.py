"""Share links: what a doctor without an account sees, for how long, how often, and who knows."""

import io
import re
from datetime import UTC, datetime, timedelta

import pytest
from auditlog.models import LogEntry
from django.db.models import F
from django.urls import reverse
from django.utils import formats, timezone
from pypdf import PdfReader

from diagnosis import tasks
from diagnosis.models import MoleRecord, Share
from diagnosis.sharing import links
from tests.factories import (
    MoleFactory,
    RecordFactory,
    ReviewFactory,
    assessed,
    program_of,
    sitting,
)

SHARED = reverse("diagnosis:shared")


@pytest.fixture
def mole(alice):
    return MoleFactory(owner=alice, name="left shoulder")


@pytest.fixture
def share(alice, mole):
    return links.create(owner=alice, days=7, mole=mole)


def open_it(client, share, page=SHARED):
    return client.get(page, {"key": links.key(share)})


def image(record) -> str:
    return reverse("diagnosis:shared_image", args=[record.pk])


def test_a_person_makes_a_link_that_works_without_an_account(client, alice, mole, dr_chen):
    record = assessed("malignant_high_risk", owner=alice, mole=mole, note="since May")
    ReviewFactory(record=record, doctor=dr_chen, comment="Come and see me.")
    client.force_login(alice)
    made = client.post(reverse("diagnosis:mole_share", args=[mole.pk]), {"days": "1"}, follow=True)
    address = made.context["links"][0]["address"]
    client.logout()
    answer = client.get(address)
    page = answer.content.decode()
    for words in ("left shoulder", "alice", "since May", "Come and see me.", "not a diagnosis"):
        assert words in page
    assert answer["Referrer-Policy"] == "strict-origin"
    assert "noindex" in answer["X-Robots-Tag"]
    assert "no-store" in answer["Cache-Control"]
    assert open_it(client, Share.objects.get(), image(record)).status_code == 200
    pdf = open_it(client, Share.objects.get(), reverse("diagnosis:shared_report"))
    assert pdf.content.startswith(b"%PDF")


@pytest.mark.parametrize("door", ["page", "program"])
def test_a_person_is_mailed_of_each_link(client, alice, mole, mailoutbox, door):
    """Whoever made it: who holds a borrowed session or token may."""
    if door == "page":
        client.force_login(alice)
        client.post(reverse("diagnosis:mole_share", args=[mole.pk]), {"days": "7"})
    else:
        program_of(alice).post("/api/v1/shares/", {"mole": mole.pk}, format="json")
    [mail] = mailoutbox
    assert mail.to == [alice.email]
    assert "withdraw it" in mail.body
    for secret in (links.key(Share.objects.get()), mole.name):
        assert secret not in mail.body


def test_the_date_of_birth_is_told_of_who_is_known(client, alice, mole, share):
    assessed(owner=alice, mole=mole)
    assert "27 Mar 1980" in open_it(client, share).content.decode()
    assessed(owner=alice, mole=mole, origin="import")
    assert "27 Mar 1980" not in open_it(client, share).content.decode()


def test_a_link_that_is_asked_for_twice_is_made_once(client, alice, mole):
    client.force_login(alice)
    address = reverse("diagnosis:mole_share", args=[mole.pk])

    def make(days: int) -> str:
        page = client.post(address, {"days": days}, follow=True)
        [told] = page.context["messages"]
        return str(told)

    ready = "The link is ready. Send it to your doctor."
    assert [make(days) for days in (7, 7, 1, 7)] == [
        ready,
        "You made this link just now. Nothing was made a second time.",
        ready,
        "You made this link just now. Nothing was made a second time.",
    ]
    assert Share.objects.count() == 2
    Share.objects.update(expires_at=F("expires_at") - timedelta(minutes=11))
    assert make(7) == ready  # meant as another one


@pytest.mark.parametrize("page", [SHARED, reverse("diagnosis:shared_report")])
def test_who_gave_no_name_is_not_called_by_the_address(client, alice, mole, share, page):
    alice.display_name = ""
    alice.save()
    assessed(owner=alice, mole=mole)
    said = open_it(client, share, page).content
    if page != SHARED:
        said = PdfReader(io.BytesIO(said)).pages[0].extract_text().encode()
    assert b"Not given" in said
    assert alice.email.encode() not in said


def test_a_check_that_failed_does_not_hide_why_a_doctor_should_look(client, alice, mole, share):
    RecordFactory(owner=alice, mole=mole, failed=True, origin="camera", phone_advice="doctor_days")
    page = open_it(client, share).content.decode()
    assert "The check did not finish" in page
    assert "Since the camera saw a warning sign, let a doctor look at the mole." in page


def test_what_a_doctor_said_is_not_said_by_the_program(client, alice, mole, share):
    ReviewFactory(record=RecordFactory(owner=alice, mole=mole, failed=True))
    page = open_it(client, share).content.decode()
    assert "The check did not finish" in page
    assert page.count("No visit needed") == 1


def test_what_each_picture_gives_by_itself_is_said_of_the_first_one_too(client, alice, mole, share):
    sitting("malignant_high_risk", "benign", None, together="benign", owner=alice, mole=mole)
    page = open_it(client, share).content.decode()
    said = re.findall("By itself: (.*?)[.<]", page)
    assert said == [
        "Should be seen by a doctor soon",
        "No warning sign found",
        "Left out of the answer",
    ]


def test_the_zone_of_its_times_is_named(client, alice, mole, share, settings):
    settings.TIME_ZONE = "Europe/Brussels"
    record = RecordFactory(owner=alice, mole=mole)
    MoleRecord.objects.filter(pk=record.pk).update(
        created_at=datetime(2026, 7, 1, 22, 30, tzinfo=UTC)
    )
    page = open_it(client, share).content.decode()
    assert "2 Jul 2026, 12:30 a.m." in page
    assert "<dt>Time zone</dt><dd>Europe/Brussels</dd>" in page


def test_it_opens_nothing_else(client, alice, mole, share):
    other = RecordFactory(owner=alice)
    assert open_it(client, share, image(other)).status_code == 404
    assert str(other.pk) not in open_it(client, share).content.decode()
    address = reverse("diagnosis:mole_detail", args=[mole.pk])
    assert open_it(client, share, address).status_code == 302


def test_one_record_is_shared_without_its_mole(client, alice, mole):
    record, other = RecordFactory(owner=alice, mole=mole), RecordFactory(owner=alice, mole=mole)
    share = links.create(owner=alice, days=1, record=record)
    page = open_it(client, share).content.decode()
    assert str(record.pk) in page
    assert str(other.pk) not in page


def ended(share):
    Share.objects.update(expires_at=timezone.now())


def revoked(share):
    links.revoke(share=share, by=share.owner)


def closed(share):
    share.owner.is_active = False
    share.owner.save()


@pytest.mark.parametrize("how", [ended, revoked, closed])
def test_a_link_ends(client, alice, mole, share, how):
    record = RecordFactory(owner=alice, mole=mole)
    key = links.key(share)
    how(share)
    for page in (SHARED, image(record), reverse("diagnosis:shared_report")):
        answer = client.get(page, {"key": key})
        assert answer.status_code == 404
        assert "This link does not work" in answer.content.decode()


@pytest.mark.parametrize("key", ["", "x", "0" * 32 + ":x", "é"])
def test_a_key_is_not_guessed(client, db, key):
    assert client.get(SHARED, {"key": key}).status_code == 404


def test_trying_keys_is_slowed_down(client, share):
    answers = [client.get(SHARED, {"key": f"{n}"}).status_code for n in range(61)]
    assert answers[-2:] == [404, 429]
    assert open_it(client, share).status_code == 429


def test_who_has_a_link_uses_up_reports_of_that_link_alone(client, alice, mole, share, settings):
    settings.LIMITS = {"reports": (1, 3600)}
    assessed(owner=alice, mole=mole)
    report = reverse("diagnosis:shared_report")
    assert [open_it(client, share, report).status_code for _ in range(2)] == [200, 429]
    another = links.create(owner=alice, days=7, mole=mole)
    assert open_it(client, another, report).status_code == 200
    client.force_login(alice)
    own = reverse("diagnosis:mole_report", args=[mole.pk])
    assert [client.get(own).status_code for _ in range(2)] == [200, 429]


def looks(share):
    return LogEntry.objects.get_for_object(share).filter(action=LogEntry.Action.ACCESS)


def test_an_opening_is_logged_and_the_person_sees_it(client, alice, share):
    open_it(client, share)
    client.get(SHARED, {"key": "wrong"})
    assert [entry.actor for entry in looks(share)] == [None]
    client.force_login(alice)
    assert "once, on" in client.get(reverse("diagnosis:shares")).content.decode()


def test_who_opens_it_again_and_again_is_logged_once_a_minute(client, alice, mole, share):
    """Nothing is ever taken out of the log."""
    other = links.create(owner=alice, days=7, mole=mole)
    for one in (share, share, other):
        open_it(client, one)
        open_it(client, one, reverse("diagnosis:shared_report"))
    assert (looks(share).count(), looks(other).count()) == (1, 1)


def test_what_asks_for_the_headers_alone_opens_nothing(client, share):
    """As a mail server does that looks where a link leads."""
    for page in (SHARED, reverse("diagnosis:shared_report")):
        assert client.head(page, {"key": links.key(share)}).status_code == 200
    assert not looks(share).exists()


def test_a_program_is_told_the_newest_openings(client, alice, share):
    open_it(client, share)
    newest = looks(share).get()
    for _time in range(links.MOST_OPENINGS):
        newest.pk, newest.timestamp = None, newest.timestamp + timedelta(minutes=1)
        newest.save()
    [listed] = program_of(alice).get("/api/v1/shares/").json()["results"]
    assert len(listed["opened_at"]) == links.MOST_OPENINGS
    assert listed["opened_at"][0] == newest.timestamp.isoformat()
    client.force_login(alice)
    page = client.get(reverse("diagnosis:shares")).content.decode()
    assert f"{links.MOST_OPENINGS + 1} times, last on" in page


def test_the_person_withdraws_it(client, alice, share):
    client.force_login(alice)
    client.post(reverse("diagnosis:share_revoke", args=[share.pk]))
    assert not Share.objects.exists()
    actions = LogEntry.objects.get_for_object(share).values_list("action", "actor")
    assert (LogEntry.Action.DELETE, alice.pk) in actions


@pytest.mark.parametrize("how", ["withdrawn", "ended"])
def test_to_withdraw_what_no_longer_works_says_that_it_does_not(client, alice, share, how):
    """Pressed in another tab, or on a page that was open for long."""
    address = reverse("diagnosis:share_revoke", args=[share.pk])
    if how == "withdrawn":
        links.revoke(share=share, by=alice)
    else:
        Share.objects.filter(pk=share.pk).update(expires_at=timezone.now() - timedelta(days=1))
        links.remove_expired()
    client.force_login(alice)
    response = client.post(address, follow=True)
    assert response.redirect_chain == [(reverse("diagnosis:shares"), 302)]
    assert "The link no longer works." in response.content.decode()


def test_the_buttons_of_each_link_name_what_it_shares(client, alice, share):
    client.force_login(alice)
    page = client.get(reverse("diagnosis:shares")).content.decode()
    until = formats.date_format(timezone.localtime(share.expires_at), "DATETIME_FORMAT")
    name = f'<span class="visually-hidden"> {share.mole}, until {until}</span>'
    assert f"Copy the link{name}</button>" in page
    assert f"Withdraw it{name}</button>" in page


def test_alice_neither_sees_nor_withdraws_the_link_of_bob(client, alice, bob):
    share = links.create(owner=bob, days=7, mole=MoleFactory(owner=bob, name="bob's"))
    client.force_login(alice)
    assert "You share nothing" in client.get(reverse("diagnosis:shares")).content.decode()
    address = reverse("diagnosis:share_revoke", args=[share.pk])
    assert client.post(address).status_code == 404
    assert Share.objects.exists()


def test_an_unknown_time_is_refused(client, alice, mole):
    client.force_login(alice)
    address = reverse("diagnosis:mole_share", args=[mole.pk])
    assert client.post(address, {"days": "3650"}).status_code == 400
    assert not Share.objects.exists()


def test_what_has_ended_is_removed(share, alice, mole):
    old = links.create(owner=alice, days=7, mole=mole)
    Share.objects.filter(pk=old.pk).update(expires_at=timezone.now() - timedelta(hours=1))
    tasks.sweep_shares()
    assert Share.objects.get() == share


@pytest.mark.parametrize("number", [2, 8])
def test_the_number_of_queries_is_constant(
    client, alice, mole, share, number, django_assert_num_queries
):
    for _ in range(number):
        ReviewFactory(record=assessed("benign", owner=alice, mole=mole))
    with django_assert_num_queries(7):
        open_it(client, share)
