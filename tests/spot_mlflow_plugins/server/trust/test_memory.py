"""Test that large blocks go back to the machine."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import threading
from pathlib import Path
from spot_mlflow_plugins.server.trust.memory import give_back_large_blocks

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 // 2**20

def work(size):
    for _ in range(3):
        text = b"x" * size
        del text

give_back_large_blocks()
before = resident()
for size in range(20, 32):
    thread = threading.Thread(target=work, args=(size * 2**20,))
    thread.start()
    thread.join()
print(resident() - before)
"""


def test_memory_of_large_requests_goes_back() -> None:
    """After many blocks of 20 to 31 MB, in many threads, no more is held than before."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=300, check=True
    )
    assert int(done.stdout) < 15
