"""Floor 1. The only files that import a driver; every driver error leaves here as a :class:`BackendError`."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import cast

# The command line of httpx brings Rich's colouring and every lexer; httpx is made for doing without it.
sys.modules.setdefault("httpx._main", cast("ModuleType", None))
