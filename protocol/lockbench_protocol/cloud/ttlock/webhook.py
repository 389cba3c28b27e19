"""The records that the TTLock cloud posts to an app's address: a form, its `records` a JSON array.

Field names as recorded from the platform; that the answer is "success" is known from memory of its documents.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from lockbench_protocol import RemoteError
from lockbench_protocol.cloud.ttlock.requests import Millis

RECORDS = "1"
"""notifyType of lock records."""
TAKEN = "success"
CONTENT_TYPE = "application/x-www-form-urlencoded"


class WebhookRecord(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, frozen=True, populate_by_name=True)

    lock_id: int
    lock_mac: str
    record_type: int
    success: int
    username: str
    keyboard_pwd: str = ""
    electric_quantity: int  # percent
    lock_date: Millis  # by the lock's clock
    server_date: Millis


class WebhookError(RemoteError):
    """What came is no notice of records."""


_ROWS = TypeAdapter(list[WebhookRecord])


def webhook_body(lock_id: int, lock_mac: str, records: Sequence[WebhookRecord]) -> str:
    """The form. Without records it is the probe that comes when an address is registered."""
    rows = [record.model_dump(by_alias=True) for record in records]
    return urlencode(
        {
            "lockId": lock_id,
            "lockMac": lock_mac,
            "notifyType": RECORDS,
            "records": json.dumps(rows, ensure_ascii=False, separators=(",", ":")),
        }
    )


def read_webhook(form: dict[str, object]) -> list[WebhookRecord]:
    """The records in a form. WebhookError when it is none."""
    try:
        return _ROWS.validate_json(str(form.get("records", "")))
    except ValidationError:
        raise WebhookError("records is no JSON array of lock records") from None
