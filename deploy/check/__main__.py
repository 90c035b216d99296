"""`make image-check`: the image, built and run as docker-compose.yml says, without a Docker daemon.

As root on Debian, with buildah, debootstrap and the test packages. It says what it ran; the images
of PostgreSQL, Valkey and Caddy are not among it: their programs come from Python packages.
"""

import os
import subprocess
import sys
from pathlib import Path

from deploy.check import build, drive
from deploy.check.services import WORK

INSIDE = "IMAGE_CHECK_INSIDE"


def main() -> int:
    if os.environ.get(INSIDE):
        drive.everything(Path(os.environ[INSIDE]))
        return 0
    if missing := build.missing():
        print(f"Needed, as root on Debian: apt-get install {' '.join(missing)}", file=sys.stderr)
        return 1
    WORK.mkdir(parents=True, exist_ok=True)
    root = build.image()
    # With a network, mounts and processes of its own, of which nothing stays.
    alone = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    return subprocess.call(
        [*alone, sys.executable, "-m", "deploy.check"], env=os.environ | {INSIDE: str(root)}
    )


if __name__ == "__main__":
    sys.exit(main())
