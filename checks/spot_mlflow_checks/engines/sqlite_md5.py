"""MD5 for SQLite, which has none: a function of Python's, registered on a connection."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import sqlalchemy as sa

MD5_FUNCTION: Final = "spot_md5"


def register_md5(connection: sa.Connection) -> None:
    """Gives a SQLite connection the function; does nothing on another database."""
    if connection.dialect.name == "sqlite":
        driver: Any = connection.connection.driver_connection
        driver.create_function(MD5_FUNCTION, 1, _md5, deterministic=True)


def _md5(value: Any) -> str | None:
    if value is None:
        return None
    return hashlib.md5(str(value).encode(), usedforsecurity=False).hexdigest()
