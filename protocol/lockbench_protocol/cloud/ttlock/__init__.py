"""The TTLock open platform: codes, requests, replies, the table of its endpoints, packages and webhooks.

Source of every table here: "ttlock-cloud", the open platform's documents and recordings of real clients.
"""

from lockbench_protocol.cloud.ttlock.codes import (
    DATE_WINDOW,
    ERRORS,
    OK,
    PASSCODES,
    REFRESH_SECONDS,
    TOKEN_SECONDS,
)
from lockbench_protocol.cloud.ttlock.endpoints import ENDPOINTS, Endpoint, Right
from lockbench_protocol.cloud.ttlock.package import (
    PackageError,
    open_key,
    open_package,
    pack_firmware,
    seal_package,
    unpack_firmware,
)
from lockbench_protocol.cloud.ttlock.replies import (
    DetailReply,
    Done,
    FirmwareInfo,
    InitializeReply,
    NeedUpgrade,
    PackageReply,
    PasscodeReply,
    Reply,
    TokenReply,
    UpgradeReply,
)
from lockbench_protocol.cloud.ttlock.requests import (
    InitializeRequest,
    LockDataRequest,
    LockRequest,
    Parameters,
    PasscodeRequest,
    RecheckRequest,
    Request,
    SignedRequest,
    TokenRequest,
)

__all__ = [
    "DATE_WINDOW",
    "ENDPOINTS",
    "ERRORS",
    "OK",
    "PASSCODES",
    "REFRESH_SECONDS",
    "TOKEN_SECONDS",
    "DetailReply",
    "Done",
    "Endpoint",
    "FirmwareInfo",
    "InitializeReply",
    "InitializeRequest",
    "LockDataRequest",
    "LockRequest",
    "NeedUpgrade",
    "PackageError",
    "PackageReply",
    "Parameters",
    "PasscodeReply",
    "PasscodeRequest",
    "RecheckRequest",
    "Reply",
    "Request",
    "Right",
    "SignedRequest",
    "TokenReply",
    "TokenRequest",
    "UpgradeReply",
    "open_key",
    "open_package",
    "pack_firmware",
    "seal_package",
    "unpack_firmware",
]
