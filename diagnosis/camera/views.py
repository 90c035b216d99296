"""The camera page, an app of its own: page, manifest, service worker, scripts and model."""

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from csp.constants import WASM_UNSAFE_EVAL
from csp.decorators import csp_update
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

from accounts.requests import PersonRequest
from diagnosis.camera import build
from diagnosis.camera.words import words
from diagnosis.language import results
from ml.release import has_second_reader

TYPES = {"js": "text/javascript", "json": "application/json"}
for_ever = cache_control(public=True, max_age=365 * 24 * 3600, immutable=True)
# The one policy that lets WebAssembly run: for this page and its workers.
runs_wasm = csp_update({"script-src": [WASM_UNSAFE_EVAL]})


def isolated(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Cross-origin isolated, which threads in WebAssembly need."""

    @wraps(view)
    def with_headers(*args: Any, **kwargs: Any) -> HttpResponse:
        response = view(*args, **kwargs)
        response["Cross-Origin-Opener-Policy"] = "same-origin"
        response["Cross-Origin-Embedder-Policy"] = "require-corp"
        return response

    return with_headers


@runs_wasm
@isolated
@require_safe
@never_cache
@ensure_csrf_cookie
@login_required
def page(request: PersonRequest) -> HttpResponse:
    if not request.user.consent_version:
        return redirect_to_login(request.get_full_path(), reverse("accounts:consent"))
    program = _sending() | _of_person(request)
    context: dict[str, Any] = {"program": program}
    status = 200
    try:
        context |= {
            "build": build.build(),
            "program": program | _program(),
            "second_reader": has_second_reader(build.model().card),
        }
    except build.NotForPhones:
        pass
    except build.NoModel:
        status = 503
    return render(request, "camera/page.html", context, status=status)


@require_safe
@cache_control(max_age=3600)
def manifest(request: HttpRequest) -> JsonResponse:
    page = reverse("diagnosis:camera")
    icons = [("icon-192", "192x192", "any"), ("icon-512", "512x512", "any")]
    icons += [("icon-maskable-512", "512x512", "maskable")]
    return JsonResponse(
        {
            "id": page,
            "name": _("Skincare mole check"),
            "short_name": _("Mole check"),
            "description": _("Look at a mole with the camera of your phone."),
            "lang": get_language(),
            "start_url": page,
            "scope": "/",
            "display": "standalone",
            "background_color": "#f2f6f5",
            "theme_color": "#0a5a60",
            "icons": [
                {
                    "src": static(f"img/{name}.png"),
                    "sizes": size,
                    "type": "image/png",
                    "purpose": use,
                }
                for name, size, use in icons
            ],
        },
        content_type="application/manifest+json",
    )


@isolated
@require_safe
@never_cache
def service_worker(request: HttpRequest) -> HttpResponse:
    """The script with the list of what it keeps: another build or person, another script.

    Where phones are to judge nothing any more, one that ends what they had kept.
    """
    try:
        program = _program()
    except build.NotForPhones:
        return HttpResponse(build.scripts()["end.js"], content_type=TYPES["js"])
    except build.NoModel:
        raise Http404 from None
    kept = {
        "build": build.build(),
        "page": reverse("diagnosis:camera"),
        "of": _of_person(request),  # which stands in the page, too
        "files": [
            *(_script(path) for path in build.scripts() if not path.startswith("runtime/")),
            *(_script(f"runtime/{name}.js") for name in ("litert", "wasm-utils")),
            *(program[name] for name in ("card", "model")),
            *build.decoration(),
        ],
        "runtime": program["runtime"],
    }
    code = build.scripts()["service-worker.js"].decode()
    return HttpResponse(f"self.kept = {json.dumps(kept)};\n{code}", content_type=TYPES["js"])


@runs_wasm
@isolated
@require_safe
@for_ever
@gzip_page
def script(request: HttpRequest, version: str, path: str) -> HttpResponse:
    content = build.scripts().get(path)
    if content is None or version != build.build():
        raise Http404
    return HttpResponse(content, content_type=TYPES["js"])


@require_safe
@for_ever
def model_file(request: HttpRequest, path: str) -> HttpResponse:
    try:
        content = build.model().files[path]
    except (build.NoModel, KeyError):
        raise Http404 from None
    kind = TYPES.get(path.rpartition(".")[2], "application/octet-stream")
    return HttpResponse(content, content_type=kind)


def _of_person(request: HttpRequest) -> dict[str, Any]:
    """What the page shows to this person, and not to another."""
    born = getattr(request.user, "date_of_birth", None)
    return {
        "person": getattr(request.user, "pseudonym", ""),
        "isMinor": results.is_minor(born, timezone.localdate()),
    }


def _sending() -> dict[str, Any]:
    """What the script needs for pictures that the phone has kept: addresses and words."""
    return {
        "records": reverse("api-record-list"),
        "result": reverse("diagnosis:record_detail", args=["00000000-0000-0000-0000-000000000000"]),
        "signIn": reverse("account_login") + "?next=" + reverse("diagnosis:camera"),
        "words": words(),
    }


def _program() -> dict[str, Any]:
    """What it needs besides to look at moles."""
    model = build.model()
    file = model.card["files"]["litert"]
    wasm = build.wasm()
    return {
        "card": _model_file(model.address("model.json")),
        "model": _model_file(model.address(file["name"])),
        "bytes": file["bytes"],
        "sha256": file["sha256"],
        "core": _script("runtime/litert.js"),
        "worker": _script("worker.js"),
        "runtime": {
            variant: {"script": _script(f"runtime/{variant}.js"), "wasm": address}
            for variant, address in wasm.items()
        },
        "serviceWorker": reverse("diagnosis:camera_service_worker"),
    }


def _script(path: str) -> str:
    return reverse("diagnosis:camera_script", args=[build.build(), path])


def _model_file(path: str) -> str:
    return reverse("diagnosis:camera_model", args=[path])
