"""Owns the tables and how an older file becomes a current one: numbered migrations, nothing ever dropped.

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

log = logging.getLogger(__name__)

SPINE = """
CREATE TABLE alerts (              -- one row an alert; the id is the alert's id
    id INTEGER PRIMARY KEY,
    timestamp REAL NOT NULL,       -- epoch seconds of recv_ns
    symbol TEXT NOT NULL,
    direction TEXT NOT NULL,       -- bid-heavy | ask-heavy
    ratio REAL NOT NULL,           -- heavy side over light side
    total_bids INTEGER NOT NULL,   -- shares over valid venues
    total_asks INTEGER NOT NULL,
    heavy_venues INTEGER NOT NULL,
    valid_venues INTEGER NOT NULL,
    price REAL NOT NULL,           -- dollars
    bid REAL NOT NULL,             -- dollars
    ask REAL NOT NULL,             -- dollars
    imbalance_duration REAL NOT NULL, -- seconds
    vol_per_min REAL,              -- shares; NULL where unknown
    streak_id INTEGER NOT NULL,
    entry_blocked_by TEXT,         -- NULL where an entry is allowed
    service TEXT NOT NULL,
    book_ns INTEGER NOT NULL,      -- BOOK_TIME, UTC
    recv_ns INTEGER NOT NULL,      -- UTC
    boot_ns INTEGER NOT NULL,      -- the same moment by the boot clock
    boot_id TEXT NOT NULL,
    features TEXT NOT NULL DEFAULT '{}',  -- JSON object
    config_hash TEXT NOT NULL,
    version TEXT NOT NULL
);
CREATE INDEX alerts_symbol ON alerts (symbol, id);

CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL);

CREATE TABLE orders (              -- one row an intent; order_id once the broker named it
    intent_key TEXT PRIMARY KEY,
    trader TEXT NOT NULL,
    mode TEXT NOT NULL,            -- paper | sim | live
    account TEXT NOT NULL,         -- a name of the account that does not give it away
    alert_id INTEGER NOT NULL,
    leg INTEGER NOT NULL,
    purpose TEXT NOT NULL,         -- open | close
    epoch INTEGER NOT NULL,
    symbol TEXT NOT NULL,
    instruction TEXT NOT NULL,
    qty INTEGER NOT NULL,
    order_type TEXT NOT NULL,
    limit_price REAL,              -- dollars
    order_id TEXT,
    state TEXT NOT NULL,
    broker_status TEXT,
    reason TEXT,
    http_status INTEGER,
    filled_qty INTEGER NOT NULL DEFAULT 0,
    average_price REAL,            -- dollars
    decide_ns INTEGER NOT NULL,
    sent_ns INTEGER,
    ack_ns INTEGER,
    ended_ns INTEGER
);
CREATE INDEX orders_alert ON orders (alert_id);
CREATE INDEX orders_time ON orders (decide_ns);

CREATE TABLE fills (               -- one row an execution, counted once by its key
    fill_key TEXT PRIMARY KEY,
    intent_key TEXT NOT NULL,
    trader TEXT NOT NULL,
    mode TEXT NOT NULL,
    account TEXT NOT NULL,
    order_id TEXT NOT NULL,
    symbol TEXT NOT NULL,
    instruction TEXT NOT NULL,
    qty INTEGER NOT NULL,
    price_e6 INTEGER NOT NULL,     -- 0.000001 dollars
    fill_ns INTEGER NOT NULL,
    booked_ns INTEGER NOT NULL
);
CREATE INDEX fills_time ON fills (fill_ns);

CREATE TABLE positions (           -- ours and the broker's, each with its age
    trader TEXT NOT NULL,
    mode TEXT NOT NULL,
    account TEXT NOT NULL,
    symbol TEXT NOT NULL,
    ours_qty INTEGER NOT NULL,     -- signed
    cost_e6 INTEGER NOT NULL,
    realised_e6 INTEGER NOT NULL,
    updated_ns INTEGER NOT NULL,
    external_qty INTEGER NOT NULL DEFAULT 0,
    broker_qty INTEGER,            -- NULL until read
    broker_ns INTEGER,
    state TEXT NOT NULL DEFAULT 'OPEN',
    reason TEXT,
    PRIMARY KEY (trader, mode, account, symbol)
);

CREATE TABLE dispositions (        -- exactly one an alert and trader
    alert_id INTEGER NOT NULL,
    trader TEXT NOT NULL,
    disposition TEXT NOT NULL,
    reason TEXT,
    decided_ns INTEGER NOT NULL,
    PRIMARY KEY (alert_id, trader)
);

CREATE TABLE touches (             -- the last touch of each symbol, once a second
    symbol TEXT PRIMARY KEY,
    bid REAL NOT NULL,             -- dollars
    ask REAL NOT NULL,
    bid_size INTEGER NOT NULL,
    ask_size INTEGER NOT NULL,
    last REAL,
    status TEXT,                   -- normal | halted; NULL where unknown
    book_ns INTEGER NOT NULL,
    recv_ns INTEGER NOT NULL
);

CREATE TABLE processes (           -- one row a role: who runs, how, and how it is
    role TEXT PRIMARY KEY,
    pid INTEGER NOT NULL,
    started_ns INTEGER NOT NULL,
    heartbeat_ns INTEGER NOT NULL,
    mode TEXT NOT NULL,
    account TEXT NOT NULL,         -- masked
    broker TEXT NOT NULL,
    state TEXT NOT NULL,           -- DISABLED | ARMED | REDUCING | KILLED | STOPPED
    detail TEXT NOT NULL,          -- JSON object
    config_hash TEXT NOT NULL,
    version TEXT NOT NULL
);
"""

FEED = """
CREATE INDEX dispositions_kind ON dispositions (disposition);

CREATE TABLE feed_gaps (           -- when no books came, and for which symbols
    gap_id INTEGER PRIMARY KEY,
    start_ns INTEGER NOT NULL,     -- the last frame before, UTC
    end_ns INTEGER NOT NULL,       -- the first one after
    service TEXT,                  -- NULL = all
    symbols TEXT,                  -- separated by commas; NULL = all
    reason TEXT NOT NULL
);
CREATE INDEX feed_gaps_time ON feed_gaps (start_ns);
"""

RECORD = "CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, name TEXT, ran_ns INTEGER)"

MIGRATIONS: tuple[tuple[str, str], ...] = (("spine", SPINE), ("feed", FEED))
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
