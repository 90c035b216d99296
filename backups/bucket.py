"""A bucket of an S3-compatible store with copies of the backups; BACKUP_S3_BUCKET names it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError
from django.core.files import File
from storages.backends.s3 import S3Storage

from backups import names, room


class Bucket(S3Storage):
    """Named by settings.STORAGES["backups"]. Its methods raise OSError where it can't be used."""

    def mirror(self, *, folder: Path, new: str, keep: int | None) -> list[str]:
        """Copy what it lacks of the folder's backups, and keep as many; return what was copied.

        So what a night's outage left out comes with the next one.
        """
        with self._telling():
            there = self._names()
            missing = sorted(names.within(path.name for path in folder.iterdir()) - there)
            for name in missing:
                with (folder / name).open("rb") as file:
                    self.save(name, File(file))
            for name in names.outdated(there | set(missing), new=new, keep=keep):
                self.delete(name)
        return missing

    def fetch(self, *, name: str, folder: Path) -> Path:
        """Bring one into the folder, the newest where no name is given; return its path.

        Raises FileNotFoundError, which says what is there.
        """
        with self._telling():
            there = names.in_order(self._names())
            name = name or (there[-1] if there else "")
            if name not in there:
                raise FileNotFoundError(
                    f"The bucket {self.bucket_name} has no {name or 'backup'}. It has:"
                    f" {', '.join(there) or 'nothing'}"
                )
            path = folder / name
            new = path.with_suffix(".part")
            try:
                with room.file(new) as file:
                    new.chmod(0o600)
                    self.bucket.download_fileobj(name, file)
                return new.rename(path)
            finally:
                new.unlink(missing_ok=True)

    def _names(self) -> set[str]:
        return names.within(self.listdir("")[1])

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except (ClientError, BotoCoreError, Boto3Error) as error:
            raise OSError(f"The bucket {self.bucket_name} can't be used: {error}") from error
