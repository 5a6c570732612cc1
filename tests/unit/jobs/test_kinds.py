"""Every kind of job has a queue and an urgency."""

from itertools import pairwise

from strongroom.jobs.kinds import ROUTES, JobKind, Queue


def test_every_kind_has_a_route():
    assert set(ROUTES) == set(JobKind)


def test_every_queue_is_used():
    assert {kind.route.queue for kind in JobKind} == set(Queue)


def test_a_restore_goes_before_a_backup_and_a_backup_before_the_rest():
    order = [JobKind.RESTORE_RUN, JobKind.BACKUP_RUN, JobKind.REPLICATION_COPY]

    assert all(first.route.priority < second.route.priority for first, second in pairwise(order))
