"""The wheel holds the library alone, so that an application can install it beside its own `tasks` package."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.policy.project import ROOT, python_files, relative


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    return zipfile.ZipFile(built)


def test_the_wheel_has_one_top_level_package(wheel):
    tops = {Path(name).parts[0] for name in wheel.namelist()}

    assert {top for top in tops if not top.endswith(".dist-info")} == {"strongroom"}


def test_the_wheel_holds_every_module_of_the_library(wheel):
    assert {relative(path) for path in python_files("strongroom")} <= set(wheel.namelist())


def test_the_wheel_says_that_it_is_typed_and_carries_the_licence(wheel):
    names = wheel.namelist()

    assert "strongroom/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_wheel_installs_the_command(wheel):
    (entry_points,) = (name for name in wheel.namelist() if name.endswith("entry_points.txt"))

    assert b"strongroom = strongroom.cli.main:run_process" in wheel.read(entry_points)
