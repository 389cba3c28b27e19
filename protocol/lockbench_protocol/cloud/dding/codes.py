"""The error codes of the dding SaaS (dding V1.6 3.1) and those that only later versions know.

ErrNo 0 is success. English first, then the Chinese of the document's language.
"""

from __future__ import annotations

OK = 0
TOKEN_INVALID = 101
TOKEN_EXPIRED = 102
DUPLICATE = 11000
BAD_PARAMETER = 14001
DATABASE = 14003
INTERNAL = 15000
NOT_FOUND = 15006
NOT_IMPLEMENTED = 15007
ROOM_HAS_LOCK = 15008
HOME_HAS_CENTRE = 15009
DEVICE_EXISTS = 15010
DEVICE_TAKEN = 15011
NO_ROOM = 15012
ADMIN_PASSWORD = 15013
NOT_PERMITTED = 15014

ERRORS: dict[int, tuple[str, str]] = {  # ErrNo: (en, zh), V1.6 3.1
    OK: ("ok", "成功"),
    TOKEN_INVALID: ("invalid token", "Token 无效"),
    TOKEN_EXPIRED: ("token expired", "Token 过期"),
    DUPLICATE: ("the object exists already", "无法添加重复对象"),
    BAD_PARAMETER: ("bad parameter", "参数有误"),
    DATABASE: ("database failure", "数据库操作错误"),
    INTERNAL: ("internal error", "内部错误"),
    NOT_FOUND: ("no such record", "记录不存在"),
    NOT_IMPLEMENTED: ("method not implemented", "方法未实现"),
    ROOM_HAS_LOCK: ("the room has a lock already", "该房间已存在绑定的门锁"),
    HOME_HAS_CENTRE: ("the home has a centre already", "该公寓已存在绑定的中心"),
    DEVICE_EXISTS: ("the device record exists", "设备记录已存在"),
    DEVICE_TAKEN: ("the device is bound by someone else", "设备已被别人绑定"),
    NO_ROOM: ("no such room", "房间信息不存在"),
    ADMIN_PASSWORD: (
        "the administrator password cannot be deleted or frozen",
        "管理员密码不能被删除或冻结",
    ),
    NOT_PERMITTED: ("not permitted", "权限受限"),
}

LATER_ERRORS: dict[int, tuple[str, str]] = {  # later versions, as their clients know them
    422: ("a field has the wrong type", "字段类型错误"),
    1000: ("done (in service callbacks)", "成功"),
    4018: ("token void", "Token 已失效"),
    5006: ("no such password", "密码不存在"),
    5039: ("the end time is too early", "结束时间过早"),
    5101: ("the device did not answer", "设备无应答"),
    14015: ("no such device", "设备不存在"),
    15001: ("invalid access", "非法访问"),
    15004: ("no such home or room", "房屋不存在"),
    15051: ("no such interface", "接口不存在"),
    15605: ("the period is longer than a year", "查询时间超过一年"),
}


def text_of(code: int) -> str:
    """ErrMsg of a refusal: the English words."""
    return (ERRORS.get(code) or LATER_ERRORS[code])[0]
