"""Who writes entries down here, where nobody says so."""

from __future__ import annotations

import getpass
import os


def login() -> str:
    """Returns who is at work here: MLflow's user name, else the login of the system."""
    name = os.environ.get("MLFLOW_TRACKING_USERNAME")
    if name:
        return name
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no such login, as in some containers
        return ""
