"""QR codes of provisioning addresses, which apps read from a screen."""

import base64
import io

import segno


def png_base64(uri: str) -> str:
    """Return a PNG, in base64."""
    return base64.b64encode(_drawn(uri, "png")).decode("ascii")


def svg(uri: str) -> str:
    """Return an SVG document."""
    return _drawn(uri, "svg").decode("utf-8")


def _drawn(uri: str, kind: str) -> bytes:
    out = io.BytesIO()
    segno.make_qr(uri, error="m").save(out, kind=kind, scale=6, border=4)
    return out.getvalue()
