"""What tests of raw tables share: one messy world."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from messy_world import messy_world

if TYPE_CHECKING:
    from messy_world import World


@pytest.fixture(scope="session")
def world() -> World:
    """The messy world."""
    return messy_world()
