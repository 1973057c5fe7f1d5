"""What tests of the checks share: helpers that stand beside them."""

from __future__ import annotations

import sys
from pathlib import Path

# Helpers stand beside the tests ("from contract_log import ...").
sys.path.insert(0, str(Path(__file__).parent))
