"""What the user asked for, and the command that asks for it again."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lockbench_protocol import LocalError

from lockbench_harness import targets
from lockbench_harness.suite import INSTEAD, SUITE

if TYPE_CHECKING:
    from lockbench_harness.targets import Target

EFFORTS = {"quick": 1, "full": 10, "soak": 100}  # times the examples of the case
OUTSIDE_EXAMPLES = 5  # at most, a case, when an outside party is waited for


@dataclass(frozen=True, slots=True)
class Plan:
    """The options of `lockbench conform`."""

    lock: str
    profile: str = ""
    credentials: str = ""  # path
    seed: int = 1
    effort: str = "quick"
    strict: bool = False
    out: Path | None = None
    suite: str = SUITE
    instead: str = ""  # what is judged instead of the lock: "exec:COMMAND", "https://..."
    capabilities: str = ""  # path of what is known of the target

    def target(self) -> Target:
        """Raises LocalError."""
        if self.instead and self.instead.partition(":")[0] not in INSTEAD:
            known = ", ".join(INSTEAD)
            raise LocalError(f"{self.instead!r} is neither a client nor a cloud; one begins with {known}")
        credentials = Path(self.credentials) if self.credentials else None
        target = targets.make(self.instead or self.lock, profile=self.profile, credentials=credentials)
        if self.capabilities:
            target.capabilities = targets.load_capabilities(Path(self.capabilities), target.capabilities)
        return target

    def pytest_options(self) -> list[str]:
        """As the suite's plugin reads them."""
        values = {
            "lock": self.lock,
            "instead": self.instead,
            "profile": self.profile,
            "credentials": self.credentials,
            "capabilities": self.capabilities,
            "seed": self.seed,
            "effort": self.effort,
            "out": self.out or "",
            "suite": self.suite,
        }
        options = [f"--lockbench-{name}={value}" for name, value in values.items()]
        return [*options, "--lockbench-strict"] if self.strict else options

    def reproduce(self, case_id: str) -> str:
        """The command that repeats this case as it ran."""
        words = ["lockbench", "conform", case_id, "--seed", str(self.seed)]
        option, _ = INSTEAD.get(self.instead.partition(":")[0], ("--lock", ""))
        words += [option, self.instead or self.lock]
        for name in ("profile", "credentials", "capabilities"):
            value: str = getattr(self, name)
            words += [f"--{name}", value] if value else []
        words += ["--effort", self.effort] if self.effort != "quick" else []
        words += ["--strict"] if self.strict else []
        words += ["--suite", self.suite] if self.suite != SUITE else []
        return shlex.join(words)
