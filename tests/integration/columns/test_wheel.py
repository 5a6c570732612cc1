"""An application that installs the plain wheel gets a working column type, and nothing of the service."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.services.requirement import service_is_missing

ROOT = Path(__file__).parents[3]
SERVICE = {"celery", "kombu", "redis", "boto3", "botocore", "fastapi", "starlette", "flower", "uvicorn", "supervisor"}

APPLICATION = """
import importlib.metadata, json, sys
from pathlib import Path
from sqlalchemy import create_engine, select, text
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from strongroom.columnkeys.env_file import EnvCryptoFile
from strongroom.columns import EncryptedString, use_keyring

class Base(DeclarativeBase):
    pass

class User(Base):
    __tablename__ = "usuarios"
    id: Mapped[int] = mapped_column(primary_key=True)
    otp_secret: Mapped[str | None] = mapped_column("_otp_secret", EncryptedString(length=500), default=None)

use_keyring(EnvCryptoFile(Path(".env.crypto")), app="shop")
engine = create_engine("sqlite://")
Base.metadata.create_all(engine)
with Session(engine) as session:
    session.add(User(otp_secret="JBSWY3DPEHPK3PXP"))
    session.commit()
    stored = session.execute(text("SELECT _otp_secret FROM usuarios")).scalar_one()
    read = session.scalars(select(User.otp_secret)).one()
print(json.dumps({
    "stored": stored,
    "read": read,
    "imported": sorted({name.split(".")[0] for name in sys.modules}),
    "installed": sorted({found.name.lower() for found in importlib.metadata.distributions()}),
}))
"""


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(word) for word in command], cwd=cwd, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that has the wheel, what it needs, and no extras."""
    folder = tmp_path_factory.mktemp("application")
    built = run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder, cwd=ROOT)
    assert built.returncode == 0, built.stderr
    run(sys.executable, "-m", "venv", "--without-pip", folder / "venv", cwd=folder)
    (wheel,) = folder.glob("*.whl")
    python = folder / "venv" / "bin" / "python"
    # What is installed here already need not be found again: these very versions are asked for.
    lock = "".join(f"{line}\n" for line in pins())
    (folder / "pins.txt").write_text(lock, encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--constraint", folder / "pins.txt"]
    installed = run(*pip, wheel, cwd=folder)
    if installed.returncode != 0:
        service_is_missing(f"a package index: {installed.stderr[-300:]}")
    return python


def pins() -> list[str]:
    lines = (ROOT / "requirements" / "service.lock").read_text(encoding="utf-8").splitlines()
    return [line.split(" ")[0] for line in lines if "==" in line]


def test_the_plain_wheel_has_a_working_column_type_and_nothing_of_the_service(python: Path, tmp_path: Path):
    made = run(python, "-m", "strongroom", "secrets", "generate", "--yes", cwd=tmp_path)
    assert made.returncode == 0, made.stderr

    answered = run(python, "-c", APPLICATION, cwd=tmp_path)

    assert answered.returncode == 0, answered.stderr
    answer = json.loads(answered.stdout)
    assert answer["stored"].startswith("v1:g1.")
    assert answer["read"] == "JBSWY3DPEHPK3PXP"
    assert SERVICE & {*answer["installed"], *answer["imported"]} == set()
    assert {"alembic", "pydantic", "msgspec", "click"} & {*answer["imported"]} == set()
