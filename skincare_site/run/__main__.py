import sys

from skincare_site.run.service import main

sys.exit(main())
