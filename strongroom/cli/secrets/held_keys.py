"""Whether a ring has the keys that live processes hold, by the check tokens that these report to the catalog."""

from strongroom.catalog.engine import open_engine
from strongroom.catalog.session import Catalog
from strongroom.cli.secrets.place import RingPlace
from strongroom.cli.secrets.speaking import Speaker
from strongroom.columnkeys.errors import KeyRingConflictError
from strongroom.columnkeys.ring import KeyRing
from strongroom.errors import StrongroomError
from strongroom.jobs.key_holders import list_contradicting


def verify_held_keys(place: RingPlace, speaker: Speaker, ring: KeyRing) -> None:
    """Return when a ring may take the place of the installation's; raises KeyRingConflictError.

    A catalog that does not answer is said and forbids nothing: keys are restored when much else is broken.
    """
    if place.installation is None or place.file.path != place.column_keys.file:
        return
    catalog = Catalog(open_engine(place.installation.catalog_url.get_secret_value()))
    try:
        with catalog.read() as session:
            against = list_contradicting(session, ring)
    except StrongroomError as error:
        speaker.warn("the copy is not compared with the keys of processes: {reason}", reason=error.what)
        return
    finally:
        catalog.close()
    if against:
        raise KeyRingConflictError(
            f"The restored ring would not open what live processes read and write: {'; '.join(against[:5])}.",
            next_step="Use a copy that has these keys, or end the processes and wait ten minutes.",
        )
