"""Owns how an older file becomes a current one: numbered migrations, nothing ever dropped.

Never runs half: each migration and the record that it ran are one transaction.
Comes from the writer at start; goes to the file.
"""

import logging
from datetime import UTC, datetime
from pathlib import Path

import apsw

from leadline.core.errors import SchemaError, StoreError
from leadline.core.units import NS_PER_S
from leadline.store.backup import copy_database
from leadline.store.connection import enter_wal, explained, transaction
from leadline.store.tables import FEED, JUDGING, OWNING, SPINE

log = logging.getLogger(__name__)

RECORD = "CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, name TEXT, ran_ns INTEGER)"

MIGRATIONS: tuple[tuple[str, str], ...] = (("spine", SPINE), ("feed", FEED), ("judging", JUDGING), ("owning", OWNING))
"""Name and SQL of each migration; its place, counted from 1, is its number. Only ever appended to."""

VERSION = len(MIGRATIONS)


def migrate(connection: apsw.Connection, path: Path, now_ns: int) -> list[str]:
    """Bring the file to the current schema, a backup first, and give the names of the migrations that ran.

    Raises:
        StoreError: there is no room for the backup, or a migration fails; the file is left as it was.
    """
    with explained(path):
        found = int(connection.pragma("user_version"))
        enter_wal(connection, path)
        if 0 < found < len(MIGRATIONS):
            backup = backup_path(path, found, now_ns)
            for half in path.parent.glob(f"{path.name}.schema*.bak.part"):
                half.unlink(missing_ok=True)  # a start that was killed left it
            if not backup.exists():
                copy_database(connection, backup)
            log.info("%s: schema %s becomes %s; the file as it was: %s", path, found, len(MIGRATIONS), backup)
        ran = []
        for number, (name, sql) in enumerate(MIGRATIONS[found:], start=found + 1):
            if _run(connection, number, name, sql, now_ns):
                ran.append(name)
        return ran


def backup_path(path: Path, schema: int, now_ns: int) -> Path:
    """Give the name under which a file is kept before it is migrated."""
    moment = datetime.fromtimestamp(now_ns // NS_PER_S, UTC)
    return path.with_name(f"{path.name}.schema{schema}-{moment:%Y%m%dT%H%M%SZ}.bak")


def refuse_foreign(connection: apsw.Connection, path: Path) -> None:
    """Refuse a file that is not ours to change; not a byte of it is changed.

    Raises:
        SchemaError: a newer version of leadline wrote the file (exit 4).
        StoreError: another program's tables are in it.
    """
    found = int(connection.pragma("user_version"))
    if found > len(MIGRATIONS):
        raise SchemaError(
            f"the database has schema {found}, this leadline knows {len(MIGRATIONS)}",
            which=f"DB_PATH={path}",
            expected="a database of this version or an older one",
            do="run the newer leadline, or point DB_PATH at another file; nothing was changed",
        )
    tables = [str(name) for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    if tables and "migrations" not in tables:
        raise StoreError(
            f"another program's tables are in this database ({', '.join(tables[:5])})",
            which=f"DB_PATH={path}",
            expected="a database written by leadline, or a new file",
            do="point DB_PATH at another file; nothing was changed",
        )


def _run(connection: apsw.Connection, number: int, name: str, sql: str, now_ns: int) -> bool:
    """Run one migration with the record that it ran; False if another process has just run it."""
    with transaction(connection):
        if int(connection.pragma("user_version")) >= number:
            return False
        # Whatever rows a statement gives are taken: the ones behind it run only then.
        for _ in connection.execute(f"{RECORD};{sql}"):
            pass
        connection.execute("INSERT INTO migrations VALUES (?, ?, ?)", (number, name, now_ns))
        connection.pragma("user_version", number)
    return True
