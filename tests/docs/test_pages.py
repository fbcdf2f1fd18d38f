"""What the documentation says was made from the code that is there."""

from __future__ import annotations

import pytest

from tests.docs.pages import PARTS, ROOT, made


@pytest.mark.parametrize("page", PARTS)
def test_the_page_is_as_the_code_makes_it(page: str) -> None:
    assert (ROOT / page).read_text(encoding="utf-8") == made(page), "run: python -m tests.docs"
