from django.contrib.staticfiles.apps import StaticFilesConfig


class OurStaticFiles(StaticFilesConfig):
    """Of the packages' hundreds of files, those that the pages load."""

    ignore_patterns = [
        *StaticFilesConfig.ignore_patterns,
        *("pico.[!c]*", "pico.c[!l]*", "pico.classless.[!m]*"),
        *("htmx.[!m]*", "ext", "redoc", "rest_framework"),
    ]
