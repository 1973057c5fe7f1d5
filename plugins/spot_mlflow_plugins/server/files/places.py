"""Where files lie, in one spelling: what is registered and what is written are compared there.

A place is the storage itself, below which server, runs and clients spell differently: the artifacts
destination for ``mlflow-artifacts:`` and the proxy's routes, the file behind symbolic links, the key
in a bucket. Slashes, dots and percent signs are resolved; letter case where the file system does.
"""

from __future__ import annotations

import os
import posixpath
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from spot_mlflow_plugins import mlflow_private as private

if TYPE_CHECKING:
    from collections.abc import Iterator

_FILES: Final = "file:"


@dataclass(frozen=True, slots=True)
class Place:
    """A file or folder.

    Attributes:
        store: "file:", or scheme and authority of the store it is in.
        segments: names from the store's root on.
    """

    store: str
    segments: tuple[str, ...]

    def upwards(self) -> Iterator[Place]:
        """Yields the place itself and every folder above it."""
        for length in range(len(self.segments), -1, -1):
            yield Place(self.store, self.segments[:length])

    def within(self, folder: Place) -> bool:
        """Says whether this is ``folder`` or lies below it."""
        return self.store == folder.store and self.segments[: len(folder.segments)] == (
            folder.segments
        )


class Places:
    """Finds places, for a server with one artifacts destination.

    Args:
        destination: ``--artifacts-destination``, or None where artifacts are not served.
    """

    def __init__(self, destination: str | None) -> None:
        self._destination = destination
        self._folds: bool | None = None

    @property
    def destination(self) -> Place | None:
        """The artifacts destination; None where artifacts are not served."""
        return None if self._destination is None else self._stored(self._destination, "")

    def below(self, path: str) -> Place | None:
        """Returns the place of a path below the destination; None where artifacts are not served."""
        return None if self._destination is None else self._stored(self._destination, path)

    def at(self, uri: str, path: str = "") -> Place:
        """Returns the place of a URI that is no ``runs:`` or ``models:``.

        Args:
            uri: of an artifact location, a version's files, ...
            path: below it.
        """
        proxied = private.proxied_path(uri)
        if proxied is not None and self._destination is not None:
            return self._stored(self._destination, posixpath.join(proxied, path.lstrip("/")))
        return self._stored(uri, path)

    def on_disk(self, path: str) -> Place:
        """Returns the place of a path of this machine, as it is."""
        return Place(_FILES, tuple(self._spelled(s) for s in segments(os.path.realpath(path))))

    def served(self, place: Place) -> str | None:
        """Returns the path of a place below the destination; None where it lies elsewhere."""
        root = self.destination
        if root is None or not place.within(root):
            return None
        return "/".join(place.segments[len(root.segments) :])

    def _stored(self, root: str, path: str) -> Place:
        """Returns the place of a path below a root that is a URI of the storage itself."""
        below = segments(path)
        if not private.is_local(root):
            parts = urlsplit(root)
            store = f"{parts.scheme.lower()}://{parts.netloc.lower()}"
            return Place(store, segments("/".join((parts.path, *below))))
        return self.on_disk(posixpath.join(private.local_path(root), *below))

    def _spelled(self, segment: str) -> str:
        if self._folds is None:
            self._folds = _folds_case(self._destination)
        return unicodedata.normalize("NFC", segment).casefold() if self._folds else segment


def segments(path: str) -> tuple[str, ...]:
    """Returns the names in a path: unquoted until nothing changes, no empty ones, no dots."""
    found: list[str] = []
    for part in _unquoted(path).split("/"):
        if part == "..":
            found = found[:-1]
        elif part not in ("", "."):
            found.append(part)
    return tuple(found)


def _unquoted(text: str) -> str:
    while (once := unquote(text)) != text:
        text = once
    return text


def _folds_case(destination: str | None) -> bool:
    """Says whether the destination's file system takes ``a`` for ``A``; no other store does."""
    if destination is None or not private.is_local(destination):
        return False
    path = Path(private.local_path(destination)).resolve()
    while not path.exists() or path.name.swapcase() == path.name:
        if path == path.parent:
            return False
        path = path.parent
    swapped = path.with_name(path.name.swapcase())
    return swapped.exists() and swapped.samefile(path)
