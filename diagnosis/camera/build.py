"""What a phone loads to look at moles by itself: scripts, runtime and model, as one version.

A build's name is a checksum over all of it, and stands in every address. So each address always
has the same content, may be kept for ever, and no phone mixes parts of two builds.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import staticfiles_storage
from django.template.loader import get_template
from django.templatetags.static import static

import ml.release
from diagnosis.camera.words import words

# The runtime's own modules, and its program in two variants: with threads and relaxed SIMD, and
# for browsers that lack one of them.
RUNTIME = {
    "runtime/litert.js": "vendor/litert/core/index.js",
    "runtime/wasm-utils.js": "vendor/litert/utils/index.js",
    "runtime/threaded.js": "vendor/litert/wasm/litert_wasm_threaded_internal.js",
    "runtime/compat.js": "vendor/litert/wasm/litert_wasm_compat_internal.js",
}
WASM = {
    "threaded": "vendor/litert/wasm/litert_wasm_threaded_internal.wasm",
    "compat": "vendor/litert/wasm/litert_wasm_compat_internal.wasm",
}
KIND = "photo"  # what a camera takes, and static/js/camera/worker.js judges
TEMPLATES = ("base.html", "camera/page.html")
# What the page shows itself with; the rest is the build.
DECORATION = (
    "vendor/pico/pico.classless.min.css",
    "css/tokens.css",
    "skincare.css",
    "css/camera.css",
    "vendor/fonts/atkinson-hyperlegible-next-latin-wght-normal.woff2",
    "img/favicon.svg",
)


class NoModel(Exception):
    """There is no released model, or its files are not those that its card names."""


class NotForPhones(NoModel):
    """The released model does not judge what a camera takes: nothing is broken."""


@dataclass(frozen=True, slots=True)
class Model:
    """The released model as files for a phone, each under its checksum."""

    card: Mapping
    files: Mapping[str, bytes]  # by "checksum/name"

    def address(self, name: str) -> str:
        """The "checksum/name" of one of its files."""
        return next(path for path in self.files if path.endswith(f"/{name}"))


def model() -> Model:
    """The released model. Raises NoModel."""
    try:
        release = ml.release.current()
        if KIND not in release.card["thresholds"]:
            raise NotForPhones(f"model {release.version} was not trained for {KIND} pictures")
        return _model(release)
    except ml.release.ReleaseError as error:
        raise NoModel(str(error)) from error


@lru_cache(maxsize=1)
def scripts() -> Mapping[str, bytes]:
    """All modules by their path below the build's address."""
    folder = Path(settings.BASE_DIR, "static/js/camera")
    found = {path.name: path.read_bytes() for path in sorted(folder.glob("*.js"))}
    for path, name in RUNTIME.items():
        found[path] = _static_file(name).read_bytes()
    # A worker knows no import maps, so that a package's bare name means nothing there.
    found["runtime/litert.js"] = found["runtime/litert.js"].replace(
        b'"@litertjs/wasm-utils"', b'"./wasm-utils.js"'
    )
    return found


def build() -> str:
    """The name of what is served now. Raises NoModel."""
    parts = [path.encode() + content for path, content in scripts().items()]
    parts += [get_template(name).template.source.encode() for name in TEMPLATES]
    parts += [json.dumps([words(), list(model().files), decoration(), wasm()]).encode()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def decoration() -> list[str]:
    """Addresses of the page's styles, fonts and icons."""
    return [static(name) for name in DECORATION]


def wasm() -> dict[str, str]:
    """Address of the runtime's program, by variant."""
    return {variant: static(name) for variant, name in WASM.items()}


@lru_cache(maxsize=1)
def _model(release: ml.release.Release) -> Model:
    known = release.card["files"]["litert"]
    card_address = f"{hashlib.sha256(release.text).hexdigest()}/{ml.release.CARD}"
    return Model(
        release.card,
        {
            card_address: release.text,
            f"{known['sha256']}/{known['name']}": release.content("litert"),
        },
    )


def _static_file(name: str) -> Path:
    """Find a static file where it came from, or where it was collected."""
    return Path(finders.find(name) or staticfiles_storage.path(name))
