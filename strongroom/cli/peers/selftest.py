"""`strongroom peers selftest`: try a key provider, or two that are peers, as an encryptor."""

from dataclasses import asdict
from pathlib import Path

import click

from strongroom.cli.command import Command, ValueOf
from strongroom.cli.invocation import Invocation
from strongroom.clock import SystemClock
from strongroom.errors import ExitCode
from strongroom.keysync.trials import Finding, Trial

_IDENTITY = click.Path(path_type=Path)


@click.command(
    "selftest",
    cls=Command,
    examples=(
        "strongroom peers selftest https://127.0.0.1:8443 --identity a/encryptors/fw-1 --test connectivity",
        "strongroom peers selftest https://kp-a:8443 --secondary https://kp-b:8443 --identity encryptors/fw-1",
    ),
)
@click.argument("url")
@click.option("--secondary", help="The peer's address: keys are asked for here and fetched there, both ways.")
@click.option("--identity", type=_IDENTITY, help="NAME.pem and NAME.key to show, without the endings.")
@click.option("--secondary-identity", type=_IDENTITY, help="The same for the secondary; by default the same files.")
@click.option("--test", "kind", type=ValueOf(Trial), default=Trial.ALL.value, help="What to try; all by default.")
@click.pass_obj
def selftest(
    invocation: Invocation,
    url: str,
    secondary: str | None,
    identity: Path | None,
    secondary_identity: Path | None,
    kind: Trial,
) -> ExitCode:
    """Try the provider at URL as an encryptor: connection, conformance, entropy, and keys shared with the secondary.

    Uses up the keys it asks for and shows none. Ends with 4 when something is not as it should be.
    """
    if kind is Trial.SYNC and secondary is None:
        raise click.UsageError("--test sync takes --secondary.")
    for address in (url, secondary or url):
        if not address.startswith(("https://", "http://")):
            raise click.UsageError(f"{address[:80]!r} does not begin with https://.")
    # They bring an HTTP client, which is an extra.
    from strongroom.keysync.asking_keys import Encryptor
    from strongroom.keysync.selftest import run_selftest

    first = Encryptor(url, identity)
    second = None if secondary is None else Encryptor(secondary, secondary_identity or identity)
    findings = list(run_selftest(first, second, kind, SystemClock()))
    _report(invocation, findings)
    return ExitCode.OK if all(finding.passed for finding in findings) else ExitCode.UNHEALTHY


def _report(invocation: Invocation, findings: list[Finding]) -> None:
    screen = invocation.screen
    if screen.json:
        screen.document({"items": [asdict(finding) for finding in findings]})
        return
    rows = [(f.kind.value, "ok" if f.passed else "FAILED", f"{f.milliseconds:.1f}", f.what, f.detail) for f in findings]
    screen.table(("TEST", "RESULT", "#MS", "WHAT", "WHY"), rows)
    failed = sum(not finding.passed for finding in findings)
    screen.say(f"{len(findings) - failed} of {len(findings)} are as they should be.")
