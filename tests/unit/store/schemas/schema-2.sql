-- A database of schema 2 as leadline 0.1.0 wrote it: never changed, so that every later leadline is held to read it.
PRAGMA user_version = 2;
CREATE TABLE migrations (number INTEGER PRIMARY KEY, name TEXT, ran_ns INTEGER);
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
INSERT INTO migrations VALUES (1, 'spine', 7);
INSERT INTO migrations VALUES (2, 'feed', 7);
INSERT INTO alerts VALUES (1, 1790343000.25, 'F', 'bid-heavy', 3.5, 2100, 600, 5, 6, 13.825, 13.82, 13.83, 10.1, 1200.5, 1, NULL, 'NYSE_BOOK', 1790343000100000000, 1790343000250000000, 77, 'boot', '{}', 'c0ffee', '0.1.0');
INSERT INTO alerts VALUES (2, 1790343060.5, 'SOFI', 'ask-heavy', 2.0, 300, 600, 4, 4, 7.1, 7.1, 7.11, 12.0, NULL, 2, 'min_volume', 'NASDAQ_BOOK', 1790343060100000000, 1790343060500000000, 78, 'boot', '{"a":1}', 'c0ffee', '0.1.0');
INSERT INTO counters VALUES ('alert_id', 1000);
INSERT INTO counters VALUES ('trading_since:live', 1);
INSERT INTO orders VALUES ('live-1-1-1', 'live', 'sim', 'ab12', 1, 1, 'open', 1, 'F', 'BUY', 100, 'LIMIT', 13.83, '77', 'FILLED', 'FILLED', NULL, 201, 100, 13.825, 1790343000251000000, 1790343000252000000, 1790343000260000000, 1790343000300000000);
INSERT INTO orders VALUES ('live-1-2-1', 'live', 'sim', 'ab12', 2, 1, 'open', 1, 'SOFI', 'SELL_SHORT', 100, 'MARKET', NULL, NULL, 'SENDING', NULL, NULL, NULL, 0, NULL, 1790343060501000000, NULL, NULL, NULL);
INSERT INTO fills VALUES ('77-1-1', 'live-1-1-1', 'live', 'sim', 'ab12', '77', 'F', 'BUY', 100, 13825000, 1790343000290000000, 1790343000300000000);
INSERT INTO positions VALUES ('live', 'sim', 'ab12', 'F', 100, 1382500000, -12, 1790343000300000000, 0, 100, 1790343001000000000, 'OPEN', NULL);
INSERT INTO dispositions VALUES (1, 'live', 'traded', NULL, 1790343000251000000);
INSERT INTO dispositions VALUES (2, 'live', 'refused', 'the book is stale', 1790343060501000000);
INSERT INTO touches VALUES ('F', 13.82, 13.83, 900, 400, 13.82, 'normal', 1790343000100000000, 1790343000250000000);
INSERT INTO processes VALUES ('grok', 42, 1790343000000000000, 1790343061000000000, 'sim', '...678', 'http://127.0.0.1:1', 'ARMED', '{"alerts":2}', 'c0ffee', '0.1.0');
INSERT INTO feed_gaps VALUES (1, 1790343010000000000, 1790343020000000000, NULL, NULL, 'the connection was lost');
INSERT INTO feed_gaps VALUES (2, 1790343010000000000, 1790343040000000000, 'NYSE_BOOK', 'F', 'no data on NYSE_BOOK');
