"""What browsers are told about the page: who may embed it, what it may load, and the cookie of a visit."""

from strongroom.settings import SessionSettings

VISIT_COOKIE = "__Host-strongroom-visit"
"""The prefix has browsers take it only from here, over HTTPS, and for this host alone."""

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "require-trusted-types-for 'script'; frame-ancestors "
)
_PRIVATE = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def page_headers(rules: SessionSettings) -> dict[str, str]:
    """Return the headers of the page."""
    ancestors = " ".join(("'self'", *rules.embedded_in))
    return {**_PRIVATE, "Content-Security-Policy": _POLICY + ancestors}


def data_headers() -> dict[str, str]:
    """Return the headers of what the page shows."""
    return {**_PRIVATE, "Vary": "Cookie"}


def visit_cookie(rules: SessionSettings, secret: str) -> dict[str, str]:
    """Return the header with the cookie; it goes along from inside another site's page only where one may embed it."""
    site = "None; Partitioned" if rules.embedded_in else "Strict"
    attributes = f"Path=/; Max-Age={rules.minutes * 60}; HttpOnly; Secure; SameSite={site}"
    return {"Set-Cookie": f"{VISIT_COOKIE}={secret}; {attributes}"}
