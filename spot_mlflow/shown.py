"""What a notebook shows of a result: the sentence and picture of the page, its figures as a frame.

A result lies below the room that writes pages, so it asks for that room by name, when it is shown.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import pandas as pd

_NOTEBOOK: Final = "spot_mlflow.reporting.pages.notebook"


def notebook() -> Any:
    """Returns the module that knows how results are shown."""
    return importlib.import_module(_NOTEBOOK)


class Shown:
    """A result that people look at in a notebook."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        """Returns what notebooks show: HTML that needs no network."""
        return str(notebook().html_of(self))

    def to_frame(self) -> pd.DataFrame:
        """Returns the rows of the result as a pandas frame; ``docs/notebooks.md`` names the columns."""
        import pandas as pd

        frame: pd.DataFrame = pd.DataFrame(notebook().rows_of(self))
        return frame
