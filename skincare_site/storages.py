"""Where pictures lie: in the folder MEDIA_ROOT, or in an S3-compatible store where S3_BUCKET is."""

from importlib.util import find_spec
from typing import Any

from django.core.exceptions import ImproperlyConfigured


def named_by(env: Any) -> dict[str, Any]:
    """What STORAGES["default"] is to be. Raises ImproperlyConfigured."""
    bucket = env("S3_BUCKET", default="")
    if not bucket:
        return {"BACKEND": "django.core.files.storage.FileSystemStorage"}
    if not find_spec("storages"):
        raise ImproperlyConfigured(
            "S3_BUCKET needs django-storages[s3], which is not installed here."
        )
    options = {
        "bucket_name": bucket,
        # Empty for the first three: those of Amazon, and what the machine's own role may do.
        "endpoint_url": env.url("S3_ENDPOINT", default="") or None,
        "access_key": env("S3_ACCESS_KEY", default="") or None,
        "secret_key": env("S3_SECRET_KEY", default="") or None,
        "region_name": env("S3_REGION", default="us-east-1"),
    }
    return {"BACKEND": "diagnosis.records.object_storage.ObjectStorage", "OPTIONS": options}
