"""The endpoints of the TTLock open platform, a row each (ttlock-cloud).

Routing, checks, documentation and coverage read the same rows. What the platform keeps to itself (the
gateway's own upgrade, the check on the customer's premises) answers -4043.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from lockbench_protocol.cloud.ttlock import replies as a
from lockbench_protocol.cloud.ttlock import requests as q


class Right(Enum):
    """What the caller must be, checked before the handler runs."""

    OPEN = "open"  # not even an app
    NONE = "none"
    USER = "user"  # a live token
    KEY = "key"  # a live token of somebody who has a key to the lock
    ADMIN = "admin"  # a live token of the lock's administrator


@dataclass(frozen=True, slots=True)
class Endpoint:
    name: str  # of its handler
    path: str
    methods: tuple[str, ...]
    request: type[q.Parameters]
    reply: type[a.Reply]
    right: Right
    codes: tuple[int, ...]  # refusals it may give

    @property
    def dated(self) -> bool:
        """Whether a call says when it was made."""
        return "date" in self.request.model_fields


_SIGNED = (10000, 10003, 10004, 30006, 30008, 80000, 90000, -3)
_KEY = (*_SIGNED, -1003)
_ADMIN = (*_KEY, 20002)
_FAR = (-2012, -3002, -3003)
_REMOTE = (*_ADMIN, *_FAR, -2025)
_BY_GATEWAY = (*_ADMIN, *_FAR, -2009)
_GATEWAY = (*_SIGNED, -4037, -4043)
_POST = ("POST",)
_BOTH = ("GET", "POST")

# fmt: off
ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("token", "/oauth2/token", _POST, q.TokenRequest, a.TokenReply, Right.NONE,
             (10000, 10001, 10002, 10007, 10011, 30005, 30008, -3, -1014)),
    Endpoint("register", "/v3/user/register", _BOTH, q.RegisterRequest, a.RegisterReply, Right.NONE,
             (10000, 10001, 30002, 30003, 30005, 80000, -3)),
    Endpoint("initialize", "/v3/lock/initialize", _POST, q.InitializeRequest, a.InitializeReply, Right.USER,
             (*_SIGNED, -4043)),
    Endpoint("locks", "/v3/lock/list", _BOTH, q.LocksRequest, a.LocksReply, Right.USER, _SIGNED),
    Endpoint("keys", "/v3/key/list", _BOTH, q.KeysRequest, a.KeysReply, Right.USER, _SIGNED),
    Endpoint("detail", "/v3/lock/detail", _BOTH, q.LockRequest, a.DetailReply, Right.ADMIN, _ADMIN),
    Endpoint("delete_lock", "/v3/lock/delete", _BOTH, q.LockRequest, a.Done, Right.ADMIN, _REMOTE),
    Endpoint("update_lock_data", "/v3/lock/updateLockData", _POST, q.LockDataRequest, a.Done, Right.ADMIN,
             (*_ADMIN, -2018)),
    Endpoint("upgrade_check", "/v3/lock/upgradeCheck", _BOTH, q.LockRequest, a.UpgradeReply, Right.ADMIN,
             _ADMIN),
    Endpoint("upgrade_recheck", "/v3/lock/upgradeRecheck", _BOTH, q.RecheckRequest, a.UpgradeReply,
             Right.ADMIN, _ADMIN),
    Endpoint("upgrade_package", "/v3/lock/getUpgradePackage", _POST, q.LockRequest, a.PackageReply,
             Right.ADMIN, (1, *_ADMIN)),
    Endpoint("upgrade_success", "/v3/lock/upgradeSuccess", _POST, q.LockDataRequest, a.Done, Right.ADMIN,
             _ADMIN),
    Endpoint("recover_data", "/v3/lock/getRecoverData", _POST, q.LockRequest, a.RecoverReply, Right.ADMIN,
             _ADMIN),
    Endpoint("on_premise", "/v3/lock/upgradeCheckForOnPremise", _POST, q.OnPremiseRequest, a.UpgradeReply,
             Right.OPEN, (10000, -3, -4043)),
    Endpoint("add_passcode", "/v3/keyboardPwd/add", _POST, q.PasscodeRequest, a.PasscodeReply, Right.ADMIN,
             (*_ADMIN, *_FAR, -2032, -3006, -3007, -3009, -3036)),
    Endpoint("get_passcode", "/v3/keyboardPwd/get", _POST, q.GetPasscodeRequest, a.CodeReply, Right.ADMIN,
             (*_ADMIN, -1007, -1026)),
    Endpoint("change_passcode", "/v3/keyboardPwd/change", _POST, q.ChangePasscodeRequest, a.Done, Right.ADMIN,
             (*_BY_GATEWAY, -3006, -3007, -3008)),
    Endpoint("delete_passcode", "/v3/keyboardPwd/delete", _POST, q.DeletePasscodeRequest, a.Done, Right.ADMIN,
             _BY_GATEWAY),
    Endpoint("delete_code", "/v3/keyboardPwd/deleteByCode", _POST, q.DeleteCodeRequest, a.Done, Right.ADMIN,
             _BY_GATEWAY),
    Endpoint("passcodes", "/v3/lock/listKeyboardPwd", _BOTH, q.PasscodesRequest, a.PasscodesReply,
             Right.ADMIN, _ADMIN),
    Endpoint("upload_passcodes", "/v3/keyboardPwd/uploadValidCodeFromLock", _POST, q.UploadPasscodesRequest,
             a.Done, Right.ADMIN, (*_ADMIN, 80002)),
    Endpoint("lock", "/v3/lock/lock", _BOTH, q.LockRequest, a.Done, Right.ADMIN, _REMOTE),
    Endpoint("unlock", "/v3/lock/unlock", _BOTH, q.LockRequest, a.Done, Right.ADMIN, _REMOTE),
    Endpoint("open_state", "/v3/lock/queryOpenState", _BOTH, q.LockRequest, a.OpenStateReply, Right.KEY,
             (*_KEY, -2012, -3002)),
    Endpoint("battery", "/v3/lock/queryElectricQuantity", _BOTH, q.LockRequest, a.BatteryReply, Right.ADMIN,
             _REMOTE),
    Endpoint("upload_records", "/v3/lockRecord/upload", _POST, q.UploadRequest, a.Done, Right.KEY,
             (*_KEY, 80002)),
    Endpoint("records", "/v3/lockRecord/list", _BOTH, q.RecordsRequest, a.RecordsReply, Right.ADMIN, _ADMIN),
    Endpoint("gateways", "/v3/gateway/list", _BOTH, q.GatewaysRequest, a.GatewaysReply, Right.USER, _SIGNED),
    Endpoint("gateway_locks", "/v3/gateway/listLock", _BOTH, q.GatewayRequest, a.NearReply, Right.USER,
             (*_SIGNED, 20002, -1003)),
    Endpoint("gateway_upgrade_mode", "/v3/gateway/setUpgradeMode", _POST, q.GatewayRequest, a.Done,
             Right.USER, _GATEWAY),
    Endpoint("gateway_upgrade_package", "/v3/gateway/getUpgradePackage", _POST, q.GatewayRequest, a.Done,
             Right.USER, _GATEWAY),
    Endpoint("gateway_upgrade_success", "/v3/gateway/upgradeSuccess", _POST, q.GatewayRequest, a.Done,
             Right.USER, _GATEWAY),
)
# fmt: on
