"""The cache, which each process goes on with by itself while the broker is away."""

import logging
from contextlib import suppress
from typing import Any

from django.core.cache.backends.locmem import LocMemCache
from django_redis import cache
from django_redis.exceptions import ConnectionInterrupted

AWAY, ASKED = "away", "asked"
# Seconds until it is asked again: one that hangs takes a second of whoever asks.
PAUSE = 10

logger = logging.getLogger(__name__)


class RedisCache(cache.RedisCache):
    """Limits hold, of each process, also while the broker is away or can't be written to. What is
    kept here meanwhile stays until it runs out, for the next time."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self.here = LocMemCache(server, params)  # which all threads share

    def add(self, *args: Any, **kwargs: Any) -> bool:
        return self._ask("add", *args, **kwargs)

    def get(self, *args: Any, **kwargs: Any) -> Any:
        return self._ask("get", *args, **kwargs)

    def set(self, *args: Any, **kwargs: Any) -> None:
        self._ask("set", *args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> bool:
        return bool(self._ask("delete", *args, **kwargs))

    def incr(self, *args: Any, **kwargs: Any) -> int:
        return self._ask("incr", *args, **kwargs)

    def clear(self) -> None:
        self.here.clear()
        with suppress(ConnectionInterrupted):
            self.client.clear()

    def _ask(self, what: str, *args: Any, **kwargs: Any) -> Any:
        """The broker, else this process."""
        if self._is_there():
            try:
                return getattr(self.client, what)(*args, **kwargs)
            except ConnectionInterrupted as error:
                logger.warning("The broker is away: %s", error)
                self.here.set(ASKED, True, PAUSE)
                self.here.set(AWAY, True, None)
        return getattr(self.here, what)(*args, **kwargs)

    def _is_there(self) -> bool:
        """Whether it can be written to, as far as is known: one thread tries after each pause.

        By a write, since what a full one still reads would take the place of what was counted here.
        """
        if AWAY in self.here and self.here.add(ASKED, True, PAUSE):
            with suppress(ConnectionInterrupted):
                self.client.set(ASKED, True, 1)
                self.here.delete(AWAY)
        return AWAY not in self.here
