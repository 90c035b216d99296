"""What each migrate grants to each group."""

from django.contrib.auth.models import Group, Permission
from django.core.management import call_command

from accounts.roles import ROLES


def granted(name):
    return {
        f"{permission.content_type.app_label}.{permission.codename}"
        for permission in Group.objects.get(name=name).permissions.select_related("content_type")
    }


def test_a_person_has_no_permissions_but_ownership(db):
    assert granted("person") == set()


def test_doctors_change_only_reviews(db):
    changing = {name for name in granted("doctor") if ".view_" not in name}
    assert changing == {"diagnosis.add_review", "diagnosis.change_review"}


def test_administrators_manage_people_and_see_no_pictures(db):
    assert "accounts.change_user" in granted("administrator")
    theirs = {name for name in granted("administrator") if name.startswith("diagnosis.")}
    # That programs are told of news has nothing medical in it.
    assert theirs == {
        "diagnosis.view_webhook",
        "diagnosis.view_webhookdelivery",
        "diagnosis.change_webhookdelivery",
    }


def test_each_migrate_brings_the_table_back(db):
    doctor = Group.objects.get(name="doctor")
    before = granted("doctor")
    doctor.permissions.set(Permission.objects.filter(codename__in=["view_mole", "delete_review"]))
    call_command("migrate", verbosity=0)
    assert granted("doctor") == before == set(ROLES["doctor"])
    assert granted("administrator") == set(ROLES["administrator"])
