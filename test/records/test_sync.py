import os
import signal
import subprocess
import sys
import threading
import time
from itertools import pairwise

import pytest
from postgres_server import PASSWORD, Line, free_port, postgres
from records_stage import fill, inspection_of, recorder_in
from sqlalchemy import create_engine, inspect, select

from pad_ros.cli import main
from pad_ros.errors import BuildError, ConfigError, RecordsError
from pad_ros.records import sync
from pad_ros.records.models import SENT, RegionRow
from pad_ros.records.store import Store
from pad_ros.records.sync import Target, send
from pad_ros.records.verdicts import Seen

SCORES = [1.0, 9.0, None, 2.0, 6.0]


@pytest.fixture(scope="module")
def server():
    pytest.importorskip("psycopg", reason="needs psycopg (requirements/postgres.txt)")
    with postgres() as running:
        yield running


@pytest.fixture
def database(server):
    """Gives the server's URL with an empty database."""
    engine = create_engine(Target(server.url()).engine.url, isolation_level="AUTOCOMMIT")
    name = f"plant_{time.monotonic_ns()}"
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return name


def content(engine, table, leaving=("id",)):
    columns = [column for column in inspect(table).columns if column.key not in leaving]
    with engine.connect() as connection:
        return sorted(map(repr, connection.execute(select(*columns))))


def assert_the_same(store, target, tables=(*SENT, RegionRow)):
    for table in tables:
        here, there = content(store.engine, table), content(target.engine, table)
        assert here and here == there, table


def test_what_is_new_is_sent_once(tmp_path, server, database):
    fill(tmp_path, SCORES)
    store, target = Store(tmp_path), Target(server.url(database=database))
    assert send(store, target) == 1 + 3 * len(SCORES)
    assert_the_same(store, target)
    assert send(store, target) == 0
    recorder_in(tmp_path).add(Seen("camera 99", 99, 99), inspection_of(7.0), "bracket", "c", lambda: None)
    assert send(store, target) == 1
    assert_the_same(store, target)
    with store.engine.begin() as connection:  # the station forgets how far it has come
        connection.exec_driver_sql("DELETE FROM sync_state")
    assert send(store, target) == 0
    assert_the_same(store, target)


def test_stations_that_begin_at_once_share_a_database(tmp_path, server, database):
    stores = [Store(fill(tmp_path / name, SCORES, station=name)) for name in ("line 1", "line 2", "line 3")]
    sent, threads = [], []
    for store in stores:
        work = lambda store=store: sent.append(send(store, Target(server.url(database=database))))  # noqa: E731
        threads.append(threading.Thread(target=work))
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert sent == [1 + 3 * len(SCORES)] * 3
    target = Target(server.url(database=database))
    for table in SENT:
        assert content(target.engine, table) == sorted(row for s in stores for row in content(s.engine, table))


def test_a_connection_that_is_cut_again_and_again_loses_nothing_and_repeats_nothing(
    tmp_path, server, database, monkeypatch
):
    monkeypatch.setattr(sync, "_BATCH", 7)
    monkeypatch.setattr(sync, "_FIRST_PAUSE_S", 0.01)
    fill(tmp_path, SCORES * 12)
    # Anywhere in the talk: in the log-in, in a batch, and between a commit and its confirmation.
    line = Line(server.port, [500, 3000, 9000, *range(12_000, 40_000, 1733)])
    store, target = Store(tmp_path), Target(server.url(line.port, database=database))
    send(store, target)
    line.close()
    assert line.cut >= 5
    assert_the_same(store, Target(server.url(database=database)))


def test_a_sender_that_is_killed_goes_on(tmp_path, server, database):
    fill(tmp_path, SCORES * 15)
    code = (
        "import sys; from pathlib import Path\n"
        "from pad_ros.records import sync; from pad_ros.records.store import Store\n"
        "sync._BATCH = 5\n"
        "said = lambda *_: print('sent', flush=True)\n"
        "sync.send(Store(Path(sys.argv[1])), sync.Target(sys.argv[2]), progress=said)"
    )
    command = [sys.executable, "-c", code, str(tmp_path), server.url(database=database)]
    for lines in (1, 6):
        victim = subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": ":".join(sys.path)})
        for _ in range(lines):
            assert victim.stdout.readline()
        victim.send_signal(signal.SIGKILL)
        victim.wait()
    store, target = Store(tmp_path), Target(server.url(database=database))
    assert 0 < send(store, target) < 1 + 3 * len(SCORES) * 40
    assert_the_same(store, target)


def test_a_server_that_crashes_is_waited_for(tmp_path, server, database, monkeypatch):
    monkeypatch.setattr(sync, "_BATCH", 10)
    fill(tmp_path, SCORES * 10)
    store, target = Store(tmp_path), Target(server.url(database=database))
    crashed, problems = [], []

    def crash(done, total, remark):
        if done >= 60 and not crashed:
            crashed.append(True)
            server.stop()
            threading.Timer(1.0, server.start).start()

    send(store, target, progress=crash, trouble=problems.append)
    assert crashed
    assert problems and all(problem.startswith(target.name) for problem in problems)
    assert all(problem != after for problem, after in pairwise(problems))  # each is said once
    assert_the_same(store, target)


def test_a_target_that_cannot_be_reached_is_one_line_without_the_password(tmp_path, server, database, capsys):
    fill(tmp_path, SCORES)
    for url in (
        server.url(free_port()),
        server.url(password="wr0ng-but-secret"),
        server.url(database="not there"),
        f"postgresql://127.0.0.1:{server.port}/{database}?user=plant&password=wr0ng-but-secret",
        "postgresql://plant:wr0ng-but-secret@host.invalid/plant",
        "postgresql://plant:wr0ng-but-secret@[/plant",
        "mysql://plant:wr0ng-but-secret@host/plant",
        "wr0ng-but-secret",
    ):
        assert main(["records", "sync", str(tmp_path), "--to", url, "--patience", "0"]) == 1
        said = "".join(capsys.readouterr())
        assert said.splitlines()[-1].startswith("pad records: ")
        assert "secret" not in said and PASSWORD not in said
        assert "Traceback" not in said


def test_the_command_takes_its_target_from_the_environment(tmp_path, server, database, capsys, monkeypatch):
    fill(tmp_path, SCORES)
    monkeypatch.setenv("PAD_RECORDS_TO", server.url(database=database))
    assert main(["records", "sync", str(tmp_path)]) == 0
    said = "".join(capsys.readouterr())
    assert f"16 new rows are in 127.0.0.1:{server.port}/{database}" in said
    assert PASSWORD not in said
    monkeypatch.delenv("PAD_RECORDS_TO")
    assert main(["records", "sync", str(tmp_path)]) == 1
    assert "no target" in capsys.readouterr().err


def test_a_database_of_another_version_is_refused(tmp_path, server, database):
    fill(tmp_path, SCORES)
    store, target = Store(tmp_path), Target(server.url(database=database))
    send(store, target)
    with target.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE meta SET value = '99'")
    with pytest.raises(RecordsError, match="version 99"):
        send(store, target)


def test_without_the_driver_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(sync.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(BuildError, match="make postgres"):
        Target("postgresql://plant@host/plant")
    with pytest.raises(ConfigError, match="PostgreSQL"):
        Target("sqlite:///here")
