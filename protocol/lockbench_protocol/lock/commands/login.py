"""The challenge: 41 or 55, then 30 (ttlock-ble 5.3)."""

from __future__ import annotations

from construct import Int24ub, Int32ub, Struct

from lockbench_protocol.lock.commands.row import DATE5, NOTHING, Command, Level

MODULUS = 1 << 32  # the answer to a challenge is (ps + unlock key) mod 2^32

ROWS = (
    Command(
        0x41,
        "CHECK_ADMIN",
        Level.ANYONE,
        Struct("admin_ps" / Int32ub, "lock_flag_pos" / Int24ub, "uid" / Int32ub),
        Struct("ps" / Int32ub),
        "5.3",
    ),
    Command(
        0x55,
        "CHECK_USER_TIME",
        Level.ANYONE,
        Struct("start" / DATE5, "end" / DATE5, "lock_flag_pos" / Int24ub, "uid" / Int32ub),
        Struct("ps" / Int32ub),
        "5.3",
    ),
    Command(0x30, "CHECK_RANDOM", Level.CHECKED, Struct("sum" / Int32ub), NOTHING, "5.3"),
)
