"""A section that is not in the file is its defaults, unchecked: those have to be what the checks would make of them."""

from pathlib import Path

import pytest

from strongroom.settings import Settings, load_settings
from strongroom.settings.fields import Section


def sections(parent: type[Section] = Section) -> list[type[Section]]:
    below = [one for one in parent.__subclasses__() if one.__module__.startswith("strongroom.settings")]
    return sorted({*below, *(one for child in below for one in sections(child))}, key=lambda one: one.__name__)


def needs_something(section: type[Section]) -> bool:
    return any(field.is_required() for field in section.model_fields.values())


@pytest.mark.parametrize("section", [one for one in sections() if not needs_something(one)])
def test_defaults_are_what_an_empty_table_is(section: type[Section]) -> None:
    assert section.defaults() == section.model_validate({})


def test_a_default_that_depends_on_where_the_file_is_is_not_taken_unchecked() -> None:
    relative = {one.__name__ for one in sections() if not needs_something(one) and not one.has_sound_defaults()}

    assert {"KeyringSettings", "TopLevel", "ColumnKeySettings"} <= relative


def test_nothing_is_missing_from_the_settings_of_a_file_with_one_region(tmp_path: Path) -> None:
    path = tmp_path / "strongroom.toml"
    path.write_text('[regions.home]\npath = "region"\n')

    settings = load_settings(path, {})

    assert set(vars(settings)) == set(Settings.model_fields)
    assert Settings(**vars(settings)) == settings
