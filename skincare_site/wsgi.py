"""What gunicorn serves."""

import os
import sys

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "skincare_site.settings")

application = get_wsgi_application()

from diagnosis import media  # noqa: E402 needs Django set up

if media.trouble() == "not writable":
    print(f"Not started: {media.NOT_WRITABLE}", file=sys.stderr)
    sys.exit(3)  # to gunicorn: not to be tried again
