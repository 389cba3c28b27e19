"""The codes of the AIOT cloud, as public clients of it carry them; its page on upgrades promises only 0.

The `code` of a failure stands in the body of HTTP 200. English first, then Chinese, in our words.
"""

from __future__ import annotations

OK = 0
NO_TOKEN = 109
BAD_FIELD = 302
BAD_TYPE = 303
BAD_METHOD = 304
BAD_HEADER = 305
BAD_PATH = 306
TOO_MANY = 429
FAILURE = 500
NOT_REGISTERED = 601
OFFLINE = 602
NO_SUCH_DEVICE = 604
FOREIGN_DEVICE = 717
TOO_LONG = 758
UPGRADE_ERROR = 901
NO_FIRMWARE = 902
NEWEST = 904
QUERY_EMPTY = 905
NOTHING_TO_UPDATE = 906
RUNNING = 908
GATEWAY_RUNNING = 909
CHILDREN_RUNNING = 910
NOT_THIS_WAY = 912
BAD_APP = 2002
BAD_TOKEN = 2004
TOKEN_EXPIRED = 2005
BAD_OPEN_ID = 2009
NOT_AUTHORISED = 2010

ERRORS: dict[int, tuple[str, str]] = {  # code: (en, zh)
    OK: ("success", "成功"),
    100: ("timeout", "超时"),
    101: ("bad data package", "数据包无效"),
    102: ("data package altered", "数据包被改动"),
    103: ("data package may be lost", "数据包可能丢失"),
    104: ("server busy", "服务器正忙"),
    105: ("data package expired", "数据包已过期"),
    106: ("bad signature", "签名错误"),
    107: ("illegal app key", "应用密钥非法"),
    108: ("token expired", "令牌已过期"),
    NO_TOKEN: ("token missing", "缺少令牌"),
    BAD_FIELD: ("parameter error", "参数错误"),
    BAD_TYPE: ("parameter type error", "参数类型错误"),
    BAD_METHOD: ("method not supported", "请求方法不支持"),
    BAD_HEADER: ("header parameter error", "请求头参数错误"),
    BAD_PATH: ("path not open", "路径未开放"),
    403: ("forbidden", "禁止访问"),
    TOO_MANY: ("too many requests", "请求过多"),
    FAILURE: ("service failure", "服务失败"),
    501: ("proxy failure", "代理失败"),
    NOT_REGISTERED: ("device not registered", "设备未注册"),
    OFFLINE: ("device offline", "设备离线"),
    603: ("no permission on device", "没有设备权限"),
    NO_SUCH_DEVICE: ("illegal device id", "设备标识非法"),
    605: ("device info inconsistent", "设备信息不一致"),
    606: ("request not supported by device", "设备不支持该请求"),
    612: ("gateway did not answer", "网关无应答"),
    615: ("parent device not found", "找不到父设备"),
    664: ("function not supported", "功能不支持"),
    706: ("no permission on device (position)", "没有设备权限 位置层"),
    FOREIGN_DEVICE: ("device not of this user", "设备不属于该用户"),
    756: ("no permission", "没有权限"),
    TOO_LONG: ("parameter too long", "参数过长"),
    801: ("account not registered", "账号未注册"),
    802: ("account not logged in", "账号未登录"),
    803: ("user has no permission", "用户没有权限"),
    804: ("token void", "令牌已失效"),
    UPGRADE_ERROR: ("upgrade error", "升级出错"),
    NO_FIRMWARE: ("firmware does not exist", "固件不存在"),
    903: ("package does not exist", "升级包不存在"),
    NEWEST: ("firmware already newest", "固件已是最新"),
    QUERY_EMPTY: ("firmware query empty", "固件查询为空"),
    NOTHING_TO_UPDATE: ("nothing to update", "没有可升级的固件"),
    907: ("upgrade failed", "升级失败"),
    RUNNING: ("device is being upgraded", "设备正在升级"),
    GATEWAY_RUNNING: ("the device's gateway is being upgraded", "所属网关正在升级"),
    CHILDREN_RUNNING: ("the gateway's devices are being upgraded", "网关的子设备正在升级"),
    911: ("the device's gateway is upgraded as well", "所属网关一并升级"),
    NOT_THIS_WAY: ("the model cannot be upgraded this way", "该型号不支持此升级方式"),
    BAD_APP: ("Appid or Appkey illegal", "Appid 或 Appkey 非法"),
    BAD_TOKEN: ("access token wrong", "访问令牌错误"),
    TOKEN_EXPIRED: ("access token expired", "访问令牌已过期"),
    2006: ("refresh token wrong", "刷新令牌错误"),
    2007: ("refresh token expired", "刷新令牌已过期"),
    2008: ("permission denied", "没有权限"),
    BAD_OPEN_ID: ("openId invalid", "openId 无效"),
    NOT_AUTHORISED: ("user not authorised", "用户未授权"),
    2011: ("query result empty", "查询结果为空"),
    2013: ("developer permission denied", "开发者没有权限"),
    2014: ("resource permission denied", "资源没有权限"),
    2018: ("IP setting over limit", "IP 设置超限"),
    2022: ("application not activated", "应用未激活"),
}


def text_of(code: int) -> str:
    """`message` of an answer: the English words."""
    return ERRORS[code][0]
