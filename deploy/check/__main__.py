"""`make image-check`: the image, built and run as docker-compose.yml says, without a Docker daemon.

As root on Debian, with buildah, debootstrap and the test packages. It says what it ran, and at the
end what it did not.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from deploy.check import build, drive, upgrade
from deploy.check.services import WORK, say

INSIDE = "IMAGE_CHECK_INSIDE"
NOT_RUN = """All of it held. Not run:
- a Docker daemon and Compose's own starts, health checks, restarts, networks and limits of memory
- the images of python, node, postgres, valkey and caddy: Debian's Python, and programs of PyPI
- a certificate of a public authority, and a mail server that takes something"""


def main() -> int:
    if os.environ.get(INSIDE):
        image, files, earlier = map(Path, json.loads(os.environ[INSIDE]))
        drive.everything(image)
        upgrade.there_and_back(image, earlier, files)
        print(NOT_RUN)
        return 0
    if missing := build.missing():
        print(f"Needed, as root on Debian: apt-get install {' '.join(missing)}", file=sys.stderr)
        return 1
    WORK.mkdir(parents=True, exist_ok=True)
    build.base_images()
    say("building the image of", build.EARLIER, "for the upgrade")
    files, earlier = build.image(build.EARLIER)
    say("building the image of the files here")
    _, image = build.image()
    inside = json.dumps([str(image), str(files), str(earlier)])
    # With a network, mounts and processes of its own, of which nothing stays.
    alone = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    return subprocess.call(
        [*alone, sys.executable, "-m", "deploy.check"], env=os.environ | {INSIDE: inside}
    )


if __name__ == "__main__":
    sys.exit(main())
