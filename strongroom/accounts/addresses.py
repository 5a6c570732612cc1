"""Mail addresses of operators: one plain address, of characters that cannot change a mail's headers."""

import re

from strongroom.accounts.errors import EmailAddressError

LONGEST = 254
"""Characters of an address: RFC 5321, 4.5.3.1.3."""
_LOCAL = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"(?P<local>{_LOCAL})@{_LABEL}(?:\.{_LABEL})*")


def verified_address(text: str) -> str:
    """Return an address without the spaces around it; raises EmailAddressError for what is none.

    Names with quotes, domains as numbers and characters beyond ASCII are refused: an international domain is written in
    its `xn--` form.
    """
    address = text.strip()
    found = _ADDRESS.fullmatch(address) if len(address) <= LONGEST else None
    if found is None or len(found["local"]) > 64:
        raise EmailAddressError(
            "This is no mail address that can be used.", next_step="Write one address, such as ana@example.com."
        )
    return address
