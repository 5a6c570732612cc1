"""Keeps ids of sessions out of the access log: an address with one opens a page once, and logs are read by others."""

import logging
import re

_ID = re.compile(r"(session_id=)[^&\s]*", re.IGNORECASE)


class HideSessionIds(logging.Filter):
    """Replaces the id in every address that is logged."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record, and let it pass."""
        if isinstance(record.args, tuple):
            record.args = tuple(_hidden(argument) for argument in record.args)
        record.msg = _hidden(record.msg)
        return True


def hide_session_ids(logger: logging.Logger) -> None:
    """Have a logger write no id of a session; a second time changes nothing."""
    if not any(isinstance(one, HideSessionIds) for one in logger.filters):
        logger.addFilter(HideSessionIds())


def _hidden(value: object) -> object:
    return _ID.sub(r"\1[hidden]", value) if isinstance(value, str) else value
