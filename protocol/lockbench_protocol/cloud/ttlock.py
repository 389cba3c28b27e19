"""The TTLock open platform: endpoints, models, codes and the firmware package (ttlock-cloud).

An endpoint is a row; routing, checks, documentation and coverage read the same rows. Requests come as text
in query and form; one type for each unit. A failure is JSON with errcode, inside HTTP 200.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import Enum
from typing import Annotated

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from lockbench_protocol import RemoteError
from lockbench_protocol.lock.cipher import CipherError, cipher
from lockbench_protocol.lock.obfuscation import FieldError, decode_field, encode_field

DATE_WINDOW = 300_000
"""How far `date` may be from the cloud's clock, ms."""
TOKEN_SECONDS = 7_776_000
"""How long an access token lives: 90 days."""
REFRESH_SECONDS = 315_360_000
"""How long a refresh token lives: ten years."""
PASSCODES = 250
"""Custom passcodes that a lock may have in the cloud."""

OK = "none error message"

ERRORS: dict[int, tuple[str, str]] = {  # errcode: (errmsg, description)
    0: (OK, "操作成功"),
    1: ("failed or no", "操作失败"),
    -3: ("invalid parameter", "参数无效"),
    10000: ("unknown client_id", "client_id 不存在"),
    10001: ("wrong client id or secret", "client_id 或密钥错误"),
    10002: ("invalid or used code", "授权码无效或已用过"),
    10003: ("unknown token", "access_token 不存在"),
    10004: ("token expired or revoked", "access_token 已过期或已作废"),
    10005: ("scope not granted", "scope 未授权"),
    10006: ("the app is not reviewed: test accounts only", "应用未审核 只能使用测试账号"),
    10007: ("wrong account or password", "账号或密码错误"),
    10008: ("wrong redirect_uri", "redirect_uri 错误"),
    10009: ("wrong response_type", "response_type 错误"),
    10010: ("wrong grant_type", "grant_type 错误"),
    10011: ("invalid refresh_token", "refresh_token 无效"),
    20000: ("invalid openid", "openid 无效"),
    20001: ("not a key holder", "没有该锁的钥匙"),
    20002: ("not the lock's administrator", "不是锁的管理员"),
    20003: ("key, lock and user do not match", "钥匙与锁或用户不符"),
    20004: ("no such key", "钥匙不存在"),
    20005: ("wrong backup key password", "备份钥匙密码错误"),
    20006: ("no such receiver", "接收者不存在"),
    20007: ("invalid keyboardPwdVersion", "键盘密码版本无效"),
    20008: ("invalid lock name", "锁名无效"),
    30001: ("no right to use this interface", "无权调用该接口"),
    30002: ("a username has letters and digits only", "用户名只能是字母和数字"),
    30003: ("the user exists", "用户已存在"),
    30004: ("this user cannot be deleted", "该用户不可删除"),
    30005: ("the password must be an md5 text", "密码须为 md5 文本"),
    30006: ("call limit reached", "调用次数超限"),
    30007: ("monthly call limit reached", "本月调用次数超限"),
    30008: ("the host of another region", "区域域名不符"),
    80000: ("date is not within 5 minutes", "date 与当前时间相差超过 5 分钟"),
    80002: ("bad JSON", "JSON 格式错误"),
    90000: ("internal error", "服务器内部错误"),
    -1003: ("no such lock", "锁不存在"),
    -1007: ("no passcode data", "没有键盘密码数据"),
    -1008: ("no such key", "钥匙不存在"),
    -1014: ("new device: a verification code is needed", "新设备登录 需要验证码"),
    -1016: ("the group name exists", "分组名已存在"),
    -1018: ("no such group", "分组不存在"),
    -1021: ("no such card", "卡不存在"),
    -1026: ("a code of the same period was deleted before", "同一时段的密码曾被删除"),
    -1027: ("the account is bound elsewhere", "账号已绑定"),
    -2009: ("no such passcode", "密码不存在"),
    -2012: ("no gateway near the lock", "锁附近没有网关"),
    -2018: ("permission denied", "没有权限"),
    -2019: ("a key to yourself", "不能给自己发钥匙"),
    -2020: ("a key to the administrator", "不能给管理员发钥匙"),
    -2023: ("the period cannot be changed now", "有效期暂不可改"),
    -2025: ("the lock is frozen", "锁已冻结"),
    -2032: ("the passcode is too simple", "密码过于简单"),
    -3002: ("the gateway is offline", "网关不在线"),
    -3003: ("the gateway is busy", "网关正忙"),
    -3006: ("wrong passcode length", "密码长度不符"),
    -3007: ("the passcode exists", "密码已存在"),
    -3008: ("a passcode that was never used cannot be changed", "未使用过的密码不可修改"),
    -3009: ("no space for passcodes", "密码数量已满"),
    -3011: ("a transfer to yourself", "不能转给自己"),
    -3016: ("a gateway transfer to yourself", "网关不能转给自己"),
    -3034: ("the WiFi lock has no network", "WiFi 锁未联网"),
    -3035: ("the WiFi lock saves power", "WiFi 锁处于省电模式"),
    -3036: ("the lock is offline", "锁不在线"),
    -3037: ("the lock is busy", "锁正忙"),
    -3039: ("your own key is too short", "自己的钥匙有效期不足"),
    -3046: ("no right to unlock remotely", "没有远程开锁权限"),
    -4037: ("no such gateway", "网关不存在"),
    -4043: ("function not supported", "不支持该功能"),
    -4056: ("memory is full", "存储空间不足"),
    -4063: ("remove your locks first", "请先删除名下的锁"),
    -4064: ("the receiver is not registered", "接收者未注册"),
    -4067: ("the NB device is not registered", "NB 设备未注册"),
    -4082: ("auto-lock time out of range", "自动闭锁时间超出范围"),
}

# Requests -------------------------------------------------------------------------------------------------


def _decimal(value: object) -> object:
    """Forms carry numbers as decimal text; JSON-minded callers pass numbers."""
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value):
        return int(value)
    return None if isinstance(value, str) else value


Number = Annotated[int, Field(ge=-(2**53), le=2**53, strict=True), BeforeValidator(_decimal)]
Millis = Annotated[Number, Field(ge=0)]  # ms since 1970
Seconds = Annotated[Number, Field(ge=0)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$")]
Blob = Annotated[str, StringConstraints(min_length=1, max_length=16384, pattern=r"^[A-Za-z0-9+/=]+$")]


class Request(BaseModel):
    """The parameters of one call; unknown ones are ignored."""

    model_config = ConfigDict(alias_generator=to_camel, frozen=True)

    client_id: Text = Field(validation_alias=AliasChoices("clientId", "client_id"))


class TokenRequest(Request):
    client_secret: Text = Field(validation_alias=AliasChoices("clientSecret", "client_secret"))
    grant_type: Text = Field("password", alias="grant_type")
    username: Text | None = None
    password: Text | None = None
    refresh_token: Text | None = Field(None, alias="refresh_token")


class SignedRequest(Request):
    access_token: Text
    date: Millis


class LockRequest(SignedRequest):
    lock_id: Number


class InitializeRequest(SignedRequest):
    lock_data: Blob
    lock_alias: Text | None = None
    group_id: Number | None = None
    nb_init_success: Number | None = None


class LockDataRequest(LockRequest):
    lock_data: Blob


class RecheckRequest(LockDataRequest):
    """Three generations of parameters exist; the older ones come beside lockData."""

    firmware_info: Text | None = None
    model_num: Text | None = None
    hardware_revision: Text | None = None
    firmware_revision: Text | None = None
    special_value: Number | None = None


class PasscodeRequest(LockRequest):
    keyboard_pwd: Text
    keyboard_pwd_name: Text | None = None
    keyboard_pwd_type: Number = 3
    start_date: Millis | None = None
    end_date: Millis | None = None
    add_type: Number = 1


# Replies --------------------------------------------------------------------------------------------------


class Reply(BaseModel):
    """A success; fields that are None are left out. Data replies carry no errcode."""

    model_config = ConfigDict(alias_generator=to_camel, frozen=True, populate_by_name=True)

    def body(self) -> dict[str, object]:
        return self.model_dump(by_alias=True, exclude_none=True)


class Done(Reply):
    """What commands answer."""

    errcode: int = 0
    errmsg: str = OK
    description: str = ERRORS[0][1]


class TokenReply(Reply):
    model_config = ConfigDict(alias_generator=None)

    access_token: str  # 32 hex digits
    refresh_token: str
    expires_in: Seconds
    uid: int | None = None  # not when refreshing


class InitializeReply(Reply):
    lock_id: int
    key_id: int


class PasscodeReply(Reply):
    keyboard_pwd_id: int


class FirmwareInfo(Reply):
    """What runs on the lock now, as far as the cloud knows."""

    model_num: str
    hardware_revision: str
    firmware_revision: str


class NeedUpgrade(int, Enum):
    NO = 0
    YES = 1
    UNKNOWN = 2


class UpgradeReply(Reply):
    need_upgrade: NeedUpgrade
    firmware_info: FirmwareInfo | None = None
    firmware_package: str | None = None  # see `seal_package`; only when there is something newer
    version: str | None = None  # the newest


class PackageReply(Done):
    url: str | None = None
    decryption_key: str | None = None  # obfuscated: see `encode_field`


class LockVersionReply(Reply):
    protocol_type: int
    protocol_version: int
    scene: int
    group_id: int
    org_id: int


class DetailReply(Reply):
    """Clients cannot do without the first five; clouds leave out others."""

    lock_id: int
    lock_name: str
    lock_mac: str
    admin_pwd: str  # obfuscated, as in lockData
    date: Millis  # of the initialisation
    lock_alias: str = ""
    lock_key: str | None = None  # obfuscated
    aes_key_str: str | None = None
    lock_update_date: Millis | None = None
    keyboard_pwd_version: int = 4
    has_gateway: int = 0
    is_frozen: int = 0
    auto_lock_time: int = -1
    timezone_raw_offset: int = 0
    lock_flag_pos: int = 0
    special_value: int = 0
    electric_quantity: int = 100
    no_key_pwd: str = ""
    delete_pwd: str = ""
    feature_value: str = ""
    model_num: str = ""
    hardware_revision: str = ""
    firmware_revision: str = ""
    lock_version: LockVersionReply | None = None


# Endpoints ------------------------------------------------------------------------------------------------


class Right(Enum):
    """What the caller must be, checked before the handler runs."""

    NONE = "none"
    USER = "user"  # a live token
    ADMIN = "admin"  # a live token of the lock's administrator


@dataclass(frozen=True, slots=True)
class Endpoint:
    name: str  # of its handler
    path: str
    methods: tuple[str, ...]
    request: type[Request]
    reply: type[Reply]
    right: Right
    codes: tuple[int, ...]  # refusals it may give


_SIGNED = (10000, 10003, 10004, 30006, 80000, 90000, -3)
_ADMIN = (*_SIGNED, 20002, -1003)
_POST = ("POST",)
_BOTH = ("GET", "POST")

# fmt: off
ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("token", "/oauth2/token", _POST, TokenRequest, TokenReply, Right.NONE,
             (10000, 10001, 10007, 10011, 30005, -3)),
    Endpoint("initialize", "/v3/lock/initialize", _POST, InitializeRequest, InitializeReply, Right.USER,
             (*_SIGNED, -4043)),
    Endpoint("detail", "/v3/lock/detail", _BOTH, LockRequest, DetailReply, Right.ADMIN, _ADMIN),
    Endpoint("update_lock_data", "/v3/lock/updateLockData", _POST, LockDataRequest, Done, Right.ADMIN,
             (*_ADMIN, -2018)),
    Endpoint("upgrade_check", "/v3/lock/upgradeCheck", _BOTH, LockRequest, UpgradeReply, Right.ADMIN, _ADMIN),
    Endpoint("upgrade_recheck", "/v3/lock/upgradeRecheck", _BOTH, RecheckRequest, UpgradeReply, Right.ADMIN,
             _ADMIN),
    Endpoint("upgrade_package", "/v3/lock/getUpgradePackage", _POST, LockRequest, PackageReply, Right.ADMIN,
             (1, *_ADMIN)),
    Endpoint("upgrade_success", "/v3/lock/upgradeSuccess", _POST, LockDataRequest, Done, Right.ADMIN, _ADMIN),
    Endpoint("add_passcode", "/v3/keyboardPwd/add", _POST, PasscodeRequest, PasscodeReply, Right.ADMIN,
             (*_ADMIN, -2012, -2032, -3002, -3003, -3006, -3007, -3009, -3036)),
)
# fmt: on

# The firmware package -------------------------------------------------------------------------------------


class PackageError(RemoteError):
    """What the cloud gave is no firmware package."""


def pack_firmware(image: bytes, key: str) -> bytes:
    """The file at the package's address: the image under AES-CBC, key and IV the 16 ASCII bytes of `key`."""
    return cipher(key.encode("ascii")).encrypt(image)


def unpack_firmware(data: bytes, key: str) -> bytes:
    """The image inside; PackageError when key or file are wrong."""
    if len(key) != 16 or not key.isascii():
        raise PackageError("the key of a firmware package has 16 ASCII characters")
    try:
        return cipher(key.encode("ascii")).decrypt(data)
    except CipherError as error:
        raise PackageError(f"the firmware package does not decrypt: {error}") from None


def seal_package(url: str, key: str, seed: int) -> str:
    """The `firmwarePackage` text of upgradeCheck: address and key in one obfuscated JSON."""
    return encode_field(json.dumps({"decryptionKey": key, "url": url}, separators=(",", ":")), seed)


def open_package(text: str) -> tuple[str, str]:
    """(address, key) of a `firmwarePackage` text; PackageError when it is none."""
    try:
        row = json.loads(decode_field(text))
        url, key = row["url"], row["decryptionKey"]
    except (FieldError, ValueError, TypeError, KeyError, RecursionError):
        raise PackageError("firmwarePackage does not decode to an address and a key") from None
    if not isinstance(url, str) or not isinstance(key, str):
        raise PackageError("address and key of a firmware package are texts")
    return url, key


def open_key(text: str) -> str:
    """The 16 characters inside a `decryptionKey`; PackageError when it does not decode to as many."""
    try:
        key = decode_field(text)
    except FieldError as error:
        raise PackageError(f"decryptionKey: {error}") from None
    if len(key) != 16:
        raise PackageError(f"decryptionKey hides {len(key)} characters, not 16")
    return key
