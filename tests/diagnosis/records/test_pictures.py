"""What is stored: upright, bounded, without metadata, under a name that tells nothing."""

import io
import os
import re

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from diagnosis.models import MoleRecord
from diagnosis.records import pictures
from tests.factories import RecordFactory, picture


def reencoded(data: bytes) -> Image.Image:
    return Image.open(pictures.reencode(ContentFile(data)))


def test_no_metadata_is_kept():
    exif = Image.Exif()
    exif[0x010E] = "Alice's shoulder"
    exif.get_ifd(0x8825)[1] = "N"  # GPS
    data = picture(exif=exif.tobytes(), comment=b"Alice", icc_profile=b"profile of Alice")
    assert data.count(b"Alice") == 3
    stored = pictures.reencode(ContentFile(data)).read()
    assert b"Alice" not in stored
    assert not Image.open(io.BytesIO(stored)).getexif()
    assert set(Image.open(io.BytesIO(stored)).info) <= {
        "jfif",
        "jfif_version",
        "jfif_unit",
        "jfif_density",
    }


def test_the_orientation_is_applied():
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    assert reencoded(picture((300, 200), exif=exif.tobytes())).size == (200, 300)


def test_the_long_side_is_bounded_and_the_shape_kept():
    assert reencoded(picture((4000, 3000))).size == (2048, 1536)


def test_small_pictures_are_not_enlarged():
    assert reencoded(picture((300, 200))).size == (300, 200)


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "HEIF", "BMP"])
def test_formats_that_phones_and_clinics_use_are_accepted(file_format):
    assert reencoded(picture(file_format=file_format)).format == "JPEG"


def test_the_stored_name_is_random(alice):
    names = {RecordFactory(owner=alice).image.name for _upload in range(2)}
    assert len(names) == 2
    assert all(re.fullmatch(r"records/([0-9a-f]{2})/\1[0-9a-f]{30}\.jpg", name) for name in names)


def test_a_thumbnail_is_small(alice):
    record = RecordFactory(owner=alice, image__data=picture((2000, 1000)))
    data = pictures.thumbnail(record)
    assert Image.open(io.BytesIO(data)).size == (320, 160)
    assert len(data) < 20_000


def test_pictures_without_a_record_are_swept_after_a_day(alice, monkeypatch):
    kept, orphan = RecordFactory(owner=alice), RecordFactory(owner=alice)
    storage = orphan.image.storage
    MoleRecord.objects.filter(pk=orphan.pk).delete()  # its file goes on a commit that never comes
    assert pictures.remove_orphans() == 0
    tomorrow = timezone.now().timestamp() + 25 * 3600
    monkeypatch.setattr(pictures.time, "time", lambda: tomorrow)
    assert pictures.remove_orphans() == 1
    assert storage.exists(kept.image.name)
    assert not storage.exists(orphan.image.name)


def test_a_sweep_that_is_always_cut_off_comes_to_each_of_them(alice, monkeypatch):
    """A store on the network may answer too slowly for all folders in the time of one task."""
    RecordFactory(owner=alice)
    names = {f"records/{number:02x}/{number:02x}ab.jpg" for number in range(12)}
    for name in names:
        default_storage.save(name, ContentFile(picture()))
    listdir = FileSystemStorage.listdir
    for _sweep in range(100):
        left = iter(range(4))  # the list of folders, and three of them

        def slow(self, path, left=left):
            if next(left, None) is None:
                raise SoftTimeLimitExceeded
            return listdir(self, path)

        monkeypatch.setattr(FileSystemStorage, "listdir", slow)
        with pytest.raises(SoftTimeLimitExceeded):
            pictures.remove_orphans(older_than_seconds=-1)
    assert not [name for name in names if default_storage.exists(name)]


def test_one_that_another_sweep_removes_meanwhile_is_no_hindrance(alice, monkeypatch):
    RecordFactory(owner=alice)
    names = ("records/ab/ab1.jpg", "records/ab/ab2.jpg")
    for name in names:
        default_storage.save(name, ContentFile(picture()))
    ask = FileSystemStorage.get_modified_time

    def removed_first(self, name):
        if name.endswith("ab1.jpg"):
            self.delete(name)
        return ask(self, name)

    monkeypatch.setattr(FileSystemStorage, "get_modified_time", removed_first)
    assert pictures.remove_orphans(older_than_seconds=-1) == 1
    # The record's own may lie there, too.
    assert not [name for name in names if default_storage.exists(name)]


def test_without_any_record_nothing_is_swept_since_a_backup_may_be_half_restored(db):
    name = default_storage.save("records/ab/abcd.jpg", ContentFile(picture()))
    assert pictures.remove_orphans(older_than_seconds=0) == 0
    assert default_storage.exists(name)


def test_the_file_of_the_last_record_goes_as_any_other(alice):
    record = RecordFactory(owner=alice)
    MoleRecord.objects.filter(pk=record.pk).delete()  # its file goes on a commit that never comes
    assert pictures.remove_orphans(older_than_seconds=-1) == 1
    assert not record.image.storage.exists(record.image.name)


def test_but_not_where_records_are_gone_that_nobody_deleted(alice):
    """As where rows were lost: they may be restored, and their pictures are there still."""
    lost, gone = RecordFactory(owner=alice), RecordFactory(owner=alice)
    gone.delete()
    MoleRecord.objects.filter(pk=lost.pk)._raw_delete("default")
    assert not MoleRecord.objects.exists()
    assert pictures.remove_orphans(older_than_seconds=-1) == 0
    assert lost.image.storage.exists(lost.image.name)


def test_what_is_older_than_this_database_is_of_another_one_and_stays(alice):
    """As where the service was pointed at a new database, and its folder stayed the same."""
    RecordFactory(owner=alice)
    name = default_storage.save("records/ab/abcd.jpg", ContentFile(picture()))
    os.utime(default_storage.path(name), (0, 0))
    assert pictures.remove_orphans() == 0
    assert default_storage.exists(name)


def test_a_thumbnail_is_asked_for_again_but_sent_once(client, alice):
    client.force_login(alice)
    record = RecordFactory(owner=alice)
    address = reverse("diagnosis:record_thumbnail", args=[record.pk])
    first = client.get(address)
    assert set(first["Cache-Control"].split(", ")) == {"private", "no-cache"}
    again = client.get(address, headers={"If-None-Match": first["ETag"]})
    assert again.status_code == 304
    assert not again.content
    client.logout()
    assert client.get(address, headers={"If-None-Match": first["ETag"]}).status_code == 302


@pytest.mark.parametrize("name", ["record_thumbnail", "record_image"])
def test_a_picture_that_is_gone_is_not_found(client, alice, name):
    client.force_login(alice)
    record = RecordFactory(owner=alice)
    record.image.storage.delete(record.image.name)
    assert client.get(reverse(f"diagnosis:{name}", args=[record.pk])).status_code == 404
