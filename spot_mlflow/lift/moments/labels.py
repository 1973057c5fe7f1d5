"""The labels of arms and segments."""

from __future__ import annotations

from typing import Final

HOLDOUT: Final = "holdout"
TREATMENT: Final = "treatment"  # the only treatment arm; several keep their own labels
MISSING_SEGMENT: Final = "(missing)"
OTHER_SEGMENT: Final = "(other)"
SMALL_CELLS: Final = "(small cells)"  # of several segments, too few units to be stored alone
NO_COUNTERPART: Final = "(no counterpart)"  # small cells that are compared with nothing
