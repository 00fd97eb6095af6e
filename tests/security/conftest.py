"""Fixtures of the security tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.security.lab import Keys


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path)
