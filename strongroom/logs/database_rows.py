"""Rows that were read stay out of the log: SQLAlchemy writes them there at DEBUG, after they were decrypted."""

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

ROW = "Row %r"
"""How a record of a row begins in `sqlalchemy.engine`."""


class RowsStayOut(logging.Filter):
    """Lets everything pass but rows."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether a record may be written."""
        return record.msg != ROW


_STAY_OUT = RowsStayOut()


def keep_rows_out(engine: "Engine") -> None:
    """Have an engine log no rows, whatever the level of its logger; calling it again changes nothing.

    A filter of the logger comes before every handler, and no level takes it away.
    """
    # With `echo` the engine has something that stands before the logger.
    logger: Any = engine.logger
    getattr(logger, "logger", logger).addFilter(_STAY_OUT)


def keep_rows_out_of(connection: "Connection") -> None:
    """Do the same for the engine of a connection that is opened."""
    keep_rows_out(connection.engine)
