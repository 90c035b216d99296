"""What the migrations grant to each group."""

from django.contrib.auth.models import Group


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
    assert not {name for name in granted("administrator") if name.startswith("diagnosis.")}
