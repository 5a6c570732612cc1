"""What an act that destroys is: a verb, a target whose name is typed, and what else the request names."""

import hashlib
from dataclasses import dataclass

from strongroom.settings import Settings
from strongroom.stepup.errors import StepUpUnnamedError

REGULATED = frozenset({"GDPR", "SOX"})
MOST_NAME = 1024
MOST_SUBJECT = 256


@dataclass(frozen=True, slots=True)
class Act:
    """One thing somebody wants to do once, as its request says it."""

    verb: str
    target: str
    subject: str = ""

    def verify_named(self) -> None:
        """Return if the target is named; raises StepUpUnnamedError."""
        if not self.target:
            raise StepUpUnnamedError(
                "What would be destroyed is not named.",
                next_step="Repeat its name: --confirm NAME, or `confirm` over HTTP",
            )

    def binding(self, account_id: str) -> bytes:
        """Return what a challenge of an operator is bound to.

        SHA-256 over `strongroom step-up 1`, verb, target, subject and operator; each as its length in bytes (8, big
        endian) and UTF-8, so that no two acts are spelled alike.
        """
        digest = hashlib.sha256()
        for part in ("strongroom step-up 1", self.verb, self.target, self.subject, account_id):
            data = part.encode()
            digest.update(len(data).to_bytes(8, "big") + data)
        return digest.digest()


def is_regulated(settings: Settings, source: str) -> bool:
    """Say whether the policy of a source answers to a regulation that gives deletions a day; unknown ones count so."""
    configured = settings.sources.get(source)
    policy = None if configured is None else settings.policies.get(configured.policy)
    return policy is None or not REGULATED.isdisjoint(name.upper() for name in policy.compliance)
