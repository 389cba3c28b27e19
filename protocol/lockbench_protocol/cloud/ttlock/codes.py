"""The errcodes and the limits of the TTLock open platform (ttlock-cloud)."""

from __future__ import annotations

DATE_WINDOW = 300_000
"""How far `date` may be from the cloud's clock, ms."""
TOKEN_SECONDS = 7_776_000
"""How long an access token lives: 90 days."""
REFRESH_SECONDS = 315_360_000
"""How long a refresh token lives: ten years."""
PASSCODES = 250
"""Custom passcodes that a lock may have in the cloud."""
VERIFY_SECONDS = 600
"""How long the code for a new device is good; by our choice."""
HOUR = 3_600_000
"""Generated passcodes start at a whole hour, ms."""
SAME_HOUR = 200
"""Generated passcodes for one use that may start in one hour."""
YEAR = 366 * 86_400_000
"""The longest period of a generated passcode, ms."""

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
