"""What is about a person is kept by no cache, whatever form it has."""

from django.urls import reverse

from tests.factories import assessed


def is_kept_from_caches(answer) -> bool:
    said = answer.get("Cache-Control", "")
    return "private" in said and ("no-store" in said or "no-cache" in said)


def test_answers_of_the_api(program, alice):
    record = assessed(owner=alice)
    for address in ("/api/v1/records/", f"/api/v1/records/{record.pk}/"):
        assert is_kept_from_caches(program.get(address)), address
    assert is_kept_from_caches(program.get(f"/api/v1/records/{record.pk}/image/"))


def test_answers_to_scripts_and_downloads(client, alice, admin_client):
    record = assessed(owner=alice)
    client.force_login(alice)
    assert is_kept_from_caches(client.get(f"/records/{record.pk}/state/"))
    assert is_kept_from_caches(client.get(f"/records/{record.pk}/report/"))
    assert is_kept_from_caches(client.get(f"/records/{record.pk}/thumbnail/"))
    assert is_kept_from_caches(admin_client.get(reverse("admin:auditlog_logentry_export")))


def test_what_is_the_same_for_everybody_is_kept(client, alice):
    client.force_login(alice)
    assert "public" in client.get("/demo/even_mole.jpg")["Cache-Control"]
