"""The example of docs/integrations.md verifies what is sent."""

import re
from pathlib import Path

from diagnosis import tasks
from diagnosis.webhooks import registrations, signatures

DOCUMENT = Path(__file__).parents[3] / "docs/integrations.md"


def test_the_example_verifies_a_message_and_nothing_else(alice, webhook, receiver, worker):
    [example] = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    names: dict = {}
    exec(example, names)
    verify, secret = names["verify"], signatures.secret(webhook)
    registrations.test(webhook=webhook, by=alice)
    tasks.sweep_webhooks()
    _path, headers, body = receiver.heard[-1]
    headers = {name.lower(): value for name, value in headers.items()}
    assert verify(secret, headers, body)
    assert not verify(secret, headers, body + b" ")
    assert not verify(secret, headers | {"webhook-timestamp": "1"}, body)
