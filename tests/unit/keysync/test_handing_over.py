"""A secret made for both sides of a pair is kept by this one, and its file stays wherever it may be."""

from pathlib import Path
from typing import cast

import pytest

from strongroom.catalog.errors import CatalogUnavailableError
from strongroom.clock import system_random
from strongroom.errors import StrongroomError
from strongroom.keysync.giving_errors import PskExistsError
from strongroom.keysync.handing_over import hand_out
from strongroom.keysync.psks import Psks


class Failing:
    """Keeps nothing, or may have."""

    def __init__(self, error: StrongroomError) -> None:
        self._error = error

    def install(self, *_: object) -> None:
        raise self._error


@pytest.mark.parametrize(("error", "stays"), [(CatalogUnavailableError, True), (PskExistsError, False)])
def test_the_file_stays_where_the_secret_may_have_been_kept(tmp_path: Path, error: type[StrongroomError], stays: bool):
    path = tmp_path / "porto.json"
    psks = cast("Psks", Failing(error("It failed.", next_step="Try again.")))

    with pytest.raises(error):
        hand_out(psks, path, own="lisbon", peer="porto", random=system_random)

    assert path.exists() == stays
