"""Two requests are the same when their kind and arguments are."""

from strongroom.jobs.enqueueing import JobRequest
from strongroom.jobs.kinds import JobKind

ONE = JobRequest(JobKind.BACKUP_RUN, {"source": "a", "kind": "full"}, trace_id="1" * 32)


def test_the_order_of_arguments_and_the_trace_do_not_matter():
    other = JobRequest(JobKind.BACKUP_RUN, {"kind": "full", "source": "a"}, trace_id="2" * 32)

    assert other.digest == ONE.digest


def test_other_arguments_or_another_kind_make_another_request():
    other_args = JobRequest(JobKind.BACKUP_RUN, {"source": "b", "kind": "full"}, trace_id="1" * 32)
    other_kind = JobRequest(JobKind.RESTORE_RUN, {"source": "a", "kind": "full"}, trace_id="1" * 32)

    assert len({ONE.digest, other_args.digest, other_kind.digest}) == 3
