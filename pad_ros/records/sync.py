"""Sends a station's records to a plant's PostgreSQL: the same tables, each row once."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Connection, create_engine, func, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError

from pad_ros.common.progress import Progress, silent
from pad_ros.errors import BuildError, ConfigError, RecordsError
from pad_ros.records.models import SENT, SyncState
from pad_ros.records.store import Store, as_dict, check_version, create_tables, insert_new

_BATCH = 500
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 10.0
_LOCK = 0x70616472  # "padr": stations that begin at once make the tables one after the other


class Target:
    """A PostgreSQL database; `name` says which without user and password, for messages.

    What the URL leaves out, libpq finds where it always does (`PGPASSWORD`, `~/.pgpass`, `PGSSLMODE` …).

    Raises:
        ConfigError: no URL of a PostgreSQL database; it is not repeated, for it may hold a password.
        BuildError: the driver is not installed; says how to get it.
    """

    def __init__(self, url: str) -> None:
        try:
            parsed = make_url(url)
        except (ArgumentError, ValueError):
            raise ConfigError("the target is no URL; write it as postgresql://USER@HOST/DATABASE") from None
        if parsed.get_backend_name() != "postgresql" or not parsed.database:
            raise ConfigError("the target must be a PostgreSQL database, as in postgresql://USER@HOST/DATABASE")
        if importlib.util.find_spec("psycopg") is None:
            raise BuildError("sending records to PostgreSQL needs psycopg, which is not installed: `make postgres`")
        host = parsed.host or str(parsed.query.get("host", "this machine"))
        self.name = f"{host}:{parsed.port or 5432}/{parsed.database}"
        # Whatever is secret in the URL must not come back in a driver's message.
        self._secrets = [str(secret) for secret in (parsed.password, parsed.query.get("password")) if secret]
        self.engine = create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args={"connect_timeout": 10},
        )

    def explain(self, error: DBAPIError) -> str:
        """What the server or the driver says, in a line and without secrets."""
        said = " ".join(str(error.orig).split())
        for secret in self._secrets:
            said = said.replace(secret, "***")
        return said


def keep_sending(
    store: Store,
    target: Target,
    every_s: float = 0.0,
    patience_s: float = 60.0,
    progress: Progress = silent,
    trouble: Callable[[str], None] = lambda problem: None,
) -> Iterator[int]:
    """Sends what is new, and then, when `every_s` is not 0, again and again; yields how many rows were new each time.

    `trouble` is told why the target cannot be reached, once for each problem, while it is tried again.

    Raises:
        RecordsError: the target cannot be reached for `patience_s` seconds, or refuses; what was sent stays sent.
    """
    while True:
        yield send(store, target, patience_s, progress, trouble)
        if not every_s:
            return
        time.sleep(every_s)


def send(
    store: Store,
    target: Target,
    patience_s: float = 60.0,
    progress: Progress = silent,
    trouble: Callable[[str], None] = lambda problem: None,
) -> int:
    """Sends what is new; a lost connection is taken up again where it was.

    The target knows each row by its uid, and the station how far it has come: a row whose confirmation was lost is
    offered again, and is not written again.

    Returns:
        How many rows the target did not have.

    Raises:
        RecordsError: the target cannot be reached for `patience_s` seconds, or refuses; what was sent stays sent.
    """
    sent, begun, failing_since, pause = 0, False, time.monotonic(), _FIRST_PAUSE_S
    total = sum(_left(store, target, table) for table in SENT)
    done, said = 0, ""
    while True:
        try:
            if not begun:
                _prepare(target)
                begun = True
            for table in SENT:
                while batch := _next(store, target, table):
                    with target.engine.begin() as connection:
                        sent += insert_new(connection, table, [as_dict(row, row.station) for row in batch])
                    _note(store, target, table, batch[-1].id)
                    done += len(batch)
                    progress(done, max(total, done), table.__tablename__)
                    failing_since, pause, said = time.monotonic(), _FIRST_PAUSE_S, ""
            return sent
        except (OperationalError, InterfaceError) as error:
            target.engine.dispose()
            problem = f"{target.name}: {target.explain(error)}"
            if time.monotonic() - failing_since > patience_s:
                left = sum(_left(store, target, table) for table in SENT)
                raise RecordsError(f"{problem}; {left} rows are still to be sent, next time") from None
            if problem != said:
                trouble(problem)
                said = problem
            progress(done, max(total, done), "waiting for the connection")
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)
        except DBAPIError as error:
            raise RecordsError(f"{target.name}: refuses records: {target.explain(error)}") from None


def _prepare(target: Target) -> None:
    with target.engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        create_tables(connection)
        check_version(connection, target.name)


def _last(connection: Connection | Any, target: Target, table: type[Any]) -> int:
    query = select(SyncState.last_id).where(SyncState.target == target.name, SyncState.table == table.__tablename__)
    return connection.scalar(query) or 0


def _next(store: Store, target: Target, table: type[Any]) -> list[Any]:
    with store.session() as session:
        last = _last(session, target, table)
        return list(session.scalars(select(table).where(table.id > last).order_by(table.id).limit(_BATCH)))


def _left(store: Store, target: Target, table: type[Any]) -> int:
    with store.session() as session:
        last = _last(session, target, table)
        return session.scalar(select(func.count()).select_from(table).where(table.id > last)) or 0


def _note(store: Store, target: Target, table: type[Any], last_id: int) -> None:
    with store.session() as session:
        session.merge(SyncState(target=target.name, table=table.__tablename__, last_id=last_id))
        session.commit()
