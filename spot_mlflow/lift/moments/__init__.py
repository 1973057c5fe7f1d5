"""An outcome log reduced to sums: the seam between engines and statistics.

``Moments``, ``OutcomeMoments`` and ``Fault`` are what engines give and statistics take.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spot_mlflow.lift.moments.cells import Moments
    from spot_mlflow.lift.moments.outcome_moments import Fault, OutcomeMoments

__all__ = ["Fault", "Moments", "OutcomeMoments"]


def __getattr__(name: str) -> Any:
    """Imports what is asked for on first use (PEP 562): labels alone need no numpy."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from spot_mlflow.lift.moments import cells, outcome_moments

    return getattr(cells if name == "Moments" else outcome_moments, name)
