"""What the TTLock open platform answers: a model a call (ttlock-cloud). A failure is JSON with errcode."""

from __future__ import annotations

from enum import Enum

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from lockbench_protocol.cloud.ttlock.codes import ERRORS, OK
from lockbench_protocol.cloud.ttlock.requests import Millis, Seconds


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


class RegisterReply(Reply):
    username: str  # with a prefix: the name to log in with


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
    # settings of the lock as the app last knew them; 0: never told, 1 on, 2 off
    lock_sound: int = 0
    privacy_lock: int = 0
    tamper_alert: int = 0
    reset_button: int = 0
    open_direction: int = 0
    passage_mode: int = 2
    passage_mode_auto_unlock: int = 2
    sound_volume: int = 0
    display_passcode: int = 0
    sensitivity: int = 0
    wireless_keypad_feature_value: str = "0"


class Page(Reply):
    """A part of a list; clients take the number of parts from `pages`."""

    page_no: int
    page_size: int
    pages: int
    total: int


class LockRow(Reply):
    lock_id: int
    lock_name: str
    lock_alias: str
    lock_mac: str
    electric_quantity: int  # percent
    feature_value: str  # hex digits
    has_gateway: int  # 0 or 1
    lock_data: str
    group_id: int
    group_name: str
    date: Millis  # of the initialisation


class LocksReply(Page):
    rows: list[LockRow] = Field(validation_alias="list", serialization_alias="list")


class KeyRow(Reply):
    key_id: int
    lock_data: str
    lock_id: int
    user_type: str  # "110301" administrator, "110302" user
    key_status: str  # "110401" in use
    lock_name: str
    lock_alias: str
    lock_mac: str
    no_key_pwd: str
    electric_quantity: int
    start_date: Millis
    end_date: Millis
    remarks: str
    key_right: int
    feature_value: str
    remote_enable: int
    passage_mode: int
    group_id: int
    group_name: str


class KeysReply(Page):
    rows: list[KeyRow] = Field(validation_alias="list", serialization_alias="list")


class PasscodeRow(Reply):
    keyboard_pwd_id: int
    lock_id: int
    keyboard_pwd: str
    keyboard_pwd_name: str
    keyboard_pwd_type: int
    keyboard_pwd_version: int
    start_date: Millis
    end_date: Millis
    send_date: Millis
    is_custom: int
    sender_username: str
    status: int  # 1 valid, 2 not in the lock (by our reading)


class PasscodesReply(Page):
    rows: list[PasscodeRow] = Field(validation_alias="list", serialization_alias="list")


class CodeReply(PasscodeReply):
    keyboard_pwd: str


class RecordRow(Reply):
    lock_id: int
    record_type: int
    success: int
    username: str
    keyboard_pwd: str
    lock_date: Millis
    server_date: Millis


class RecordsReply(Page):
    rows: list[RecordRow] = Field(validation_alias="list", serialization_alias="list")


class RecoverReply(Reply):
    """The presence of errcode, even 0, is a failure to the vendor's SDK."""

    keyboard_pwd_list: list[PasscodeRow]
    identity_card_list: list[int]
    fingerprint_list: list[int]


class OpenState(int, Enum):
    LOCKED = 0
    UNLOCKED = 1
    UNKNOWN = 2


class OpenStateReply(Reply):
    state: OpenState


class BatteryReply(Reply):
    electric_quantity: int  # percent


class GatewayRow(Reply):
    gateway_id: int
    gateway_mac: str
    gateway_name: str
    gateway_version: int
    lock_num: int
    is_online: int


class GatewaysReply(Page):
    rows: list[GatewayRow] = Field(validation_alias="list", serialization_alias="list")


class NearRow(Reply):
    lock_id: int
    lock_mac: str
    lock_name: str
    lock_alias: str
    rssi: int  # dBm
    update_date: Millis


class NearReply(Reply):
    rows: list[NearRow] = Field(validation_alias="list", serialization_alias="list")
