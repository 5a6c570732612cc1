"""One pass over a table: every row is brought up to date, and nothing that somebody else writes is lost."""

import uuid

import pytest

from strongroom.columns.place import Binding, TokenFormat, row_id
from strongroom.rotation.access import Census, Changes, RowRefusedError
from strongroom.rotation.opening import open_table
from strongroom.rotation.target import CurrentTokens, shown
from tests.integration.rotation.tables import Application, hidden, keys, ring

KINDS = ["number", "word", "padded", "uuid", "pair"]
OLD, NEW = ring("v1"), ring("v2")


def opened(application, keyring=NEW):
    cipher = application.cipher(keyring)
    return {key: cipher.decrypt(token, row_id(key)) for key, token in application.tokens().items() if token}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("binding", list(Binding))
def test_every_row_is_converted_whatever_the_key(engine, kind, binding):
    application = Application.make(engine, kind, binding)
    found = keys(kind, 64)
    application.fill(found, application.cipher(OLD))

    outcome = application.run_pass(NEW)

    assert (outcome.rows, outcome.processed, outcome.broken) == (64, 64, [])
    assert {token.partition(":")[0] for token in application.tokens().values()} == {"v2"}
    assert opened(application) == {key: hidden(key) for key in found}


def test_fernet_tokens_become_tokens_of_the_chosen_format(engine):
    application = Application.make(engine)
    found = keys("number", 30)
    application.fill(found[:15], application.cipher(OLD, TokenFormat.FERNET))
    application.fill(found[15:], application.cipher(NEW, TokenFormat.FERNET))

    assert application.run_pass(NEW).processed == 30
    assert all(token.startswith("v2:g1.") for token in application.tokens().values())
    assert opened(application) == {key: hidden(key) for key in found}


def test_a_second_pass_writes_nothing(engine):
    application = Application.make(engine)
    application.fill(keys("number", 50), application.cipher(OLD))
    application.run_pass(NEW)
    before = application.tokens()

    outcome = application.run_pass(NEW)

    assert (outcome.processed, outcome.current) == (0, 50)
    assert application.tokens() == before


def test_null_and_empty_stay_what_they_are(engine):
    application = Application.make(engine)
    found = keys("number", 10)
    application.fill(found, application.cipher(OLD))
    application.put(found[0], None)
    application.put(found[1], "")

    assert application.run_pass(NEW).rows == 8
    assert (application.tokens()[found[0]], application.tokens()[found[1]]) == (None, "")


def test_a_row_that_somebody_changed_meanwhile_keeps_what_they_wrote(engine):
    application = Application.make(engine)
    found = keys("number", 10)
    application.fill(found, application.cipher(OLD))
    access = open_table(engine, application.target)
    rows = access.read(None, None, 10)
    theirs = application.cipher(OLD).encrypt("theirs", None)
    application.put(found[3], theirs)
    changes = Changes([row[:-1] for row in rows], [row[-1] for row in rows], [f"new{n}" for n in range(10)])

    written = access.write(changes, skip_locked=False)
    access.close()

    assert written == 9
    assert application.tokens()[found[3]] == theirs


def test_broken_rows_are_reported_and_byte_identical(engine):
    application = Application.make(engine)
    found = keys("number", 40)
    application.fill(found, application.cipher(OLD))
    token = application.tokens()[found[9]]
    damage = {
        found[0]: "no token at all",
        found[1]: token[:-4],
        found[2]: token[:20] + ("A" if token[20] != "A" else "B") + token[21:],
        found[3]: token.replace("v1:", "v9:"),
        found[4]: "v1:" + "gAAAA" + "x" * 40,
    }
    for key, text in damage.items():
        application.put(key, text)

    outcome = application.run_pass(NEW)

    assert {row.key for row in outcome.broken} == set(damage)
    assert {key: application.tokens()[key] for key in damage} == damage
    assert outcome.processed == 35
    named = {row.key: row.version for row in outcome.broken}
    assert (named[found[0]], named[found[1]], named[found[3]]) == (None, "v1", "v9")


def test_a_fernet_token_with_a_comma_in_it_does_not_keep_the_rows_after_it(engine):
    application = Application.make(engine)
    found = keys("number", 30)
    application.fill(found, application.cipher(OLD, TokenFormat.FERNET))
    odd = application.tokens()[found[4]].replace("gAAAA", "gAAAA,")
    application.put(found[4], odd)

    outcome = application.run_pass(NEW)

    assert (outcome.processed, [row.key for row in outcome.broken]) == (29, [found[4]])
    assert application.tokens()[found[4]] == odd


def test_a_token_that_the_column_cannot_hold_is_reported_not_cut(engine):
    application = Application.make(engine)
    application.fill(keys("number", 5), application.cipher(OLD))

    outcome = application.limited_to(20).run_pass(NEW)

    assert [row.reason for row in outcome.broken] == ["rotation.value_too_long"] * 5
    assert all(token.startswith("v1:") for token in application.tokens().values())


def test_a_dry_run_verifies_every_row_and_writes_nothing(engine):
    application = Application.make(engine)
    found = keys("number", 30)
    application.fill(found[:20], application.cipher(OLD))
    application.fill(found[20:], application.cipher(NEW))
    application.put(found[4], "v1:g1.AAAA")
    before = application.tokens()

    outcome = application.run_pass(NEW, dry_run=True)

    assert outcome.versions == {"v1": 20, "v2": 10}
    assert (outcome.processed, outcome.current, len(outcome.broken)) == (19, 10, 1)
    assert application.tokens() == before


def test_what_is_left_is_found_by_how_its_token_begins(engine):
    application = Application.make(engine)
    found = keys("number", 9)
    application.fill(found[:3], application.cipher(OLD))
    application.fill(found[3:6], application.cipher(NEW))
    application.fill(found[6:], application.cipher(NEW, TokenFormat.FERNET))
    access = open_table(engine, application.target)

    def left(token_format):
        return [row[:-1] for row in access.read_left(None, CurrentTokens.of("v2", token_format), 100)]

    try:
        assert left(TokenFormat.AES_GCM) == [*found[:3], *found[6:]]
        assert left(TokenFormat.FERNET) == found[:6]
        assert [row[:-1] for row in access.read_left(found[1], CurrentTokens.of("v2", TokenFormat.FERNET), 2)] == found[
            2:4
        ]
        assert access.count_versions() == Census({"v1": 3, "v2": 6}, 0)
        assert access.count_versions(CurrentTokens.of("v2", TokenFormat.AES_GCM)).left == 6
        assert access.count() == 9
    finally:
        access.close()


def test_a_row_that_the_database_refuses_does_not_keep_the_others(postgres_engine):
    application = Application.make(postgres_engine)
    found = keys("number", 40)
    application.fill(found, application.cipher(OLD))
    application.execute(f"ALTER TABLE secret_number ADD CHECK (id <> {found[17][0]} OR secret NOT LIKE 'v2:%')")

    outcome = application.run_pass(NEW)

    assert [(row.key, row.reason) for row in outcome.broken] == [(found[17], "rotation.refused_by_database")]
    assert outcome.processed == 39


def test_locked_rows_are_passed_over_and_the_rest_is_written(postgres_engine):
    application = Application.make(postgres_engine)
    found = keys("number", 20)
    application.fill(found, application.cipher(OLD))
    with postgres_engine.connect() as holder:
        holder.exec_driver_sql(f"UPDATE secret_number SET note = 'held' WHERE id = {found[5][0]}")
        outcome = application.run_pass(NEW)

    assert (outcome.processed, outcome.changed) == (19, 1)
    assert application.tokens()[found[5]].startswith("v1:")


def test_a_refusal_of_a_constraint_is_told_apart(postgres_engine):
    application = Application.make(postgres_engine)
    application.execute("ALTER TABLE secret_number ALTER COLUMN secret TYPE varchar(10)")
    application.execute("INSERT INTO secret_number VALUES (1, '', 'old')")
    access = open_table(postgres_engine, application.target)

    with pytest.raises(RowRefusedError):
        access.write(Changes([(1,)], ["old"], ["much longer than ten"]), skip_locked=False)
    access.close()


def test_uuid_keys_travel_as_text_in_a_cursor(postgres_engine):
    application = Application.make(postgres_engine, "uuid")
    found = sorted(keys("uuid", 10))
    application.fill(found, application.cipher(OLD))
    access = open_table(postgres_engine, application.target)

    rows = access.read(shown(found[3]), shown(found[6]), 100)
    access.close()

    assert [row[0] for row in rows] == [key[0] for key in found[4:7]]
    assert all(isinstance(row[0], uuid.UUID) for row in rows)
