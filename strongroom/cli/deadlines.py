"""The option that says by when a job has to be over, as people spell lengths of time."""

import re
from typing import Any

import click

from strongroom.cli.figures import duration
from strongroom.jobs.enqueueing import MOST_DEADLINE_SECONDS

SPELLING = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
SECONDS = (86400, 3600, 60, 1)


class LengthOfTime(click.ParamType[int]):
    """A length of time such as `6h`, `90m` or `1d12h`; the command gets seconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the seconds; raises BadParameter."""
        found = SPELLING.fullmatch(str(value))
        seconds = sum(int(part or 0) * unit for part, unit in zip(found.groups(), SECONDS, strict=True)) if found else 0
        if not 0 < seconds <= MOST_DEADLINE_SECONDS:
            longest = duration(MOST_DEADLINE_SECONDS)
            self.fail(f"{str(value)!r} is not a length of time of up to {longest}: write 6h, 90m or 1d12h.", param, ctx)
        return seconds


deadline_option = click.option(
    "--deadline", type=LengthOfTime(), metavar="TIME", help="Fail unless it is over within TIME, such as 6h or 1d12h."
)
