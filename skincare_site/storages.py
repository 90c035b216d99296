"""Where files lie: pictures in the folder MEDIA_ROOT, or in an S3-compatible store where S3_BUCKET
names one; and what of npm's packages the pages load."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

PACKAGES = {
    "vendor/pico": "@picocss/pico/css",
    "vendor/htmx": "htmx.org/dist",
    "vendor/cropperjs": "cropperjs/dist",
    "vendor/dejavu": "dejavu-fonts-ttf/ttf",
    "vendor/litert/core": "@litertjs/core/dist",
    "vendor/litert/wasm": "@litertjs/core/wasm",
    "vendor/litert/utils": "@litertjs/wasm-utils/dist",
    "vendor/fonts": "@fontsource-variable/atkinson-hyperlegible-next/files",
}


def packages_of(node_modules: Path) -> list[tuple[str, Path]]:
    """Folders to collect; none in the image, which has the collected files only."""
    if not node_modules.is_dir():
        return []
    return [(prefix, node_modules / folder) for prefix, folder in PACKAGES.items()]


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
