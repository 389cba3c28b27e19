"""What the AIOT cloud pushes to an application while it upgrades a device ("AIOT OTA").

The page prints firmwareVersion and progress without quotes; a version is no JSON number, so a text is sent.
A lenient reader takes what a literal reading of the page would send.
"""

from __future__ import annotations

import json
import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from lockbench_protocol import RemoteError
from lockbench_protocol.cloud.aiot.models import Percent

FAILED: Literal["0"] = "0"
DONE: Literal["1"] = "1"

CAUSES: dict[str, tuple[str, str]] = {  # cause of an upgradeResult 0: (en, zh); our words, none are printed
    "download": ("download failed", "下载失败"),
    "checksum": ("checksum mismatch", "校验不符"),
    "offline": ("device offline", "设备离线"),
    "battery": ("low battery", "电量不足"),
    "timeout": ("timeout", "超时"),
    "rejected": ("rejected by device", "设备拒绝"),
}

Word = Annotated[str, StringConstraints(strict=True, min_length=1)]


class _Push(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)

    did: Word
    firmware_version: Word  # the target in progress and in both results


class Progress(_Push):
    msg_type: Literal["ota_upgrade_progress"] = "ota_upgrade_progress"
    progress: Percent  # never decreasing


class Result(_Push):
    """The last push of an upgrade, exactly one."""

    msg_type: Literal["ota_upgrade_result"] = "ota_upgrade_result"
    upgrade_result: Literal["0", "1"]
    cause: str | None = None  # of a failure only


Push = Progress | Result
_ANY: TypeAdapter[Push] = TypeAdapter(Annotated[Push, Field(discriminator="msg_type")])


class PushError(RemoteError):
    """What came is no push of this cloud."""


def push_body(push: Push, *, bare_version: bool = False, quoted_progress: bool = False) -> str:
    """The JSON text of a push. `bare_version` writes the version as the page prints it, without quotes."""
    row = {"msgType": push.msg_type} | push.model_dump(by_alias=True, exclude_none=True)
    if quoted_progress and "progress" in row:
        row["progress"] = str(row["progress"])
    version = row["firmwareVersion"]
    text = json.dumps(row, ensure_ascii=False, separators=(",", ":"))
    return text.replace(json.dumps(version, ensure_ascii=False), version, 1) if bare_version else text


def read_push(raw: bytes, *, strict: bool = False) -> Push:
    """The push in a body. Lenient: a bare version, a quoted percentage, a bare result. PushError else."""
    try:
        text = raw.decode()
        if not strict:
            text = re.sub(
                r'("firmwareVersion"\s*:\s*)([0-9A-Za-z][0-9A-Za-z._-]*)(\s*[,}])', r'\1"\2"\3', text
            )
        row = json.loads(text)
        if not strict and isinstance(row, dict):
            row = {name: _usual(name, value) for name, value in row.items()}
        return _ANY.validate_python(row)
    except ValidationError as error:
        fields = sorted({".".join(map(str, part["loc"])) or "msgType" for part in error.errors()})
        raise PushError(f"the push is wrong in {', '.join(fields)}") from None
    except (ValueError, RecursionError):
        raise PushError("the push is no JSON") from None


def _usual(name: str, value: object) -> object:
    if name == "progress" and isinstance(value, str) and re.fullmatch("[0-9]{1,3}", value):
        return int(value)
    if name == "upgradeResult" and value in (0, 1) and not isinstance(value, bool):
        return str(value)
    return value
