"""What the tests of the doctors' work share."""

import pytest


@pytest.fixture
def doctor(client, dr_chen):
    client.force_login(dr_chen)
    return client
