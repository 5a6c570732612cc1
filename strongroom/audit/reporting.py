"""How rows and checks of the audit log are shown."""

from typing import Any

from strongroom.audit.accepting import Acceptance, LostHead
from strongroom.audit.rows import FIELDS, write_moment
from strongroom.audit.verifying import Checked
from strongroom.catalog.audit import AuditRow


def audit_document(row: AuditRow) -> dict[str, Any]:
    """Return the fields of a row."""
    fields: dict[str, Any] = {name: getattr(row, name) for name in FIELDS}
    return fields | {"at": write_moment(row.at), "mac": row.mac.hex()}


def check_document(checked: Checked) -> dict[str, Any]:
    """Return what a check has looked at and found; `broken` is null where nothing is wrong."""
    found, end = checked.finding, checked.end
    return {
        "chain": None if end is None else str(end.chain),
        "sequence": 0 if end is None else end.sequence,
        "mac": None if end is None else end.mac.hex(),
        "rows_checked": checked.rows,
        "broken": None
        if found is None
        else {"flaw": found.flaw.value, "sequence": found.sequence, "region": found.region, "message": found.words},
        "lost": [lost_document(head) for head in checked.lost],
        "accepted": [_accepted(one) for one in checked.kept.acceptances.proven],
        "regions": _regions(checked),
        "strays": list(checked.strays),
    }


def lost_document(head: LostHead) -> dict[str, Any]:
    """Return an end of the log that is gone."""
    return {"head": head.name, "sequence": head.sequence, "mac": head.mac.hex()}


def _accepted(one: Acceptance) -> dict[str, Any]:
    """Return a break that somebody has accepted, and the row that says so."""
    return {
        "row": one.row,
        "at": write_moment(one.at),
        "by": one.by,
        "reason": one.reason,
        "lost": lost_document(one.lost),
    }


def _regions(checked: Checked) -> list[dict[str, Any]]:
    """Return for each region the newest head that it has kept, and how many other chains it knows."""
    chain = None if checked.end is None else checked.end.chain
    answers = [
        {
            "region": region,
            "answers": True,
            "kept_sequence": next((name.sequence for name in reversed(names) if name.chain == chain), None),
            "kept_on": next((name.day.isoformat() for name in reversed(names) if name.chain == chain), None),
            "other_chains": len({name.chain for name in names} - {chain}),
        }
        for region, names in checked.kept.found.items()
    ]
    silent = {"answers": False, "kept_sequence": None, "kept_on": None, "other_chains": 0}
    return answers + [{"region": region, **silent} for region in checked.kept.away]
