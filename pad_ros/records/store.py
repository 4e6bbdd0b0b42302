"""The station's records: one SQLite file that several processes may write, and a kill cannot spoil.

Write-ahead log: what a call has written is with the system when it returns, so that a kill of the process loses none of
it; after a power cut, what is younger than the last `checkpoint` may be missing, and the file is whole all the same.
"""

from __future__ import annotations

import os
import socket
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, create_engine, event, inspect, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.orm import Session

from pad_ros.errors import RecordsError
from pad_ros.records.models import SCHEMA_VERSION, Base, Clock, Meta, RegionRow, View, now

DATABASE = "records.sqlite"
_RESERVE = "reserve"
_RESERVE_BYTES = 8_000_000
_AT_ONCE = 500  # rows in a statement: databases limit its values
_WAIT_S = 0.5  # for another process that writes


class Store:
    """The records in a folder.

    Args:
        folder: made when missing, unless `must_exist`.
        station: of this machine among others; by default its host name.
        must_exist: for who only reads: records that are not there are an error.
        insist: false for the line, which must run on a full disk too: records that were opened before, and cannot be
            now, are opened by the first `add` that can.
        clock: tells the moment of a row, UTC.

    Raises:
        RecordsError: they are not there, cannot be opened or are of another version.
    """

    def __init__(
        self, folder: Path | str, station: str = "", must_exist: bool = False, insist: bool = True, clock: Clock = now
    ) -> None:
        self.folder = Path(folder)
        self.station = station or socket.gethostname()
        self.clock = clock
        self._path = self.folder / DATABASE
        there = self._path.is_file()
        if must_exist and not there:
            raise RecordsError(f"{self.folder}: no {DATABASE}, so no records; the graph keeps some with records:=DIR")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RecordsError(f"{self.folder}: records cannot be kept there ({error.strerror})") from None
        url = URL.create("sqlite", database=str(self._path))
        self.engine = create_engine(url, connect_args={"timeout": _WAIT_S})
        event.listen(self.engine, "connect", _configure)
        self._opened = False
        try:
            self._open()
        except DBAPIError as error:
            if insist or not there:
                self.close()
                raise RecordsError(f"{self._path}: the records cannot be opened ({error.orig})") from None

    def add(self, *rows: Any) -> int:
        """Writes rows in one transaction; those whose uid is there already are left out.

        Returns:
            How many were new.

        Raises:
            RecordsError: they cannot be written; none of them was.
        """
        try:
            return self._add(rows)
        except DBAPIError as error:
            if not (is_full(error) and self._release_reserve()):
                raise self._error(error) from None
        try:
            return self._add(rows)
        except DBAPIError as error:
            raise self._error(error) from None

    def session(self) -> Session:
        """For reading; expires nothing."""
        return Session(self.engine, expire_on_commit=False)

    def checkpoint(self) -> None:
        """Brings the log into the file and both to the disk: from here on, a power cut loses nothing older."""
        with suppress(SQLAlchemyError), self.engine.connect() as connection:  # on a full disk the log is enough
            connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")

    @property
    def reserve_used(self) -> bool:
        """Whether the disk has been full, and is not known to have room again."""
        return not (self.folder / _RESERVE).is_file()

    def keep_reserve(self) -> None:
        """Sets some room aside, for the rows of the time when others have filled the disk."""
        path = self.folder / _RESERVE
        if path.is_file():
            return
        try:
            if os.statvfs(self.folder).f_bavail * os.statvfs(self.folder).f_frsize < 3 * _RESERVE_BYTES:
                return
            with open(path, "wb") as file:
                os.posix_fallocate(file.fileno(), 0, _RESERVE_BYTES)
        except OSError:  # no room, or not ours to write: the records may be read all the same
            with suppress(OSError):
                path.unlink()

    def close(self) -> None:
        """Lets go of the file; may be called twice."""
        self.engine.dispose()

    def _open(self) -> None:
        with self.engine.connect() as connection:
            if not inspect(connection).has_table(Meta.__tablename__):
                connection.rollback()
                connection.exec_driver_sql("BEGIN IMMEDIATE")  # two processes may begin at the same moment
                create_tables(connection)
                connection.commit()
            check_version(connection, str(self._path))
        self._opened = True
        self.keep_reserve()

    def _add(self, rows: Sequence[Any]) -> int:
        if not self._opened:
            self._open()
        with self.engine.begin() as connection:
            return sum(
                insert_new(connection, kind, [as_dict(row, self.station, self.clock) for row in group])
                for kind, group in groupby(rows, type)
            )

    def _release_reserve(self) -> bool:
        try:
            (self.folder / _RESERVE).unlink()
        except OSError:
            return False
        return True

    def _error(self, error: DBAPIError) -> RecordsError:
        return RecordsError(f"{self._path}: cannot be written ({error.orig})")


def is_full(error: Exception) -> bool:
    """Whether an error of the database is that its disk is full."""
    said = str(getattr(error, "orig", error))
    return any(words in said for words in ("full", "disk I/O error", "unable to open"))  # the log's files cannot grow


def as_dict(row: Any, station: str, clock: Clock = now) -> dict[str, Any]:
    """A row's columns as they are to be inserted, with its regions, without its number."""
    values = {column.key: getattr(row, column.key) for column in inspect(type(row)).columns if column.key != "id"}
    values["station"] = values.get("station") or station
    values["recorded"] = values.get("recorded") or clock()
    if isinstance(row, View):
        regions = [column.key for column in inspect(RegionRow).columns]
        values["regions"] = [
            {key: getattr(region, key) for key in regions} | {"view_uid": row.uid, "number": number}
            for number, region in enumerate(row.regions)
        ]
    return values


def insert_new(connection: Connection, kind: type[Any], rows: Sequence[dict[str, Any]]) -> int:
    """Inserts rows of a table, views with their regions, unless their uid is there; returns how many were new."""
    insert: Any = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}[connection.dialect.name]
    new: set[str] = set()
    for begin in range(0, len(rows), _AT_ONCE):
        plain = [{key: value for key, value in row.items() if key != "regions"} for row in rows[begin:][:_AT_ONCE]]
        statement = insert(kind).values(plain).on_conflict_do_nothing(index_elements=["uid"]).returning(kind.uid)
        new.update(connection.scalars(statement))
    regions = [region for row in rows if row["uid"] in new for region in row.get("regions", ())]
    if regions:
        connection.execute(insert(RegionRow), regions)
    return len(new)


def create_tables(connection: Connection) -> None:
    """Makes the tables that are missing."""
    Base.metadata.create_all(connection)
    if connection.execute(select(Meta).where(Meta.key == "schema")).first() is None:
        connection.execute(Meta.__table__.insert().values(key="schema", value=str(SCHEMA_VERSION)))  # type: ignore[attr-defined]


def check_version(connection: Connection, where: str) -> None:
    """Refuses records of another version.

    Raises:
        RecordsError: they are.
    """
    found = connection.execute(select(Meta.value).where(Meta.key == "schema")).scalar()
    if found != str(SCHEMA_VERSION):
        raise RecordsError(
            f"{where}: records of version {found}, this pad_ros writes {SCHEMA_VERSION}; begin a new folder, or update"
        )


def _configure(connection: sqlite3.Connection, _: Any) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "wal_autocheckpoint=4000"):
        connection.execute(f"PRAGMA {pragma}").close()
