"""Several who give a pair a new secret at the same time: one does, and the others hear why they did not."""

from concurrent.futures import ThreadPoolExecutor

from strongroom.keysync.giving_errors import PskExistsError
from strongroom.keysync.keeping import PskState
from tests.integration.keysync.sites import Sites


def test_one_of_several_secrets_that_are_kept_at_once_waits(sites: Sites) -> None:
    def install(number: int) -> bool:
        try:
            return sites.a.psks.install("B", f"new-{number}", bytes([number]) * 32) is PskState.NEXT
        except PskExistsError:
            return False

    with ThreadPoolExecutor(6) as threads:
        kept = list(threads.map(install, range(6)))

    assert kept.count(True) == 1
    assert [view.state for view in sites.a.psks.views("B")] == ["current", "next"]


def test_one_of_several_first_secrets_is_in_force(sites: Sites) -> None:
    def install(number: int) -> PskState:
        try:
            return sites.a.psks.install("C", f"new-{number}", bytes([number]) * 32)
        except PskExistsError:
            return PskState.RETIRING

    with ThreadPoolExecutor(3) as threads:
        kept = sorted(threads.map(install, range(3)))

    # The second of two waits, as one that comes later does.
    assert kept == [PskState.CURRENT, PskState.NEXT, PskState.RETIRING]
