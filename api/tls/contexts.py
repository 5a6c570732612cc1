"""The TLS contexts of the faces: certificates on both sides, and no suite below the highest."""

import ssl
from pathlib import Path

from api.errors import TlsFilesError
from api.tls.openssl import forget_sessions, restrict_suites

SUITES_1_2 = "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384"
"""Of the suites that draft-cisco-skip-02 recommends, the one with forward secrecy; and its like for RSA keys."""


def server_context(certificate: Path, key: Path, authority: Path, minimum: ssl.TLSVersion) -> ssl.SSLContext:
    """Return the context of a listener that asks every caller for a certificate of `authority`.

    Sessions are not resumed: each connection shows its certificate. Raises TlsFilesError.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = minimum
    context.verify_mode = ssl.CERT_REQUIRED
    context.set_ciphers(SUITES_1_2)
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION
    context.num_tickets = 0
    restrict_suites(context)
    forget_sessions(context)
    try:
        context.load_cert_chain(certificate, key)
        context.load_verify_locations(authority)
    except (OSError, ssl.SSLError) as error:
        raise TlsFilesError(
            f"The certificate {certificate}, its key or the authority {authority} cannot be used: {error}.",
            next_step="Make them anew with `strongroom peers setup`, or name other files in [skip].",
        ) from error
    return context
