"""An account of effects that does not trust the ledger: triggers in the catalog's database write down what happens.

The table has no unique constraint, so that what happens twice is there twice.
"""

from collections import Counter
from dataclasses import dataclass

from strongroom.testing.postgres import ScratchPostgres

SET_UP = """
CREATE TABLE chaos_effect (what text NOT NULL, key text NOT NULL, detail text NOT NULL DEFAULT '');

CREATE FUNCTION chaos_job() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE final text[] := ARRAY['succeeded', 'failed', 'dead', 'cancelled'];
BEGIN
    IF NEW.state = ANY (final) AND NOT OLD.state = ANY (final) THEN
        INSERT INTO chaos_effect VALUES ('ended', NEW.id::text, NEW.state);
    END IF;
    IF OLD.state = ANY (final) AND NEW::text IS DISTINCT FROM OLD::text THEN
        INSERT INTO chaos_effect VALUES ('VIOLATION: written after its end', NEW.id::text, OLD.state);
    END IF;
    IF NEW.fence < OLD.fence THEN
        INSERT INTO chaos_effect VALUES ('VIOLATION: fence fell', NEW.id::text, OLD.fence || '>' || NEW.fence);
    END IF;
    IF NEW.lease_owner IS DISTINCT FROM OLD.lease_owner AND NEW.state = 'running' AND NEW.fence = OLD.fence THEN
        INSERT INTO chaos_effect VALUES ('VIOLATION: two holders of one fence', NEW.id::text);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER chaos_job AFTER UPDATE ON job FOR EACH ROW EXECUTE FUNCTION chaos_job();

CREATE FUNCTION chaos_step() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO chaos_effect VALUES ('step', NEW.job_id || '/' || NEW.step);
    RETURN NULL;
END $$;
CREATE TRIGGER chaos_step AFTER INSERT OR UPDATE ON job_step FOR EACH ROW EXECUTE FUNCTION chaos_step();

CREATE FUNCTION chaos_backup() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state = 'committed' AND (TG_OP = 'INSERT' OR OLD.state <> 'committed') THEN
        INSERT INTO chaos_effect VALUES ('committed', NEW.id::text);
    ELSIF OLD.state = 'committed' AND (NEW.state, NEW.session_id, NEW.manifest_sha256, NEW.committed_at)
            IS DISTINCT FROM (OLD.state, OLD.session_id, OLD.manifest_sha256, OLD.committed_at) THEN
        INSERT INTO chaos_effect VALUES ('VIOLATION: committed backup changed', NEW.id::text);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER chaos_backup AFTER INSERT OR UPDATE ON backup FOR EACH ROW EXECUTE FUNCTION chaos_backup();

CREATE FUNCTION chaos_replica() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state = 'present' AND (TG_OP = 'INSERT' OR OLD.state <> 'present') THEN
        INSERT INTO chaos_effect VALUES ('present', NEW.backup_id || '/' || NEW.region);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER chaos_replica AFTER INSERT OR UPDATE ON replica FOR EACH ROW EXECUTE FUNCTION chaos_replica();

CREATE FUNCTION chaos_finished() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.finished_at IS NOT NULL AND (TG_OP = 'INSERT' OR OLD.finished_at IS NULL) THEN
        INSERT INTO chaos_effect VALUES (TG_TABLE_NAME, NEW.id::text);
    ELSIF OLD.finished_at IS NOT NULL AND NEW::text IS DISTINCT FROM OLD::text THEN
        INSERT INTO chaos_effect VALUES ('VIOLATION: finished record changed', NEW.id::text, TG_TABLE_NAME);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER chaos_finished AFTER INSERT OR UPDATE ON restore FOR EACH ROW EXECUTE FUNCTION chaos_finished();
CREATE TRIGGER chaos_finished AFTER INSERT OR UPDATE ON verification FOR EACH ROW EXECUTE FUNCTION chaos_finished();
"""


@dataclass(frozen=True, slots=True)
class Account:
    """How often each effect happened; `violations` are things that must never happen at all."""

    effects: Counter[tuple[str, str]]
    violations: tuple[str, ...]

    @property
    def duplicates(self) -> list[str]:
        """Return the effects that happened more than once."""
        return [f"{what} {key}: {count} times" for (what, key), count in self.effects.items() if count > 1]

    def by_what(self) -> Counter[str]:
        """Return how many effects of each sort there were."""
        return Counter(what for what, _ in self.effects.elements())


def set_up(server: ScratchPostgres) -> None:
    """Begin to write down effects."""
    with server.connect("catalog") as connection:
        connection.execute(SET_UP.encode())


def read(server: ScratchPostgres) -> Account:
    """Return what was written down."""
    with server.connect("catalog") as connection:
        rows = connection.execute("SELECT what, key, detail FROM chaos_effect").fetchall()
    found = Counter((what, key) for what, key, _ in rows if not what.startswith("VIOLATION"))
    return Account(found, tuple(" ".join(row) for row in rows if row[0].startswith("VIOLATION")))
