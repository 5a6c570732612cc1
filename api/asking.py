"""What a request is about, as far as grants for some sources need to know."""

import json
import uuid
from collections.abc import Collection
from typing import Any

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import Select, select

from strongroom.access.operation import Operation, SourceIn
from strongroom.access.principals import ANY, Principal
from strongroom.catalog.backups import Backup
from strongroom.catalog.jobs import Job
from strongroom.catalog.session import Catalog


async def find_sources(
    request: Request, operation: Operation, principal: Principal, catalog: Catalog
) -> Collection[str]:
    """Return the sources a request names, where the table says that it does; none where it names not each of them."""
    if operation.source_in is SourceIn.NOWHERE or all(grant.sources == ANY for grant in principal.scopes):
        return ()
    match operation.source_in:
        case SourceIn.QUERY:
            return request.query_params.getlist("source")
        case SourceIn.BODY:
            return _named([await _body(request)])
        case SourceIn.ITEMS:
            items = (await _body(request)).get("items")
            return _named(items if isinstance(items, list) else [])
        case SourceIn.BACKUP:
            backups = select(Backup.source).where(Backup.id == _key(request, "backup_id"))
            return await run_in_threadpool(_of_row, backups, catalog)
        case _:
            jobs = select(Job.source).where(Job.id == _key(request, "job_id"))
            return await run_in_threadpool(_of_row, jobs, catalog)


async def _body(request: Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except (json.JSONDecodeError, UnicodeDecodeError):
        return {}
    return body if isinstance(body, dict) else {}


def _named(items: list[Any]) -> Collection[str]:
    """Return the source of each item, or none at all where one names none."""
    found = [item.get("source") if isinstance(item, dict) else None for item in items]
    return [name for name in found if isinstance(name, str)] if all(isinstance(name, str) for name in found) else ()


def _key(request: Request, parameter: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(request.path_params[parameter])
    except ValueError:
        return None


def _of_row(query: Select[tuple[Any]], catalog: Catalog) -> Collection[str]:
    with catalog.read() as session:
        source = session.scalar(query)
    return () if source is None else (source,)
