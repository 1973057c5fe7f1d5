"""Lists what an object store says of files that lie outside the server: size, ETag, object version.

Nothing is read: a bucket's own word is cheap and shows a replaced file, and it is called what it is.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.validation import utc
from spot_mlflow_plugins import mlflow_private as private
from spot_mlflow_plugins.server.files.manifests import File, Manifest

if TYPE_CHECKING:
    from collections.abc import Iterator

_logger: Final = logging.getLogger("mlflow.spot")
SCHEME: Final = "s3://"
_MOST: Final = 10_000  # files of one version


def listed(uri: str) -> Manifest | None:
    """Returns the list of the files below an address of a bucket.

    Args:
        uri: "s3://bucket/folder".

    Returns:
        None where this server cannot list them: another kind of store, no rights, none or too many.
    """
    if not uri.startswith(SCHEME):
        return None
    try:
        client, bucket, folder = private.s3_place(uri)
        files = sorted(_files(client, bucket, folder), key=lambda f: f.path)
    except Exception as e:  # noqa: BLE001 - every store and its client fails in its own way
        _logger.info("not listed: %s (%s)", uri, e)
        return None
    if not 0 < len(files) <= _MOST:
        return None
    return Manifest(tuple(files), utc(None).isoformat(timespec="seconds"))


def _files(client: Any, bucket: str, folder: str) -> Iterator[File]:
    """Yields the newest version of every object of a folder, or the object of exactly that name."""
    under = folder.rstrip("/")
    versions = _versions(client, bucket, under)
    count = 0
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=under):
        for found in page.get("Contents", ()):
            key = str(found["Key"])
            if under and key != under and not key.startswith(f"{under}/"):
                continue  # of a folder whose name begins alike
            count += 1
            if count > _MOST:
                return
            yield File(
                path=f"{SCHEME}{bucket}/{key}",
                size=int(found["Size"]),
                sha256="",
                etag=str(found["ETag"]).strip('"'),
                object_version=versions.get(key, ""),
            )


def _versions(client: Any, bucket: str, under: str) -> dict[str, str]:
    """Returns key -> id of its newest version; nothing where the bucket keeps none, or does not say."""
    if client.get_bucket_versioning(Bucket=bucket).get("Status") != "Enabled":
        return {}
    pages = client.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=under)
    return {
        str(v["Key"]): str(v["VersionId"])
        for page in pages
        for v in page.get("Versions", ())
        if v.get("IsLatest")
    }
