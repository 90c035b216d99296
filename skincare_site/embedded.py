"""``python -m skincare_site.embedded manage.py shell``: a command on the servers of `make run`."""

import sys

from skincare_site.run.embedded import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
