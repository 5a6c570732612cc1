"""Whether everything is there: every pack by its size and checksum, as far as the store tells them without reading."""

from strongroom.errors import StrongroomError
from strongroom.jobs.progress import JobProgress
from strongroom.repository.ahead import ahead
from strongroom.repository.errors import MissingObjectError
from strongroom.repository.head import ManifestHead, PackRef
from strongroom.repository.layout import SESSIONS, pack_key, session_key
from strongroom.storage.store import Evidence
from strongroom.upkeep.held import DAMAGE, Held

QUESTIONS_AT_A_TIME = 8
"""Most of such a question is waiting for the answer."""


class PresenceCheck:
    """Asks for every pack once, however many backups need it.

    Keeps some hundred bytes in memory for each pack of the region: 15 MB for a terabyte in packs of 8 MiB.
    """

    def __init__(self, held: Held) -> None:
        self._held = held
        self._whole: set[bytes] = set()
        self._broken: dict[bytes, StrongroomError] = {}

    def run(self) -> None:
        """Ask; what is missing or wrong is in the findings. Raises what a region that does not answer raises."""
        markers = {info.key for info in self._held.store.list(SESSIONS)}
        for copy, head in self._held.heads():
            self._ask(head)
            for key, error in [*self._missing_packs(head), *_missing_markers(head, markers)]:
                self._held.findings.blame(copy, key, error)

    def _ask(self, head: ManifestHead) -> None:
        findings = self._held.findings
        fresh = [pack for pack in head.packs if pack.sha256 not in self._whole and pack.sha256 not in self._broken]
        for pack, outcome in ahead(self._attest, fresh, threads=QUESTIONS_AT_A_TIME, window=4 * QUESTIONS_AT_A_TIME):
            findings.objects += 1
            findings.bytes += pack.size
            if isinstance(outcome, Evidence):
                self._whole.add(pack.sha256)
                findings.evidence = findings.evidence.weaker(outcome)
            else:
                self._broken[pack.sha256] = outcome
            self._report()

    def _attest(self, pack: PackRef) -> Evidence | StrongroomError:
        key = pack_key(pack.session_id, pack.sha256)
        try:
            return self._held.store.attest(key, size=pack.size, sha256=pack.sha256)
        except DAMAGE as error:
            return error

    def _missing_packs(self, head: ManifestHead) -> list[tuple[str, StrongroomError]]:
        if not self._broken:
            return []
        needed = (pack for pack in head.packs if pack.sha256 in self._broken)
        return [(pack_key(pack.session_id, pack.sha256), self._broken[pack.sha256]) for pack in needed]

    def _report(self) -> None:
        findings, context = self._held.findings, self._held.context
        context.check()
        context.report(
            JobProgress(phase="confirming", done_bytes=findings.bytes, total_bytes=None, files=findings.objects)
        )


def _missing_markers(head: ManifestHead, present: set[str]) -> list[tuple[str, StrongroomError]]:
    needed = {session_key(session_id) for session_id in {head.session_id, *(p.session_id for p in head.packs)}}
    return [
        (key, MissingObjectError(f"The region does not hold the session marker {key!r}.", key=key))
        for key in sorted(needed - present)
    ]
