"""Where files lie: pictures in the folder MEDIA_ROOT, or in an S3-compatible store where S3_BUCKET
names one; copies of backups where BACKUP_S3_BUCKET does; and what of npm's packages the pages load.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from skincare_site.environment import WEB

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


# Other makers' stores know no trailing checksums.
CHECKSUMS = {
    "request_checksum_calculation": "when_required",
    "response_checksum_validation": "when_required",
}
# A page waits for a picture; two tries, and an answer within some seconds.
PATIENCE = {"connect_timeout": 2, "read_timeout": 5, "retries": {"total_max_attempts": 2}}


def named_by(env: Any) -> dict[str, dict[str, Any]]:
    """STORAGES["default"], for pictures, and maybe "backups". Raises ImproperlyConfigured."""
    folder = {"BACKEND": "django.core.files.storage.FileSystemStorage"}
    pictures = _bucket(env, "S3_", "diagnosis.object_storage.ObjectStorage", **PATIENCE)
    backups = _bucket(env, "BACKUP_S3_", "backups.bucket.Bucket")
    return {"default": pictures or folder} | ({"backups": backups} if backups else {})


def _bucket(env: Any, prefix: str, backend: str, **patience: Any) -> dict[str, Any] | None:
    name = env(f"{prefix}BUCKET", default="")
    if not name:
        return None
    if not find_spec("storages"):
        raise ImproperlyConfigured(
            f"{prefix}BUCKET needs django-storages[s3], which is not installed here: build the"
            " image with LOCK=s3."
        )
    from botocore.config import Config

    # Empty for all but the last: those of Amazon, and what the machine's own role may do.
    endpoint = env.address(f"{prefix}ENDPOINT", *WEB, default="") or None
    path = {"addressing_style": "path"} if endpoint else {}
    options = {
        "bucket_name": name,
        "endpoint_url": endpoint,
        "access_key": env(f"{prefix}ACCESS_KEY", default="") or None,
        "secret_key": env(f"{prefix}SECRET_KEY", default="") or None,
        "region_name": env(f"{prefix}REGION", default="us-east-1"),
        "client_config": Config(signature_version="s3v4", s3=path, **CHECKSUMS, **patience),
    }
    return {"BACKEND": backend, "OPTIONS": options}
