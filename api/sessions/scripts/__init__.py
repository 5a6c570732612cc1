"""The Lua scripts: each is one step that nothing comes between. They run on Redis 6.2 and later, and on Valkey.

Names of keys, and the rules of an installation, are constants of a script rather than arguments of each call: what is
sent, read and put into tables for every call is most of what a call costs (docs/decisions/0082-short-calls.md).
"""

from pathlib import Path

from api.sessions.keys import EPOCH, EPOCH_SERVER, INDEX, RECORD, STATS, USED

_CONSTANTS: dict[str, str | int] = {
    "INDEX": INDEX,
    "USED": USED,
    "STATS": STATS,
    "EPOCH": EPOCH,
    "EPOCH_SERVER": EPOCH_SERVER,
    "HASH": len(RECORD) + 1,
}


def read_script(name: str, **rules: int) -> str:
    """Return the text of a script, with `rules` as constants of theirs in capitals."""
    constants = _CONSTANTS | {rule.upper(): value for rule, value in rules.items()}
    first = "".join(f"local {constant} = {_literal(value)}\n" for constant, value in constants.items())
    return first + (Path(__file__).parent / f"{name}.lua").read_text(encoding="utf-8")


def _literal(value: str | int) -> str:
    return f"'{value}'" if isinstance(value, str) else str(value)
