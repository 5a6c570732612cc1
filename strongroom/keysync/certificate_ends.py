"""Says in time when a certificate of a face, or the authority that it trusts, is about to end."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from sqlalchemy.orm import Session

from strongroom.alerts.opening import AlertReport, AlertType, Severity, clear_alerts, keep_open
from strongroom.settings import SkipSettings

ENDS = "skip.certificate_ends"
SOON, VERY_SOON = timedelta(days=30), timedelta(days=7)


def judge_certificates(session: Session, skip: SkipSettings, now: datetime) -> None:
    """Open an alert for the certificate that ends first where that is soon, else clear it."""
    ends = sorted(_ends(skip))
    if not ends:
        return
    until, path = ends[0]
    if until - now > SOON:
        clear_alerts(session, cause=ENDS, now=now, note="Every certificate holds for longer.")
        return
    over = "ended" if until <= now else "ends"
    report = AlertReport(
        type=AlertType.FAILURE,
        severity=Severity.HIGH if until - now <= VERY_SOON else Severity.MEDIUM,
        cause=ENDS,
        message=f"The certificate {path.name} of the key provider {over} on {until:%Y-%m-%d %H:%M} UTC."[:500],
        next_step="Make new ones with `strongroom peers setup --from ... --renew`, join them and restart; an authority "
        "takes a new set-up.",
        at=now,
    )
    keep_open(session, report)


def _ends(skip: SkipSettings) -> Iterator[tuple[datetime, Path]]:
    peer, encryptor = skip.peer_face, skip.encryptor_face
    for path in (peer.certificate, peer.peer_ca, encryptor.certificate, encryptor.client_ca):
        if path is not None:
            try:
                yield x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc, path
            except (OSError, ValueError):
                # A face says why it does not start; on this machine there may be none.
                continue
