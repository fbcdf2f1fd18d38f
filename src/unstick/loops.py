"""Event loops that end when asked: a name server that hangs can't hold a thread that the program waits for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

ResultT = TypeVar("ResultT")
P = ParamSpec("P")


class _Daemons(ThreadPoolExecutor):
    """Each call in a daemon thread of its own. A ThreadPoolExecutor by name only: asyncio takes no other."""

    def submit(self, call: Callable[P, ResultT], /, *args: P.args, **kwargs: P.kwargs) -> Future[ResultT]:
        """Start ``call`` at once."""
        future: Future[ResultT] = Future()

        def work() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = call(*args, **kwargs)
            except BaseException as error:  # noqa: BLE001 - whoever waits for the future gets it
                future.set_exception(error)
            else:
                future.set_result(result)

        threading.Thread(target=work, daemon=True).start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 - inherited
        """Nothing is waited for."""


def run(main: Coroutine[Any, Any, ResultT]) -> ResultT:
    """``asyncio.run`` whose blocking calls are left behind at the end instead of being joined."""

    async def bounded() -> ResultT:
        asyncio.get_running_loop().set_default_executor(_Daemons(max_workers=1))
        return await main

    return asyncio.run(bounded())
