"""What the lock does for each opcode, one file a family.

A handler gets the lock, the parsed request and the time; it returns the values of the reply layout, or raises
`Refused`. Level of login, layout and features were checked before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lockbench_emulator.lock.handlers import (
    accessories,
    credentials,
    dfu,
    info,
    log,
    login,
    pairing,
    passcode,
    settings,
    unlock,
)

Handler = Callable[[Any, Any, float], Any]
HANDLERS: dict[int, Handler] = {
    **pairing.HANDLERS,
    **login.HANDLERS,
    **unlock.HANDLERS,
    **info.HANDLERS,
    **passcode.HANDLERS,
    **credentials.HANDLERS,
    **log.HANDLERS,
    **settings.HANDLERS,
    **dfu.HANDLERS,
    **accessories.HANDLERS,
}
