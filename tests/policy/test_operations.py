"""Every command has its row in the table of operations, and the table has no other; so have routes, in test_routes."""

import click

from strongroom.access.commands import COMMANDS
from strongroom.access.operations import OPERATIONS, PUBLIC, ROUTES, VERBS
from tests.policy.test_reference_pages import commands


def test_every_command_has_its_row():
    there = {"cli: " + " ".join(path) for path, command in commands() if not isinstance(command, click.Group)}
    declared = {row.name for row in COMMANDS}

    assert there - declared == set(), "Add these to strongroom/access/commands.py"
    assert declared - there == set(), "There are no such commands"


def test_no_row_is_there_twice():
    assert len(OPERATIONS) == len(PUBLIC) + len(ROUTES) + len(VERBS) + len(COMMANDS)


def test_what_is_public_says_why():
    assert [row.name for row in PUBLIC if len(row.public or "") < 20] == []
