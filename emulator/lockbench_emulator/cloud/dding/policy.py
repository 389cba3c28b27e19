"""What no document of the dding SaaS settles, as named keys, and the profiles that are sets of their values.

`v1.6` is the document; `v2017` and `v2` add what later clients and checks of the vendor expect.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Policy:
    strict: bool = False  # names and flags as printed only; lenient takes every known spelling and says so
    http_status: bool = False  # 405 and 404 for a wrong verb and path; else 200 with 15007
    errmsg: str = "ok"  # of a success; the document prints no text
    later: bool = False  # fields, events and op ids that V1.6 does not know
    services: bool = False  # serviceid in every reply that starts an operation, and its callback at the end
    sign: bool = False  # callbacks carry the signature
    token_seconds: int = 30 * 86_400  # clients renew when less than a day is left
    one_token: bool = False  # a new token ends the client's earlier ones
    unknown_client: int = 15006  # a pair that was never issued
    unknown_home: int = 15006
    unknown_password: int = 15006
    name_type: int = 14001  # add_password with a name that is no text
    uuid_checks_home: bool = False  # a right uuid with a wrong home_id is 15006; else uuid alone decides
    centre_room: Literal["home", "empty"] = "home"  # room_id of a gateway: side note, or the sample
    several_centres: bool = False  # a home takes more than one gateway; else 15009
    admin_orders: bool = True  # the enterprise administrator may do what the merchant may
    same_digits: Literal["device", "cloud"] = "device"  # the lock fails, or the cloud answers 11000
    saas_permanent_status: Literal[1, 2] = 1  # permission.status of a code without a window made here
    hour_rounding: bool = False  # windows are widened to whole hours
    delay: int = 300  # ms until a command reaches the lock
    timeout: int = 30_000  # ms until a command that did not leave, or is unanswered, is looked after
    dynamic_seconds: int = 300  # how long a dynamic code opens
    wrong_codes: int = 3  # in a row, for wrongPwdAlarm
    battery_at_ten: bool = False  # exactly 10 percent alarms too
    clear_battery: Literal["clearBattryAlarm", "clearBatteryAlarm"] = "clearBattryAlarm"
    day_offset: int = 8 * 3600  # s; where the days of an order begin
    ack_text: bool = True  # a 2xx answer that is no JSON counts as taken; strict: failed
    private_callbacks: bool = False  # callback addresses other than loopback


PROFILES: Mapping[str, Policy] = {
    "v1.6": Policy(),
    "v2017": Policy(later=True, services=True),
    "v2": Policy(
        later=True,
        services=True,
        sign=True,
        unknown_home=15004,
        unknown_password=5006,
        name_type=422,
        uuid_checks_home=True,
        several_centres=True,
    ),
}
