"""What happened, as one stream of events: NDJSON, stamped with the loop's time and never with the wall's.

Secrets are masked here, once: `Mask` knows them, and every text that leaves the bench passes through it.
"""

from __future__ import annotations

from lockbench_harness.trace.mask import Mask
from lockbench_harness.trace.stream import Fields, Trace

__all__ = ["Fields", "Mask", "Trace"]
