"""A frame of Spark Connect, whose rows lie behind a server: the client knows plans only."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
# A process has either a session of its own or a remote one.
SCRIPT = """
import json, re
from pyspark.sql import SparkSession
from small_log import seen, small_contract, small_log
from test_refusals import RAW, WAYS, tell

session = SparkSession.builder.remote("local[1]").getOrCreate()
log = small_log().astype({"at": "datetime64[us]"})
frame = session.createDataFrame(log)
promise = small_contract({"decided_at": "at", "segment": "part"}, window="7d")
said = {}
for way in ("outcomes that are times", "decided at words", "other arms", "no arms"):
    given = WAYS[way][0]
    times = {k: "datetime64[us]" for k in given if given[k].dtype.kind == "M"}
    told = tell(session.createDataFrame(given.astype(times)))
    said[way] = [told, bool(re.search(WAYS[way][1], told)) and not RAW.search(told)]
print(json.dumps({"kind": type(frame).__module__, "seen": seen(frame, promise, as_of="2026-06-01"), "said": said}))
session.stop()
"""


@pytest.mark.spark
def test_a_connect_frame_is_checked_where_it_lies() -> None:
    """Lift, units and faults are those of the log, and refusals are the usual words."""
    path = os.pathsep.join([str(HERE), str(HERE.parent), str(HERE.parent.parent)])
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
        timeout=500,
    )
    found = json.loads(ran.stdout.strip().splitlines()[-1])
    assert found["kind"] == "pyspark.sql.connect.dataframe"
    assert found["seen"] == [0.12, 400, []]
    assert all(in_words for _, in_words in found["said"].values()), found["said"]
