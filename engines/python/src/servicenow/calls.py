"""One call while it runs: its deadline, its credential, and whether a write may have left."""

import json
from dataclasses import dataclass, field
from threading import Lock
from typing import Any
from uuid import uuid4

from .authorizations import Authorization, Header
from .plans import Plan
from .records import Failure, Reason, Retry, WriteHappened
from .remembered import Known, Remembered

STRUCK = "****"
"""What stands in place of a secret."""

MIN_SECRET = 4
"""A shorter text would strike more than secrets."""


@dataclass
class Call:
    """One call, and what is known of it while it runs."""

    plan: Plan[Any]
    deadline: float
    """When it ends, by `time.monotonic`."""
    remembered: Remembered | None = None
    one_time: str | None = None
    """What a delivery's component is given in place of the secret that came with it."""
    authorization: Authorization | None = None
    header: Header | None = None
    secrets: set[str] = field(default_factory=set, repr=False)
    """What is struck from what the component is shown, as it is and as JSON has it."""
    wrote: bool = False
    """Whether a write may have left."""
    refused: str | None = None
    """Why the host ended it."""
    owner: str = field(default_factory=lambda: str(uuid4()))
    told: dict[str, Known] = field(default_factory=dict)
    """What the component was told of records: by that it judged."""
    texts_left: int = 4_096
    """How many texts it may still write into the ledger: a page of changes has 1000 records, and an event
    one."""
    lock: Lock = field(default_factory=Lock)

    def knows(self, *secrets: str) -> None:
        """Has these secrets struck from what the component is shown."""
        for secret in secrets:
            if len(secret) >= MIN_SECRET:
                self.secrets |= {secret, json.dumps(secret)[1:-1]}

    def struck(self, text: str) -> str:
        """A text without secrets."""
        for secret in self.secrets:
            text = text.replace(secret, STRUCK)
        return text

    def ended(self, reason: Reason, message: str) -> Failure:
        """The failure of a call that the host ended. What had left by then decides whether a write is in
        doubt."""
        in_doubt = self.plan.writes and self.wrote
        later = Retry.LATER if reason is Reason.DEADLINE else Retry.NEVER
        return Failure(
            status=None,
            reason=reason,
            message=message,
            detail=None,
            retry=Retry.LOOK_UP_FIRST if in_doubt else later,
            retry_after_ms=None,
            write_happened=WriteHappened.UNKNOWN if in_doubt else WriteHappened.NO,
            correlation_id=self.plan.correlation_id,
        )
