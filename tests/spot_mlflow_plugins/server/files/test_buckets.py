"""Tests of what a bucket says of files outside the server, on a server that speaks S3."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
import requests
from gated import gated_mlflow_server
from servers import free_port

from spot_mlflow_plugins.server.files.buckets import listed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

boto3 = pytest.importorskip("boto3")
moto = pytest.importorskip("moto.server")
KEYS = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "us-east-1"}


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of an object store with a bucket that keeps versions, and one that does not."""
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=free_port())
    server.start()
    address = "http://{}:{}".format(*server.get_host_and_port())
    for name, value in {**KEYS, "MLFLOW_S3_ENDPOINT_URL": address}.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3", endpoint_url=address)
    for name in ("plain", "versioned"):
        client.create_bucket(Bucket=name)
        client.put_object(Bucket=name, Key="models/m/MLmodel", Body=b"flavors: {}")
        client.put_object(Bucket=name, Key="models/m/data/x.bin", Body=b"\0" * 1000)
        client.put_object(Bucket=name, Key="models/m2/MLmodel", Body=b"another")
    client.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": "Enabled"})
    yield client
    server.stop()


@pytest.mark.parametrize("name", ["plain", "versioned"])
def test_a_replaced_file_shows(bucket: Any, name: str) -> None:
    """Each file by address, size and ETag, with the object's version where the bucket keeps them."""
    first = listed(f"s3://{name}/models/m")
    assert first is not None
    assert [(f.path, f.size, f.sha256) for f in first.files] == [
        (f"s3://{name}/models/m/MLmodel", 11, ""),
        (f"s3://{name}/models/m/data/x.bin", 1000, ""),
    ]
    head = bucket.head_object(Bucket=name, Key="models/m/MLmodel")
    assert first.files[0].etag == head["ETag"].strip('"')
    again = listed(f"s3://{name}/models/m/")
    assert again is not None
    assert again.digest == first.digest
    bucket.put_object(Bucket=name, Key="models/m/MLmodel", Body=b"forged: {} ")
    bucket.put_object(Bucket=name, Key="models/m/added", Body=b"x")
    after = listed(f"s3://{name}/models/m")
    assert after is not None
    changed = f"s3://{name}/models/m/MLmodel was changed"
    assert set(first.differences(after)) == {changed, f"s3://{name}/models/m/added was added"}
    assert bool(after.files[1].object_version) is (name == "versioned")


def test_what_cannot_be_listed_has_no_list(bucket: Any) -> None:
    """Neither an empty folder, a bucket that is not there, nor another kind of store."""
    del bucket
    for address in ("s3://plain/none", "s3://no-such-bucket/m", "s3://", "gs://plain/models/m", ""):
        assert listed(address) is None


@pytest.mark.journey
def test_server_tells_of_a_file_replaced_in_a_bucket(tmp_path: Path, bucket: Any) -> None:
    """It is listed after registration, is not protected, and the replaced file is named when asked."""
    address = str(bucket.meta.endpoint_url)
    more = {**KEYS, "MLFLOW_S3_ENDPOINT_URL": address}
    with gated_mlflow_server(tmp_path, workers=1, environment=more) as server:
        api, route = f"{server.url}/api/2.0/mlflow", f"{server.url}/ajax-api/2.0/spot"
        asked = {"model": "far", "version": "1"}
        requests.post(f"{api}/registered-models/create", json={"name": "far"}, timeout=60)
        said = {"name": "far", "source": "s3://plain/models/m"}
        made = requests.post(f"{api}/model-versions/create", json=said, timeout=60)
        assert made.status_code == 200, made.text
        found: dict[str, Any] = {}
        for _ in range(300):
            found = requests.get(f"{route}/files", params=asked, timeout=60).json()
            if found["manifest"]:
                break
            time.sleep(0.2)
        assert (found["where"], len(found["manifest"])) == ("outside", 64)
        bucket.put_object(Bucket="plain", Key="models/m/MLmodel", Body=b"forged: {} ")
        query = {"model": "far", "files": "1"}
        said = requests.get(f"{route}/verify", params=query, timeout=120).json()
        assert "MLmodel was changed" in str(said["models"][0]["findings"])
