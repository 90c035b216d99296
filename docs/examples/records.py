"""List one's records page by page, and ask at little cost whether anything is new.

    TOKEN=… python docs/examples/records.py http://localhost:8000

Needs httpx. A token of scope "read" is enough.
"""

import os
import sys
import time
from collections.abc import Iterator

import httpx


def pages(client: httpx.Client, address: str) -> Iterator[dict]:
    """Follow the cursor; wait where the service asks for it."""
    while address:
        answer = client.get(address)
        if answer.status_code in (429, 503):
            time.sleep(int(answer.headers["Retry-After"]))
            continue
        answer.raise_for_status()
        page = answer.json()
        yield from page["results"]
        address = page["next"]


def main() -> None:
    headers = {"Authorization": f"Token {os.environ['TOKEN']}"}
    with httpx.Client(base_url=f"{sys.argv[1]}/api/v1/", headers=headers, timeout=60) as client:
        for record in pages(client, "records/?ordering=-created_at&page_size=50"):
            advice = (record["assessment"] or {}).get("advice")
            if advice == "watch" and record["is_left_uncounted"]:
                advice = "watch, not counting what was changed since"  # and nothing is to come
            elif advice == "watch" and (record["is_stale"] or not record["is_compared"]):
                advice = "watch, so far"  # a change or a warning sign may still be found
            elif advice == "watch" and not record["is_comparable"]:
                advice = "watch, not compared with the mole's first picture"
            print(record["id"], record["created_at"], record["state"], advice)
        first = client.get("records/?page_size=1")
        again = client.get("records/?page_size=1", headers={"If-None-Match": first.headers["ETag"]})
        print("nothing new" if again.status_code == 304 else "something new")


if __name__ == "__main__":
    main()
