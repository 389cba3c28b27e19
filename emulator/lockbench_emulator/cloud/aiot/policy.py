"""What no document of the AIOT cloud settles, as named keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Policy:
    expired_token: Literal[2005, 108] = 2005  # some public clients log in again at 108
    field_codes: bool = False  # 303 for a wrong type and 758 for a text that is too long; else 302 for all
    nothing_newer: Literal[0, 905] = 0  # query: an empty list, or a code
    newest: Literal[0, 904] = 0  # query of one device that runs the newest
    get_queries: bool = True  # older public clients query with GET
    result_version: Literal["target", "running"] = "target"  # in the push that tells of a failure
    language: Literal["en", "zh"] = "en"  # of causes
    bare_version: bool = False  # pushes carry the version without quotes, as printed
    quoted_progress: bool = False  # and the percentage with them
    push_percent: int = 10  # one progress push each
    timeout: int = 600_000  # ms until an upgrade that tells nothing has failed
    token_seconds: int = 7 * 86_400  # where a grant does not say how long it lives
    private_pushes: bool = False  # push addresses other than loopback
