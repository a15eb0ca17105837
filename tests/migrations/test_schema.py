"""The migrated schema is the one that the models describe, on every database, up and down and up again."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from flask_crm_sync import migration
from flask_crm_sync.models import Base, Database, Heartbeat
from flask_crm_sync.models.base import VERSION_TABLE
from flask_crm_sync.resources import migrations_directory
from tests.servers import fresh_database

HEAD = max(path.name[:4] for path in (migrations_directory() / "versions").glob("0*.py"))


@pytest.fixture
def engine(database_url: str) -> Iterator[sa.Engine]:
    engine = sa.create_engine(database_url)
    yield engine
    engine.dispose()


def our_tables(engine: sa.Engine) -> set[str]:
    return {name for name in sa.inspect(engine).get_table_names() if name.startswith("crm_sync_")}


def differences(engine: sa.Engine) -> list[object]:
    with engine.connect() as connection:
        options = {"compare_type": True, "include_name": migration.is_ours}
        return compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata)


def test_migrated_schema_equals_the_models(engine: sa.Engine) -> None:
    migration.upgrade(engine)
    assert differences(engine) == []
    assert Database(engine).is_ready()
    assert migration.current_revision(engine) == HEAD


def test_migrated_tables_are_the_models_to_the_letter(engine: sa.Engine) -> None:
    """What Alembic's comparison leaves out: lengths, collations, key order; read back from the database itself."""
    migration.upgrade(engine)
    migrated = _described(engine)
    migration.downgrade(engine)
    Base.metadata.create_all(engine)
    assert migrated == _described(engine)


def _described(engine: sa.Engine) -> dict[str, object]:
    inspector = sa.inspect(engine)
    return {
        table: {
            "columns": [
                (c["name"], repr(c["type"]), getattr(c["type"], "collation", None), c["nullable"], c["default"])
                for c in inspector.get_columns(table)
            ],
            "primary key": inspector.get_pk_constraint(table),
            "unique": sorted(map(str, inspector.get_unique_constraints(table))),
            "foreign keys": sorted(map(str, inspector.get_foreign_keys(table))),
            "indexes": sorted(map(str, inspector.get_indexes(table))),
        }
        for table in our_tables(engine) - {VERSION_TABLE}
    }


def test_upgrade_runs_again_without_a_change(engine: sa.Engine) -> None:
    migration.upgrade(engine)
    beat = {"name": "worker", "kind": "worker", "beat_at": datetime(2026, 1, 2, tzinfo=UTC)}
    with engine.begin() as connection:
        connection.execute(sa.insert(Heartbeat), beat)
    migration.upgrade(engine)
    with engine.connect() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(Heartbeat)).scalar() == 1


def test_downgrade_leaves_nothing_but_the_empty_version_table(engine: sa.Engine) -> None:
    migration.upgrade(engine)
    migration.downgrade(engine)
    assert our_tables(engine) == {VERSION_TABLE}
    assert migration.current_revision(engine) is None
    migration.upgrade(engine)
    assert differences(engine) == []


def test_upgrade_that_died_half_way_is_mended_by_the_next(engine: sa.Engine) -> None:
    """The state a crash leaves on MariaDB: some tables and indexes, the version not yet written."""
    migration.upgrade(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE crm_sync_link")
        indexes = {index.name: index for index in Base.metadata.tables["crm_sync_operation"].indexes}
        indexes["ix_crm_sync_operation_log"].drop(connection)
        connection.exec_driver_sql(f"DELETE FROM {VERSION_TABLE}")
    migration.upgrade(engine)
    assert differences(engine) == []


def test_many_upgrades_at_once_end_with_one_schema(engine: sa.Engine) -> None:
    failures: list[BaseException] = []

    def run() -> None:
        try:
            migration.upgrade(engine)
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert differences(engine) == []


def test_on_mariadb_the_lock_is_held_until_the_revision_is_written(mariadb_url: str) -> None:
    engine = sa.create_engine(fresh_database(mariadb_url))
    watcher = sa.create_engine(engine.url, poolclass=sa.NullPool)
    revision_when_free: list[str | None] = []

    def look(_connection: sa.Connection) -> None:
        with watcher.connect() as beside:
            free = beside.execute(sa.text("SELECT IS_FREE_LOCK(:name)"), {"name": migration.lock_name(engine)}).scalar()
        if free:
            revision_when_free.append(migration.current_revision(watcher))

    sa.event.listen(engine, "commit", look)
    migration.upgrade(engine)
    engine.dispose()
    assert revision_when_free == [HEAD]


def test_host_tables_beside_ours_are_left_alone(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE client (id INTEGER PRIMARY KEY)")
    migration.upgrade(engine)
    assert differences(engine) == []
    migration.downgrade(engine)
    assert sa.inspect(engine).has_table("client")


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql", "mysql", "mariadb"])
def test_statements_are_printed_for_a_person_to_run(dialect: str) -> None:
    out = io.StringIO()
    migration.print_statements(dialect, out)
    assert out.getvalue().count("CREATE TABLE") == len(Base.metadata.tables) + 1
    assert "CREATE INDEX ix_crm_sync_operation_due" in out.getvalue()
