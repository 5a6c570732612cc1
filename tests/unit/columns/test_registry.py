"""Every encrypted column is found, and one that nobody registered is reported."""

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table

from strongroom.columns import Binding, EncryptedString, TokenFormat
from strongroom.columns.errors import ColumnUnregisteredError
from strongroom.columns.registry import RegisteredColumn, registered_columns, verify_registered


def shop() -> MetaData:
    metadata = MetaData()
    Table("plain", metadata, Column("id", Integer, primary_key=True), Column("name", String))
    Table(
        "users",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("_otp_secret", EncryptedString(length=500), key="otp_secret"),
        Column("phone", EncryptedString(format="fernet", known_as="people.tel")),
    )
    Table(
        "notes",
        metadata,
        Column("year", Integer, primary_key=True),
        Column("body", EncryptedString(binding="column")),
        Column("title", String, primary_key=True),
        schema="crm",
    )
    return metadata


def test_every_encrypted_column_is_found_with_what_a_campaign_needs():
    assert registered_columns(shop()) == (
        RegisteredColumn(
            "crm.notes", "body", ("year", "title"), ("crm.notes", "body"), TokenFormat.AES_GCM, Binding.COLUMN, None
        ),
        RegisteredColumn(
            "users", "_otp_secret", ("id",), ("users", "_otp_secret"), TokenFormat.AES_GCM, Binding.ROW, 500
        ),
        RegisteredColumn("users", "phone", ("id",), ("people", "tel"), TokenFormat.FERNET, Binding.COLUMN, None),
    )


def test_a_column_that_nobody_registered_is_named():
    known = {("crm.notes", "body"), ("users", "_otp_secret"), ("users", "phone")}

    verify_registered(shop(), known)
    with pytest.raises(ColumnUnregisteredError, match=r"users\.phone"):
        verify_registered(shop(), known - {("users", "phone")})
