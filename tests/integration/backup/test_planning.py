"""A plan that is asked for as a job says what the restore would do and writes nothing."""

import uuid

from strongroom.backup.planning import plan_restore
from strongroom.backup.restore_requests import RestoreRequest, request_plan
from strongroom.backup.selection import Selection
from strongroom.backup.targets import FilesTargetRequest
from strongroom.catalog.backup_queries import list_restores
from tests.integration.backup.conftest import TRACE, House


def test_a_plan_is_the_result_of_its_job(small_house: House) -> None:
    backup = small_house.back_up()
    target = small_house.directory / "planned"
    selection = Selection(paths=("3.txt", "4.txt"))
    request = RestoreRequest(
        str(backup.id), "us", FilesTargetRequest(target), False, None, None, TRACE, selection=selection
    )

    job = small_house.run(request_plan(small_house.services, request))

    assert job.result is not None, job.last_error
    planned = plan_restore(small_house.services, request)
    assert uuid.UUID(job.result["backup_id"]) == planned.backup_id == backup.id
    assert (job.result["files"], job.result["bytes"]) == (planned.files, planned.bytes) == (2, 900)
    assert (job.result["region"], job.result["found"]["state"]) == ("us", "absent")
    assert not target.exists()
    with small_house.services.catalog.read() as session:
        assert list_restores(session).items == []


def test_a_plan_names_what_would_end_the_restore(small_house: House) -> None:
    backup = small_house.back_up()
    request = RestoreRequest(str(backup.id), None, FilesTargetRequest(small_house.tree), False, None, None, TRACE)
    job = small_house.run(request_plan(small_house.services, request))
    assert job.result is not None, job.last_error
    assert job.result["found"]["state"] == "filled"
    assert "is not empty" in job.result["found"]["obstacles"][0]
