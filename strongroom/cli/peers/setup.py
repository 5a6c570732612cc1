"""`strongroom peers setup`: certificates, secrets and tables for sites that are to share keys."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict, Unpack

import click

from strongroom.cli.command import Command, ValueOf
from strongroom.cli.file_changes import changing_files
from strongroom.cli.invocation import Invocation
from strongroom.clock import SystemClock, system_random
from strongroom.keysync.additions import (
    list_new_psk_ports,
    open_maker,
    plan_additions,
    read_known,
    write_additions,
)
from strongroom.keysync.bundles import new_maker, write_bundles
from strongroom.keysync.planning import AUTHORITIES, TEMPLATES, Site, Topology, Wish, plan_sites
from strongroom.keysync.site_list import Sites

FIRST_PORT = 8443


class _Pair(click.ParamType[tuple[str, str]]):
    name = "NAME=VALUE"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        name, equals, rest = str(value).partition("=")
        if not (name and equals and rest):
            self.fail(f"{value!r} is not written as NAME=VALUE.", param, ctx)
        return name, rest


_PAIR = _Pair()


class Answers(TypedDict):
    """What a person said of the sites."""

    sites: Sequence[tuple[str, str]]
    encryptors: Sequence[tuple[str, str]]
    psk_encryptors: Sequence[tuple[str, str]]
    topology: Topology
    environment: str
    first_port: int
    plain_ids: bool
    interactive: bool
    setup: Path | None
    renewed: Sequence[str]


@click.command(
    "setup",
    cls=Command,
    examples=(
        "strongroom peers setup skip-sites --interactive",
        "strongroom peers setup skip-sites --site a=kp-a.example.org --site b=kp-b.example.org --encryptor a=fw-1",
        "strongroom peers setup skip-more --from skip-sites --site c=kp-c.example.org --encryptor a=fw-9",
        "strongroom peers setup skip-2028 --from skip-sites --renew a --renew b",
    ),
)
@click.argument("directory", type=click.Path(path_type=Path))
@click.option(
    "--site", "sites", multiple=True, type=_PAIR, help="A site and the host its faces have; the primary first."
)
@click.option("--encryptor", "encryptors", multiple=True, type=_PAIR, help="SITE=NAME of one with a certificate.")
@click.option("--psk-encryptor", "psk_encryptors", multiple=True, type=_PAIR, help="SITE=NAME of one with a PSK.")
@click.option("--topology", type=ValueOf(Topology), default=Topology.PAIR.value, help="pair (the default) or mesh.")
@click.option(
    "--environment", type=click.Choice(list(TEMPLATES)), default="production", help="How long keys live, how many wait."
)
@click.option("--first-port", default=FIRST_PORT, help="Port for encryptors; the next two are for peers and PSKs.")
@click.option("--plain-ids", is_flag=True, help="Call the sites by their names on the wire, not by random ids.")
@click.option(
    "--from", "setup", type=click.Path(path_type=Path), help="An earlier set-up: make only what its sites get anew."
)
@click.option("--renew", "renewed", multiple=True, help="With --from: a site that gets new certificates.")
@click.option("--interactive", is_flag=True, help="Ask for what is not given.")
@click.pass_obj
def setup(invocation: Invocation, directory: Path, **options: Unpack[Answers]) -> None:
    """Make what sites need to become key providers, in DIRECTORY.

    Writes a folder for each site (tables, certificates, secrets) and one with two authorities, whose keys belong away
    from every provider. Each pair gets a secret of 32 random bytes. Changes nothing here: carry each folder to its
    site and call `strongroom peers join` there.

    With --from, the folder of an earlier set-up with its authorities, makes another --site, more encryptors of any
    site, and new certificates of a site and its encryptors; DIRECTORY gets a folder for each site to join again.
    """
    if options["setup"] is not None:
        _make_more(invocation, directory, options["setup"], options)
        return
    if options["renewed"]:
        raise click.UsageError("--renew takes --from: the folder of the set-up that has the authorities.")
    answers = _asked(options) if options["interactive"] else options
    sites = plan_sites(
        answers["topology"],
        _wishes(answers),
        first_port=answers["first_port"],
        random=system_random,
        spoken_ids=answers["plain_ids"],
    )
    with changing_files(invocation, directory):
        write_bundles(directory, Sites(answers["environment"], sites), new_maker(SystemClock().now(), system_random))
    _report(invocation, directory, sites)


def _make_more(invocation: Invocation, directory: Path, setup: Path, options: Answers) -> None:
    if options["interactive"]:
        raise click.UsageError("--from asks for nothing: name what is to be made.")
    known = read_known(setup)
    wishes = _wishes(options, known)
    if not wishes and not options["renewed"]:
        raise click.UsageError("Say what to make: --site, --encryptor, --psk-encryptor or --renew.")
    more = plan_additions(
        known,
        wishes,
        options["renewed"],
        random=system_random,
        first_port=options["first_port"],
        plain=options["plain_ids"],
    )
    maker = open_maker(setup, SystemClock().now(), system_random)
    with changing_files(invocation, directory):
        together = write_additions(directory, setup, known, more, maker)
    for site in list_new_psk_ports(known, together):
        invocation.screen.warn(f"set psk_port = {site.psk_port} in [skip.encryptor_face] of {site.name}.")
    made = [site for site in together.sites if (directory / site.name).exists()]
    _report(invocation, directory, made, authorities=False)


def _wishes(answers: Answers, known: Sites | None = None) -> list[Wish]:
    """Return a wish for each site that is named; one without a host for a site that is known."""
    there = {site.name for site in known.sites} if known else set()
    named = (*answers["encryptors"], *answers["psk_encryptors"])
    hosts = dict.fromkeys((site for site, _ in named if site in there), "")
    for site, encryptor in named:
        if site not in there | {name for name, _ in answers["sites"]}:
            raise click.UsageError(f"There is no --site {site} for the encryptor {encryptor}.")
    return [
        Wish(name, host, _of(name, answers["encryptors"]), _of(name, answers["psk_encryptors"]))
        for name, host in (*hosts.items(), *answers["sites"])
    ]


def _asked(options: Answers) -> Answers:
    """Ask for what was not given; what was given is shown as the default."""
    asked = options.copy()
    asked["topology"] = Topology(click.prompt("Topology", type=ValueOf(Topology), default=options["topology"].value))
    asked["environment"] = click.prompt(
        "Environment", type=click.Choice(list(TEMPLATES)), default=str(options["environment"])
    )
    sites = list(options["sites"])
    roles = ["Primary", "Secondary"]
    while len(sites) < 2 or (asked["topology"] is Topology.MESH and click.confirm("Another site?", default=False)):
        role = roles[len(sites)] if asked["topology"] is Topology.PAIR else f"Site {len(sites) + 1}"
        sites.append((click.prompt(f"{role}: name"), click.prompt(f"{role}: host that others reach it at")))
    asked["sites"] = sites
    if not options["encryptors"] and not options["psk_encryptors"]:
        asked["encryptors"] = _asked_names(sites, "Encryptors")
        asked["psk_encryptors"] = _asked_names(sites, "Encryptors with a pre-shared key instead of a certificate")
    return asked


def _asked_names(sites: Sequence[tuple[str, str]], what: str) -> list[tuple[str, str]]:
    named = [(site, click.prompt(f"{what} at {site}, with commas", default="")) for site, _ in sites]
    return [(site, one.strip()) for site, text in named for one in text.split(",") if one.strip()]


def _of(site: str, pairs: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    return tuple(name for place, name in pairs if place == site)


def _report(invocation: Invocation, directory: Path, sites: Sequence[Site], *, authorities: bool = True) -> None:
    screen = invocation.screen
    if screen.json:
        items = [{"site": s.name, "system_id": s.system_id, "url": s.peer_url} for s in sites]
        screen.document({"directory": str(directory), "sites": items})
        return
    screen.table(("SITE", "SYSTEM ID", "FACE FOR PEERS", "FACE FOR ENCRYPTORS"), [_row(site) for site in sites])
    screen.say(f"Carry {directory}/SITE to each site in private, and call there: strongroom peers join SITE")
    if authorities:
        place = directory / AUTHORITIES
        screen.warn(f"keep {place} away from every provider, and delete the folders of sites once they joined.")


def _row(site: Site) -> tuple[str, ...]:
    return site.name, site.system_id, site.peer_url, site.encryptor_url
