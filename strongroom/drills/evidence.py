"""Evidence that a backup was restored: what a drill did and found, as one document."""

from datetime import datetime
from typing import Any

from strongroom import __version__
from strongroom.catalog.drills import Drill, DrillState
from strongroom.drills.errors import DrillUndecidedError

FORMAT = "strongroom-drill-1"


def evidence(drill: Drill) -> dict[str, Any]:
    """Return the document; times are RFC 3339 in UTC, sizes bytes, durations seconds. Raises DrillUndecidedError."""
    if drill.state is DrillState.OPEN:
        raise DrillUndecidedError(
            f"Drill {drill.id} has not been decided.",
            next_step=f"See what it waits for: strongroom jobs show {drill.id}",
        )
    return {
        "format": FORMAT,
        "made_by": f"strongroom {__version__}",
        "drill": str(drill.id),
        "source": drill.source,
        "backup": str(drill.backup_id),
        "region": drill.region,
        "requested_at": _text(drill.created_at),
        "started_at": _text(drill.started_at),
        "finished_at": _text(drill.finished_at),
        **(drill.report or {}),
    }


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat().replace("+00:00", "Z")
