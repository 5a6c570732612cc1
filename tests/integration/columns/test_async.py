"""Async engines: the same type, with each driver that people use."""

import asyncio

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from strongroom.columns.errors import TokenRefusedError
from tests.integration.columns.conftest import Keys
from tests.integration.columns.shop import ApiToken, Base, Note, User


@pytest.fixture(params=["sqlite+aiosqlite", "postgresql+asyncpg", "postgresql+psycopg"])
def url(request: pytest.FixtureRequest, tmp_path) -> str:
    driver = request.param
    if driver.startswith("sqlite"):
        return f"{driver}:///{tmp_path / 'shop.db'}"
    return request.getfixturevalue("shop_database").replace("postgresql:", f"{driver}:")


async def use(url: str) -> list[str | None]:
    engine = create_async_engine(url)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.drop_all)
            await connection.run_sync(Base.metadata.create_all)
        async with AsyncSession(engine) as session, session.begin():
            session.add_all([User(id=1000, name="z", otp_secret="one", phone="1"), ApiToken(value="token")])
            session.add_all([User(name="server", otp_secret=f"made {number}") for number in range(3)])
        async with AsyncSession(engine) as session, session.begin():
            (await session.get_one(User, 1000)).otp_secret = "changed"
            await session.execute(insert(User), [{"name": "bulk", "otp_secret": "bulk"}] * 2)
        async with AsyncSession(engine) as session:
            assert (await session.scalars(select(ApiToken.value))).all() == ["token"]
            found = (await session.scalars(select(User.otp_secret).order_by(User.name, User.id))).all()
            await session.execute(text("UPDATE usuarios SET phone = _otp_secret WHERE id = 1000"))
            with pytest.raises(TokenRefusedError):
                await session.scalars(select(User.phone))
            streamed = [row async for row in await session.stream_scalars(select(Note.body))]
        return [*found, *streamed]
    finally:
        await engine.dispose()


def test_an_async_engine_binds_rows_and_refuses_moved_tokens(url: str, keys: Keys):
    assert asyncio.run(use(url)) == ["bulk", "bulk", "made 0", "made 1", "made 2", "changed"]
