"""What the tests of records share."""

import pytest


@pytest.fixture
def api(alice):
    from rest_framework.test import APIClient  # needs Django set up

    client = APIClient()
    client.force_authenticate(alice)
    return client
