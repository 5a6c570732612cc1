"""How figures are written for people: sizes in IEC units, times local with their offset, durations in words."""

from datetime import datetime

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def size(count: int) -> str:
    """Write a number of bytes."""
    amount = float(count)
    for unit in _UNITS[:-1]:
        if amount < 1024:
            return f"{amount:.0f} B" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} {_UNITS[-1]}"


def duration(seconds: float) -> str:
    """Write a length of time, in the two largest units that matter."""
    whole = round(seconds)
    days, hours, minutes = whole // 86400, whole // 3600 % 24, whole // 60 % 60
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {whole % 60} s" if minutes else f"{whole} s"


def short(seconds: float) -> str:
    """Write a length of time in the largest unit that matters, for a narrow column."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def moment(when: datetime | None) -> str:
    """Write a point in time as the clock on the wall shows it, with its offset from UTC."""
    return "-" if when is None else when.astimezone().isoformat(sep=" ", timespec="seconds")


def count(number: int, one: str, many: str | None = None) -> str:
    """Write a number of things: `1 file`, `2,300 files`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
