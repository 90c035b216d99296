"""What can't be the id of anything is not found, in every list of the administration."""

import uuid

import pytest
from django.urls import reverse

from diagnosis.language import terms
from tests.factories import assessed

LISTS = ["diagnosis_molerecord", "diagnosis_review", "diagnosis_doctorprofile"]


@pytest.mark.parametrize("name", LISTS)
def test_what_is_not_an_id_is_not_found(client, dr_chen, name):
    client.force_login(dr_chen)
    response = client.get(f"{reverse(f'admin:{name}_changelist')}agreement/", follow=True)
    assert response.status_code == 404
    assert not list(response.context.get("messages", []) if response.context else [])


def test_an_id_of_what_is_gone_is_said_to_be_so(client, dr_chen):
    client.force_login(dr_chen)
    address = reverse("admin:diagnosis_molerecord_change", args=[uuid.uuid4()])
    response = client.get(address, follow=True)
    assert "Perhaps it was deleted?" in response.content.decode()


def test_an_error_of_our_own_is_not_called_the_clients(client, dr_chen, monkeypatch):
    """A KeyError on the page of each picture of dark skin was a 400, and stayed unseen."""
    record = assessed()
    client.force_login(dr_chen)
    client.raise_request_exception = False
    monkeypatch.setattr(terms, "ADVICE", {})
    address = reverse("admin:diagnosis_molerecord_change", args=[record.pk])
    assert client.get(address).status_code == 500


def test_a_stranger_is_asked_to_sign_in_first(client, db):
    address = f"{reverse('admin:diagnosis_molerecord_changelist')}agreement/change/"
    assert client.get(address).status_code == 302
