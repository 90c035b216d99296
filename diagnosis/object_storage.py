"""Pictures in an S3-compatible store, in place of a folder: docs/scaling.md, “Pictures”.

django-storages speaks the protocol. Here its errors become those that a folder raises: what is not
there is FileNotFoundError, what alone is refused media.Unreadable, and everything else
media.Unreachable, an OSError that says 503.
"""

import errno
import logging
import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from typing import Any

from boto3.exceptions import Boto3Error
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.core.files.base import ContentFile, File
from storages.backends.s3 import S3Storage
from storages.utils import clean_name

from diagnosis.media import Unreachable, Unreadable

logger = logging.getLogger(__name__)

GONE = {"404", "NoSuchKey"}


class ObjectStorage(S3Storage):
    """Named by settings.STORAGES where S3_BUCKET is set.

    Nothing is public, nor by a signed address: pictures leave through our own views only. Their
    names are random, so that none is asked for before it is written.
    """

    def trouble(self) -> str:
        """Say in a word or two why no picture can be had; empty while they can."""
        try:
            with _telling(self.bucket_name):
                self._hasty.head_bucket(Bucket=self.bucket_name)
        except (Unreachable, FileNotFoundError):
            return "unreachable"
        return ""

    @cached_property
    def _hasty(self) -> Any:
        """A client that has given up before a health check does, which would take web away."""
        config = self.client_config.merge(
            Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 1})
        )
        return self._create_session().client(
            "s3",
            region_name=self.region_name,
            use_ssl=self.use_ssl,
            endpoint_url=self.endpoint_url,
            config=config,
            verify=self.verify,
        )

    def _open(self, name: str, mode: str = "rb") -> File:
        """Read it at once: a picture has at most some megabytes, and fails here or not at all.

        What is refused is asked for once more where the store gives another one: a store in
        trouble, or one request that fails, says nothing of a picture.
        """
        try:
            return self._whole(name)
        except Unreachable:
            if not self._gives_another(name):
                raise
        try:
            return self._whole(name)
        except Unreachable as error:
            raise Unreadable(errno.EIO, "refused, while others are given", name) from error

    def _whole(self, name: str) -> File:
        with _telling(name):
            return ContentFile(self.bucket.Object(self._key(name)).get()["Body"].read(), name)

    def _gives_another(self, name: str) -> bool:
        try:
            with _telling(name):
                listed = self._hasty.list_objects_v2(Bucket=self.bucket_name, MaxKeys=100)
                keys = {each["Key"] for each in listed.get("Contents", [])} - {self._key(name)}
                if keys:
                    one = random.choice(sorted(keys))  # that one may be refused, too
                    self._hasty.get_object(Bucket=self.bucket_name, Key=one)["Body"].read()
                return bool(keys)
        except (Unreachable, FileNotFoundError):
            return False

    def _key(self, name: str) -> str:
        return self._normalize_name(clean_name(name))

    def _save(self, name: str, content: File) -> str:
        with _telling(name):
            return super()._save(name, content)

    def delete(self, name: str) -> None:
        with _telling(name):
            super().delete(name)

    def exists(self, name: str) -> bool:
        with _telling(name):
            return super().exists(name)

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        with _telling(path):
            return super().listdir(path)

    def get_modified_time(self, name: str) -> datetime:
        with _telling(name):
            return super().get_modified_time(name)


@contextmanager
def _telling(name: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] in GONE:
            raise FileNotFoundError(name) from error
        _log(error)
        raise Unreachable from error
    # urllib3's, while the answer is read, are not always wrapped.
    except (BotoCoreError, Boto3Error, OSError) as error:
        _log(error)
        raise Unreachable from error


def _log(error: Exception) -> None:
    logger.error("The store of pictures can't be used: %s", error)
