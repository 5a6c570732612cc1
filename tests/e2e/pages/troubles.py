"""For sections of the runbook that need more than a healthy installation: the trouble that they are about.

Each yields once before each block of its section, with what that block's capitals stand for; what follows the last one
looks whether the section has helped.
"""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from strongroom.audit.ending import End
from strongroom.audit.heads import Head, keep_head
from strongroom.audit.verifying import AuditLog
from strongroom.runtime import build_runtime
from strongroom.settings import load_settings
from tests.e2e.deployment import eventually
from tests.e2e.pages.installation import REGIONS, Place
from tests.services.loud import Mood
from tests.services.moto import ACCESS_KEY, SECRET_KEY

Names = Mapping[str, str]
Trouble = Callable[[Place], Iterator[Names]]

PAIR = """
[standbys.pair]
region = "us-east-1"
primary = {{ host = "127.0.0.1", port = {port}, user = "{user}", password_env = "SHOP_PASSWORD" }}
standby = {{ host = "127.0.0.1", port = 1, user = "{user}", password_env = "SHOP_PASSWORD" }}
"""
VOLUMES = """
[sources.volumes]
kind = "ebs"
volume = "vol-0123456789abcdef"
""" + "".join(
    f"""
[regions.{region}.aws]
endpoint = "http://127.0.0.1:1"
kms_key = "alias/strongroom"
access_key_env = "AWS_TEST_KEY"
secret_key_env = "AWS_TEST_SECRET"
"""
    for region in REGIONS
)
LONG, SHORT = (f"\n[policies.operational-data]\nretention_days = {days}\n" for days in (365, 150))
FORGED_ROW = """
INSERT INTO audit_log
SELECT sequence + 1000, now(), 'local', '', 'mallory', '', '', 'sensitive_delete', 'uploads', 'done', '', '', '', '',
       '', decode(repeat('00', 32), 'hex')
FROM audit_head
"""
UNKNOWN_REVISION = "UPDATE alembic_version SET version_num = '9999'"


def alerted(place: Place) -> Iterator[Names]:
    """An alert is open for as long as the section lasts."""
    place.alert_again()
    while True:
        yield {}


def redis_down(place: Place) -> Iterator[Names]:
    """The broker is away, and comes back."""
    place.valkey.stop()
    yield {}
    place.valkey.start()
    yield {}


def catalog_down(place: Place) -> Iterator[Names]:
    """The catalog's server refuses connections, and takes them again."""
    place.proxy.refuse()
    yield {}
    place.proxy.forward()
    yield {}


def slow_database(place: Place) -> Iterator[Names]:
    """Every answer of the catalog's server takes its time."""
    place.proxy.delay(0.01)
    yield {}
    place.proxy.forward()
    yield {}


def region_gone(place: Place) -> Iterator[Names]:
    """The directory of a region vanishes; then it is lost for good and an empty one takes its place."""
    with _without_region(place):
        yield {}
        yield {}
    assert (place.directory / "regions/us-east-1").is_dir()


def region_down(place: Place) -> Iterator[Names]:
    """The directory of a region vanishes and comes back."""
    with _without_region(place):
        yield {}
    yield {}


def damaged(place: Place) -> Iterator[Names]:
    """One byte of each pack of a region is another one."""
    _damage(place)
    yield {}
    yield {}


def drill_failed(place: Place) -> Iterator[Names]:
    """A drill restores from a region whose packs are damaged."""
    _damage(place)
    place.call("strongroom drill run uploads --region us-east-1 --here", ends_with=15)
    yield {"DRILL": place.document("strongroom drill list --state failed")["items"][0]["id"]}
    yield {}


def stuck(place: Place) -> Iterator[Names]:
    """A backup waits and does not end."""
    place.call('strongroom queues pause backup --reason "a test"')
    job = place.call("strongroom backup run uploads --no-wait").split()[0]
    place.call(f"strongroom jobs pause {job}")
    place.call("strongroom queues resume backup")
    yield {"JOB": job}
    yield {"JOB": job}


def channel_failing(place: Place) -> Iterator[Names]:
    """The service behind a channel answers with errors."""
    place.ear.mood = Mood.FAILS
    yield {}
    place.ear.mood = Mood.WELL
    yield {}


def standby_trouble(place: Place) -> Iterator[Names]:
    """A pair whose standby does not answer."""
    with place.more_settings(PAIR.format(port=place.server.port, user=place.server.user)):
        while True:
            yield {}


def volumes(place: Place) -> Iterator[Names]:
    """A source in AWS, of which AWS tells nothing."""
    place.environment |= {"AWS_TEST_KEY": ACCESS_KEY, "AWS_TEST_SECRET": SECRET_KEY}
    with place.more_settings(VOLUMES):
        yield {}
        yield {}


def peers(place: Place) -> Iterator[Names]:
    """A site of a set-up, whose peer does not answer."""
    sites = place.directory / "sites"
    if not sites.exists():
        hosts = "--site lisbon=127.0.0.1 --site porto=127.0.0.1"
        place.call(f"strongroom peers setup {sites} {hosts} --environment development")
    before = place.deployment.config.read_text()
    place.call(f"strongroom peers join {sites}/lisbon")
    try:
        while True:
            yield {"SITES": str(sites), "SITE": "lisbon"}
    finally:
        place.deployment.config.write_text(before)
        shutil.rmtree(place.directory / "skip")


def reencryption(place: Place) -> Iterator[Names]:
    """A re-encryption that stopped before its end."""
    url = place.server.url(place.database, scheme="postgresql+psycopg")
    place.environment["VAULT_URL"] = url
    with place.more_settings('\n[databases.vault]\nurl_env = "VAULT_URL"\napp = "vault"\n'):
        with place.server.connect(place.database) as connection:
            connection.execute("CREATE TABLE vault (id bigint PRIMARY KEY, secret varchar(500))")
        place.call("strongroom secrets generate && strongroom secrets rotate --yes --no-wait")
        # No worker knows this database: none is to begin.
        place.call('strongroom queues pause reencrypt --reason "a test"')
        place.call("strongroom secrets reencrypt --table public.vault --column secret --no-wait --yes")
        place.call("strongroom jobs pause 1")
        yield {"NUMBER": "1"}
        yield {"NUMBER": "1"}
        place.call("strongroom jobs cancel 1 && strongroom queues resume reencrypt")


def extension_failed(place: Place) -> Iterator[Names]:
    """There is a recovery key, which some backup may lack."""
    place.call("strongroom recovery-kit kit.txt --here")
    yield {}
    yield {}


def retention_blocked(place: Place) -> Iterator[Names]:
    """Somebody has written a shorter policy than was agreed."""
    with _older(place, days=200):
        place.call("strongroom backup run uploads --type full")
        eventually(lambda: _waits_for_approval(place), "the longer policy is agreed")
        with place.more_settings(SHORT):
            yield {}
            yield {}


def token_ending(place: Place) -> Iterator[Names]:
    """A token of a name that is to have another one."""
    yield {}
    yield {"ID": place.document("strongroom tokens list")["items"][0]["id"]}


def token_reuse(place: Place) -> Iterator[Names]:
    """An alert that somebody has to resolve."""
    for names in alerted(place):
        yield {**names, "NEW_TOKEN": "weekly"}


def audit_broken(place: Place) -> Iterator[Names]:
    """Somebody has added a row to the audit log by hand."""
    with place.server.connect(place.catalog) as connection:
        connection.execute(FORGED_ROW)
    yield {}
    yield {}
    with place.server.connect(place.catalog) as connection:
        connection.execute("ALTER TABLE audit_log DISABLE TRIGGER USER")
        connection.execute("DELETE FROM audit_log WHERE actor_name = 'mallory'")
        connection.execute("ALTER TABLE audit_log ENABLE TRIGGER USER")


def incident(place: Place) -> Iterator[Names]:
    """What is held because of it is released again."""
    yield {}
    for hold in place.document("strongroom holds list")["items"]:
        place.call(f'strongroom holds release {hold["id"]} --reason "it is clear" --confirm uploads')


def before_upgrade(place: Place) -> Iterator[Names]:
    """The copy from before; then somebody goes on working."""
    yield {}
    place.call("strongroom backup run uploads")


def going_back(place: Place) -> Iterator[Names]:
    """A newer release was at the catalog; the copy from before comes back, and with it what was backed up since."""
    newest = place.document("strongroom backup list --source uploads --limit 1")["items"][0]["id"]
    with place.server.connect(place.catalog) as connection:
        was = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        connection.execute(UNKNOWN_REVISION)
    yield {}
    assert was is not None
    with place.server.connect(place.catalog) as connection:
        connection.execute("UPDATE alembic_version SET version_num = %s", was)
    yield {}
    with _other_catalog(place, "catalog_back"):
        yield {}
        assert newest in {item["id"] for item in place.document("strongroom backup list")["items"]}


def catalog_lost(place: Place) -> Iterator[Names]:
    """An empty database in the place of the one with the ledger."""
    place.server.create_database("catalog_anew")
    with _other_catalog(place, "catalog_anew"):
        yield {}
        yield {"OPERATOR": "bento"}


def older_catalog(place: Place) -> Iterator[Names]:
    """A copy of the catalog in its place, from before rows whose end the regions have kept."""
    place.call("pg_dump --format=custom --file=older.dump && createdb older_catalog")
    place.call("pg_restore --exit-on-error --no-owner --dbname=older_catalog older.dump")
    place.call("strongroom backup run uploads --here")
    _keep_the_end_of_the_log(place)
    with _other_catalog(place, "older_catalog"):
        yield {}
        yield {"END": place.document("strongroom audit verify", ends_with=15)["lost"][-1]["head"]}
        yield {}


def _keep_the_end_of_the_log(place: Place) -> None:
    """Do what happens once a day."""
    runtime = build_runtime(load_settings(place.directory / "strongroom.toml", place.environment))
    try:
        log = AuditLog(runtime.catalog, runtime.purpose_keys, runtime.stores)
        end = End.find(runtime.catalog)
        assert end is not None
        for store in runtime.stores.values():
            keep_head(store, log.key(), Head(end.chain, end.sequence, end.mac, runtime.clock.now()))
    finally:
        runtime.close()


def _waits_for_approval(place: Place) -> bool:
    """Apply the long policy, unless a worker was quicker and applied its own, and look at the short one."""
    with place.more_settings(LONG):
        place.call("strongroom retention apply --here")
    with place.more_settings(SHORT):
        return "retention approve uploads" in place.shell.execute("strongroom retention plan").stderr


@contextmanager
def _older(place: Place, *, days: int) -> Iterator[None]:
    age = "UPDATE backup SET created_at = created_at - make_interval(days => %s) WHERE id = ANY(%s)"
    with place.server.connect(place.catalog) as connection:
        ids = [row[0] for row in connection.execute("SELECT id FROM backup WHERE source = 'uploads'")]
        connection.execute(age, (days, ids))
    try:
        yield
    finally:
        with place.server.connect(place.catalog) as connection:
            connection.execute(age, (-days, ids))


@contextmanager
def _other_catalog(place: Place, name: str) -> Iterator[None]:
    was = place.environment["STRONGROOM_CATALOG_URL"]
    place.environment["STRONGROOM_CATALOG_URL"] = f"{was.rpartition('/')[0]}/{name}"
    try:
        yield
    finally:
        place.environment["STRONGROOM_CATALOG_URL"] = was
        place.server.drop_database(name)


def _region(place: Place) -> Path:
    return place.directory / "regions" / "us-east-1"


@contextmanager
def _without_region(place: Place) -> Iterator[None]:
    away = _region(place).rename(_region(place).with_name("away"))
    try:
        yield
    finally:
        if _region(place).exists():
            shutil.rmtree(away)
        else:
            away.rename(_region(place))


def _damage(place: Place) -> None:
    for path in _region(place).rglob("*.pk"):
        path.chmod(0o600)
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)


def protected(place: Place) -> None:
    """Wait until every region holds the newest backups again."""

    def well() -> bool:
        report = json.loads(place.shell.execute("strongroom status --json").stdout)
        return all(source["healthy"] for source in report["sources"])

    eventually(well, "every source is protected again")


TROUBLES: dict[str, Trouble] = {
    "The first look": alerted,
    "The first five minutes": alerted,
    "Before every upgrade": before_upgrade,
    "Back to the release before": going_back,
    "Is it over?": alerted,
    "Redis is down": redis_down,
    "The database is slow": slow_database,
    "A region is gone": region_gone,
    "The catalog is lost": catalog_lost,
    "An older catalog was put back": older_catalog,
    "verify-damage": damaged,
    "drill-failed": drill_failed,
    "region-down": region_down,
    "extension-failed": extension_failed,
    "retention-blocked": retention_blocked,
    "token-ending": token_ending,
    "audit-broken": audit_broken,
    "What was taken, and what to do first": incident,
    "audit-other_chain": alerted,
    "token-reuse": token_reuse,
    "level-missed": alerted,
    "level-stuck": stuck,
    "level-rpo": alerted,
    "rds-standby": alerted,
    "reencryption-failed": reencryption,
    "snapshot-unconfirmed": volumes,
    **dict.fromkeys(
        ("standby-lag", "standby-lost", "standby-slot", "standby-primary", "standby-denied"), standby_trouble
    ),
    **dict.fromkeys(
        (
            "An older catalog, with a key provider",
            "skip-peer_offline",
            "skip-certificate_ends",
            "skip-peer_clock",
            "skip-peer_full",
            "skip-key_conflict",
        ),
        peers,
    ),
    **dict.fromkeys(("accounts-factor_reset", "accounts-codes_low", "channel-partial"), alerted),
    **dict.fromkeys(("beat-silent", "workers-silent"), alerted),
    "broker-silent": redis_down,
    "catalog-down": catalog_down,
    "channel-failing": channel_failing,
}
