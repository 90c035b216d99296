from django.contrib.admin.apps import AdminConfig
from django.contrib.staticfiles.apps import StaticFilesConfig


class OurAdmin(AdminConfig):
    default_site = "skincare_site.admin.Site"


class OurStaticFiles(StaticFilesConfig):
    """Of the packages' hundreds of files, those that the pages load."""

    ignore_patterns = [
        *StaticFilesConfig.ignore_patterns,
        *("pico.[!c]*", "pico.c[!l]*", "pico.classless.[!m]*"),
        *("htmx.[!m]*", "ext", "redoc", "rest_framework"),
        *("*.d.ts", "*metafile*.json", "bundle.js*", "litert_wasm_internal.*", "litert_wasm_jspi*"),
        *("DejaVuM*", "DejaVuSe*", "DejaVuSans[!.-]*", "DejaVuSans-[!B]*", "DejaVuSans-BoldO*"),
    ]
