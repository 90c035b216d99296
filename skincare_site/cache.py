"""The cache, whose limits fail open."""

from typing import Any

from django_redis import cache


class RedisCache(cache.RedisCache):
    """While the broker is away, what is added counts as added: allauth takes its locks so, and
    would refuse whoever it can't count."""

    @cache.omit_exception(return_value=True)
    def add(self, *args: Any, **kwargs: Any) -> bool:
        return self.client.add(*args, **kwargs)
