"""A form of the account that was open on another tab changes only what its person touched."""

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import User

DAY = timezone.now()


@pytest.fixture
def tab(client, alice):
    """tab(name): a form as the browser shows it; to be sent later, with what is touched."""
    client.force_login(alice)

    def open_(name):
        page = client.get(reverse(name))
        shown = {}
        for field in page.context["form"]:
            value = field.field.prepare_value(field.value())
            if f'name="{field.html_initial_name}"' in page.content.decode():
                shown[field.html_initial_name] = str(value)
            if value:
                shown[field.html_name] = "on" if value is True else value

        def send(**touched):
            without = {box for box, value in touched.items() if value is False}
            fields = {n: value for n, value in (shown | touched).items() if n not in without}
            assert client.post(reverse(name), fields).status_code == 302

        return send

    return open_


def kept(*names):
    return User.objects.values_list(*names).get()


@pytest.mark.parametrize(
    ("name", "meanwhile", "touched", "stored"),
    [
        (
            "accounts:notifications",
            {"verdict_emails": False},
            {"reminder_emails": False},
            {"verdict_emails": False, "reminder_emails": False},
        ),
        (
            "accounts:preferences",
            {"language": "fr"},
            {"time_zone": "Europe/Brussels"},
            {"language": "fr", "time_zone": "Europe/Brussels"},
        ),
        ("accounts:sex", {"sex_at_birth": "female"}, {}, {"sex_at_birth": "female"}),
        ("accounts:details", {"display_name": "Alice A."}, {}, {"display_name": "Alice A."}),
    ],
)
def test_what_was_saved_meanwhile_stays(tab, name, meanwhile, touched, stored):
    send = tab(name)
    User.objects.update(**meanwhile)
    send(**touched)
    assert kept(*stored) == tuple(stored.values())


def test_what_is_touched_counts_over_what_was_saved_meanwhile(tab):
    send = tab("accounts:details")
    User.objects.update(display_name="Alice A.")
    send(display_name="Alice B.")
    assert kept("display_name") == ("Alice B.",)


@pytest.fixture
def agreed_to_all(alice, settings):
    settings.SIMILAR_CASES = True
    User.objects.update(teaching_consented_at=DAY, similar_consented_at=DAY)


@pytest.mark.usefixtures("agreed_to_all")
def test_a_consent_that_was_withdrawn_meanwhile_is_not_given_again(tab):
    send = tab("accounts:teaching")
    User.objects.update(teaching_consented_at=None)
    send(similar=False)
    assert kept("teaching_consented_at", "similar_consented_at") == (None, None)


def test_nor_is_one_withdrawn_that_was_given_meanwhile(tab, settings):
    settings.SIMILAR_CASES = True
    send = tab("accounts:teaching")
    User.objects.update(teaching_consented_at=DAY)
    send(similar="on")
    teaching, similar = kept("teaching_consented_at", "similar_consented_at")
    assert teaching == DAY
    assert similar
