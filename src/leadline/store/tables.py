"""Owns the SQL of each migration: the tables, and what a row of each is.

Never is changed once it has shipped: what comes later is a constant of its own, at the end.
Comes from the design; goes to `schema`, which runs them in order.
"""

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

JUDGING = """
CREATE TABLE outcomes (            -- one row a symbol and run of grok: how many snapshots had which outcome
    run_ns INTEGER NOT NULL,       -- when the run of grok started, UTC
    symbol TEXT NOT NULL,          -- '' for frames that name none
    updated_ns INTEGER NOT NULL,
    snapshots INTEGER NOT NULL,    -- all that were judged: the sum of the outcomes
    conflated INTEGER NOT NULL,    -- apart: superseded before they were judged
    malformed INTEGER NOT NULL,
    other_service INTEGER NOT NULL,
    no_book_time INTEGER NOT NULL,
    future INTEGER NOT NULL,
    repeat INTEGER NOT NULL,
    backward INTEGER NOT NULL,
    stale INTEGER NOT NULL,
    one_sided INTEGER NOT NULL,
    crossed INTEGER NOT NULL,
    no_valid_venue INTEGER NOT NULL,
    few_venues INTEGER NOT NULL,
    margin INTEGER NOT NULL,
    ratio INTEGER NOT NULL,
    duration INTEGER NOT NULL,
    throttled INTEGER NOT NULL,
    alerted INTEGER NOT NULL,
    PRIMARY KEY (run_ns, symbol)
) WITHOUT ROWID;

CREATE TABLE judgements (          -- one row a symbol: its last snapshot and the last evaluable one, for `leadline why`
    symbol TEXT PRIMARY KEY,
    run_ns INTEGER NOT NULL,
    recv_ns INTEGER NOT NULL,      -- of its last snapshot, UTC
    outcome TEXT NOT NULL,         -- of its last snapshot
    detail TEXT NOT NULL           -- JSON object: what the rule saw, and the thresholds
);

CREATE TABLE near_misses (         -- one row a near miss; nothing is traded on it
    near_miss_id INTEGER PRIMARY KEY,
    recv_ns INTEGER NOT NULL,      -- UTC
    symbol TEXT NOT NULL,
    direction TEXT NOT NULL,       -- bid-heavy | ask-heavy
    outcome TEXT NOT NULL,         -- few_venues | margin | ratio | duration: what failed
    measured REAL NOT NULL,        -- venues, venues, a ratio, seconds
    needed REAL NOT NULL,          -- the threshold, in the same unit
    missed_by REAL NOT NULL,       -- needed less measured
    ratio REAL NOT NULL,           -- heavy side over light side
    total_bids INTEGER NOT NULL,   -- shares over valid venues
    total_asks INTEGER NOT NULL,
    heavy_venues INTEGER NOT NULL,
    light_venues INTEGER NOT NULL,
    valid_venues INTEGER NOT NULL,
    bid REAL NOT NULL,             -- dollars
    ask REAL NOT NULL,             -- dollars
    imbalance_duration REAL NOT NULL, -- seconds; 0 where the book leaned nowhere
    streak_id INTEGER,             -- NULL where the book leaned nowhere
    service TEXT NOT NULL,
    book_ns INTEGER NOT NULL,
    boot_id TEXT NOT NULL,
    config_hash TEXT NOT NULL,
    version TEXT NOT NULL
);
CREATE INDEX near_misses_symbol ON near_misses (symbol, recv_ns);
"""

OWNING = """
CREATE TABLE baselines (           -- only ever added to: what was ours and what was not at one moment; the newest holds
    baseline_id INTEGER PRIMARY KEY,
    trader TEXT NOT NULL,
    mode TEXT NOT NULL,
    account TEXT NOT NULL,
    symbol TEXT NOT NULL,
    ours_qty INTEGER NOT NULL,     -- signed
    cost_e6 INTEGER NOT NULL,
    realised_e6 INTEGER NOT NULL,
    external_qty REAL NOT NULL,    -- signed; never traded
    broker_qty REAL NOT NULL,      -- the account's number at that moment
    taken_ns INTEGER NOT NULL,     -- UTC
    taken_by TEXT NOT NULL,        -- first contact | a person's login name
    reason TEXT NOT NULL,
    after_fill INTEGER NOT NULL    -- rowid of the last fill that is in it; later ones are added to it
);
CREATE INDEX baselines_symbol ON baselines (trader, mode, account, symbol);

CREATE TABLE locks (               -- a doubt about a position that no account read can settle, and who lifted it
    trader TEXT NOT NULL,
    mode TEXT NOT NULL,
    account TEXT NOT NULL,
    symbol TEXT NOT NULL,
    name TEXT NOT NULL,            -- the order and what was wrong with it: fills | price | move
    reason TEXT NOT NULL,
    since_ns INTEGER NOT NULL,
    lifted_ns INTEGER,             -- NULL while it holds
    PRIMARY KEY (trader, mode, account, symbol, name)
);

CREATE TABLE external_orders (     -- orders of the account that are not ours, as last listed; those of the day
    account TEXT NOT NULL,
    order_id TEXT NOT NULL,
    symbol TEXT NOT NULL,
    instruction TEXT NOT NULL,
    qty REAL NOT NULL,
    filled_qty REAL NOT NULL,
    price REAL,                    -- dollars; NULL at the market
    status TEXT NOT NULL,          -- the broker's word
    tag TEXT,                      -- which app entered it
    entered_ns INTEGER,
    listed_ns INTEGER NOT NULL,
    PRIMARY KEY (account, order_id, symbol)
);

CREATE TABLE commands (            -- what a person asked the trading process to do, and its answer
    command_id INTEGER PRIMARY KEY,
    verb TEXT NOT NULL,            -- adopt
    trader TEXT NOT NULL,
    mode TEXT NOT NULL,
    account TEXT NOT NULL,
    symbol TEXT NOT NULL,
    qty INTEGER NOT NULL,
    seen_qty REAL NOT NULL,        -- the broker's number that the person was shown
    asked_ns INTEGER NOT NULL,
    asked_by TEXT NOT NULL,        -- login name
    host TEXT NOT NULL,
    state TEXT NOT NULL,           -- asked | applied | refused
    answer TEXT,
    answered_ns INTEGER
);
CREATE INDEX commands_asked ON commands (command_id) WHERE state = 'asked';
"""
