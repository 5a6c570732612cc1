"""The list of a set-up's sites, kept with its authorities so that more can be made later; it holds no secret."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter

from strongroom.errors import InvalidInputError
from strongroom.keysync.planning import TEMPLATES, Site, verify_sites

_FORMAT = "strongroom-skip-sites/1"
_FILE = "sites.json"
_SITES = TypeAdapter(tuple[Site, ...])


class SiteListError(InvalidInputError):
    """A folder is not one that a set-up was written into, or the keys of its authorities are not there."""

    code = "keysync.site_list"


@dataclass(frozen=True, slots=True)
class Sites:
    """Sites that are each other's peers, and the name of their template."""

    environment: str
    sites: tuple[Site, ...]

    def get(self, name: str) -> Site:
        """Return a site by its name; raises SiteListError."""
        found = next((site for site in self.sites if site.name == name), None)
        if found is None:
            names = ", ".join(site.name for site in self.sites)
            raise SiteListError(f"The set-up has no site {name[:64]!r}.", next_step=f"Its sites: {names}.")
        return found


def write_sites(authorities: Path, sites: Sites) -> None:
    """Write the list in the place of the last one, whole or not at all."""
    document = {"format": _FORMAT, "environment": sites.environment, "sites": [asdict(site) for site in sites.sites]}
    new = authorities / f".{_FILE}.new"
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(document, file, indent=1)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    new.replace(authorities / _FILE)


def read_sites(authorities: Path) -> Sites:
    """Return the list; raises SiteListError, and SitesError where it was changed to what cannot be."""
    try:
        document = json.loads((authorities / _FILE).read_bytes())
        sites = Sites(document["environment"], _SITES.validate_python(document["sites"]))
        known = document["format"] == _FORMAT and sites.environment in TEMPLATES
    except OSError as error:
        raise SiteListError(
            f"{authorities / _FILE} cannot be read: {error.strerror}.",
            next_step="Name the folder that the set-up was written into, with its authorities.",
        ) from None
    except (ValueError, KeyError, TypeError):
        known = False
    if not known:
        raise SiteListError(f"{authorities / _FILE} holds no list of sites.", next_step="Take the copy that was kept.")
    verify_sites(sites.sites)
    return sites
