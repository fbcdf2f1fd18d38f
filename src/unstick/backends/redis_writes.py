"""The other door to Redis: scripts that compare before they change. Only actions open it."""

from __future__ import annotations

from typing import Final

from unstick.backends.base import BackendError, UnsureError
from unstick.backends.redis import RedisConnection
from unstick.backends.redis_reads import Argument

DELETE_IF: Final = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == 'endless' and redis.call('PTTL', KEYS[1]) ~= -1 then return -1 end
return redis.call('DEL', KEYS[1])
"""
"""Delete a key that still holds a token: 1 deleted, 0 holds something else or is gone, -1 has an end by now."""

PUSH_UNLESS: Final = """
for _, one in ipairs(redis.call('LRANGE', KEYS[1], 0, 999)) do
  if string.find(one, ARGV[1], 1, true) then return 0 end
end
return redis.call('LPUSH', KEYS[1], ARGV[2])
"""
"""Put a message into a list unless one with the same words waits there: the new length, 0 when one waits."""

_SCRIPTS: Final = frozenset({DELETE_IF, PUSH_UNLESS})


class RedisWriter(RedisConnection):
    """One connection that runs the scripts of this file and no others, besides the reads of every connection."""

    async def run(self, script: str, key: str | bytes, *arguments: Argument) -> object:
        """What ``script`` answers for ``key``, done at once and alone.

        Raises :class:`BackendError` when nothing was changed, :class:`UnsureError` when the answer did not come, and
        :class:`PermissionError` before anything is sent for a script that is not one of these.
        """
        if script not in _SCRIPTS:
            raise PermissionError("not a script of this file")
        await self.open()
        try:
            (reply,) = await self._round([("EVAL", script, 1, key, *arguments)])
        except BackendError as error:
            if error.transport:
                raise UnsureError(error.trouble, transport=True) from None
            raise
        if isinstance(reply, BackendError):
            raise reply
        return reply
