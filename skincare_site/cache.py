"""The cache, which each process goes on with by itself while the broker is away."""

import logging
from typing import Any

from django.core.cache.backends.locmem import LocMemCache
from django_redis import cache
from django_redis.exceptions import ConnectionInterrupted

AWAY = "away"
# Seconds until it is asked again: one that hangs takes a second of each who asks.
PAUSE = 10

logger = logging.getLogger(__name__)


class RedisCache(cache.RedisCache):
    """Limits hold and codes work once, of each process, also while the broker is away or can't be
    written to. What is kept here meanwhile stays until it runs out, for the next time."""

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
        super().clear()

    def _ask(self, what: str, *args: Any, **kwargs: Any) -> Any:
        """The broker, else this process."""
        if AWAY not in self.here:
            try:
                return getattr(self.client, what)(*args, **kwargs)
            except ConnectionInterrupted as error:
                logger.warning("The broker is away: %s", error)
                self.here.set(AWAY, True, PAUSE)
        return getattr(self.here, what)(*args, **kwargs)
