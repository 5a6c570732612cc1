"""The Lua scripts: each is one step that nothing comes between. They run on Redis 6.2 and later, and on Valkey."""

from pathlib import Path


def read_script(name: str) -> str:
    """Return the text of a script."""
    return (Path(__file__).parent / f"{name}.lua").read_text(encoding="utf-8")
