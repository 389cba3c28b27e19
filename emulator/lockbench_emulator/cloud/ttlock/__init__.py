"""The TTLock open platform over rows of the store."""

from lockbench_emulator.cloud.ttlock.cloud import Ttlock
from lockbench_emulator.cloud.ttlock.core import Caller, Refused, md5

__all__ = ["Caller", "Refused", "Ttlock", "md5"]
