-- One row: what the whole database has one of.
CREATE TABLE meta (
    id               INTEGER PRIMARY KEY CHECK (id = 1),
    epoch            INTEGER NOT NULL,
    control_revision INTEGER NOT NULL,
    journal_seq      INTEGER NOT NULL,
    journal_hash     BLOB NOT NULL
) STRICT;
INSERT INTO meta VALUES (1, 0, 0, 0, zeroblob(32));

-- Numbered from 1 without gaps, chained by hash, never changed.
CREATE TABLE journal (
    seq   INTEGER PRIMARY KEY,
    at    INTEGER NOT NULL,
    entry TEXT NOT NULL,
    hash  BLOB NOT NULL
) STRICT;
CREATE TRIGGER journal_insert BEFORE INSERT ON journal
WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM journal)
BEGIN SELECT RAISE(ABORT, 'the journal is numbered without gaps'); END;
CREATE TRIGGER journal_update BEFORE UPDATE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER journal_delete BEFORE DELETE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

-- An index: which entries name a task run.
CREATE TABLE journal_tasks (
    task TEXT NOT NULL,
    seq  INTEGER NOT NULL REFERENCES journal (seq),
    PRIMARY KEY (task, seq)
) STRICT, WITHOUT ROWID;

-- One nonce of one wallet on one chain, used by one intent, for ever.
CREATE TABLE slots (
    intent     TEXT PRIMARY KEY,
    chain      INTEGER NOT NULL,
    wallet     TEXT NOT NULL,
    nonce      INTEGER NOT NULL,
    task       TEXT NOT NULL,
    closed     INTEGER NOT NULL DEFAULT 0 CHECK (closed IN (0, 1)),
    details    TEXT NOT NULL,
    terms      TEXT NOT NULL,
    mined      TEXT,
    UNIQUE (chain, wallet, nonce)
) STRICT;
CREATE INDEX slots_open ON slots (chain, wallet, nonce) WHERE closed = 0;
CREATE TRIGGER slots_delete BEFORE DELETE ON slots
BEGIN SELECT RAISE(ABORT, 'a nonce is used for ever'); END;
CREATE TRIGGER slots_update BEFORE UPDATE ON slots
WHEN NEW.intent IS NOT OLD.intent OR NEW.chain IS NOT OLD.chain
  OR NEW.wallet IS NOT OLD.wallet OR NEW.nonce IS NOT OLD.nonce OR NEW.closed < OLD.closed
BEGIN SELECT RAISE(ABORT, 'a nonce belongs to one intent for ever'); END;

-- Every signature, oldest first.
CREATE TABLE attempts (
    position                 INTEGER PRIMARY KEY,
    intent                   TEXT NOT NULL REFERENCES slots (intent),
    tx                       TEXT NOT NULL UNIQUE,
    raw                      BLOB NOT NULL,
    cancels                  INTEGER NOT NULL CHECK (cancels IN (0, 1)),
    max_fee_per_gas          TEXT NOT NULL,
    max_priority_fee_per_gas TEXT NOT NULL,
    gas_limit                INTEGER NOT NULL,
    signed_at                INTEGER NOT NULL,
    broadcast_at             INTEGER,
    answer                   TEXT
) STRICT;
CREATE INDEX attempts_intent ON attempts (intent, position);
CREATE TRIGGER attempts_delete BEFORE DELETE ON attempts
BEGIN SELECT RAISE(ABORT, 'signed bytes are kept for ever'); END;

CREATE TABLE reservations (
    intent      TEXT PRIMARY KEY REFERENCES slots (intent),
    booked_at   INTEGER,
    reservation TEXT NOT NULL
) STRICT;

CREATE TABLE outcomes (
    position INTEGER PRIMARY KEY,
    intent   TEXT NOT NULL UNIQUE REFERENCES slots (intent),
    outcome  TEXT NOT NULL
) STRICT;
CREATE TRIGGER outcomes_update BEFORE UPDATE ON outcomes
BEGIN SELECT RAISE(ABORT, 'an outcome is final'); END;
CREATE TRIGGER outcomes_delete BEFORE DELETE ON outcomes
BEGIN SELECT RAISE(ABORT, 'an outcome is final'); END;

CREATE TABLE trips (
    scope   TEXT NOT NULL,
    breaker TEXT NOT NULL,
    trip    TEXT NOT NULL,
    PRIMARY KEY (scope, breaker)
) STRICT;

CREATE TABLE tasks (
    position   INTEGER PRIMARY KEY,
    id         TEXT NOT NULL UNIQUE,
    campaign   TEXT NOT NULL,
    state      TEXT NOT NULL,
    open       INTEGER NOT NULL CHECK (open IN (0, 1)),
    not_before INTEGER,
    record     TEXT NOT NULL
) STRICT;
CREATE INDEX tasks_open ON tasks (position) WHERE open = 1;

CREATE TABLE triggers (
    campaign TEXT PRIMARY KEY,
    next     INTEGER,
    state    TEXT NOT NULL
) STRICT;

CREATE TABLE ledger (
    position INTEGER PRIMARY KEY,
    at       INTEGER NOT NULL,
    wallet   TEXT NOT NULL,
    token    TEXT NOT NULL,
    delta    TEXT NOT NULL,
    kind     TEXT NOT NULL
) STRICT;
CREATE INDEX ledger_at ON ledger (at);

-- The sums of the ledger, changed only together with it.
CREATE TABLE balances (
    wallet  TEXT NOT NULL,
    token   TEXT NOT NULL,
    balance TEXT NOT NULL,
    PRIMARY KEY (wallet, token)
) STRICT;

CREATE TABLE equity (
    at        INTEGER PRIMARY KEY,
    equity    TEXT NOT NULL,
    net_flows TEXT NOT NULL,
    gas       TEXT NOT NULL
) STRICT;

CREATE TABLE settings (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
