-- What stays the same about a task, stored once for all its runs.
CREATE TABLE specs (
    id     INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    spec   TEXT NOT NULL
) STRICT;

-- Task runs. `edges` are what a run comes after, one a line.
ALTER TABLE tasks RENAME TO tasks_v2;
DROP INDEX tasks_open;
CREATE TABLE tasks (
    position    INTEGER PRIMARY KEY,
    id          TEXT NOT NULL UNIQUE,
    campaign    TEXT NOT NULL,
    version     INTEGER NOT NULL,
    name        TEXT NOT NULL,
    run         INTEGER NOT NULL,
    spec        INTEGER NOT NULL REFERENCES specs (id),
    state       TEXT NOT NULL,
    open        INTEGER NOT NULL CHECK (open IN (0, 1)),
    reason      TEXT,
    not_before  INTEGER,
    attempts    INTEGER NOT NULL,
    failures    TEXT,
    edges       TEXT,
    plan        TEXT,
    "cursor"    INTEGER NOT NULL,
    step        INTEGER NOT NULL,
    due         INTEGER NOT NULL,
    ready_since INTEGER,
    approved    TEXT,
    parent      TEXT,
    child       INTEGER,
    late        INTEGER NOT NULL CHECK (late IN (0, 1)),
    started     INTEGER,
    ended       INTEGER
) STRICT;

-- Which entries name a task run, by 64 bits of its id. No entry is ever removed.
DROP TABLE journal_tasks;
CREATE TABLE journal_tasks (
    task INTEGER NOT NULL,
    seq  INTEGER NOT NULL,
    PRIMARY KEY (task, seq)
) STRICT, WITHOUT ROWID;

-- Who may move which lane. The epoch grows with every change of hands.
CREATE TABLE leases (
    lane   TEXT PRIMARY KEY,
    holder TEXT,
    epoch  INTEGER NOT NULL,
    until  INTEGER NOT NULL
) STRICT;
INSERT INTO leases SELECT 'farm', NULL, epoch, 0 FROM meta;
ALTER TABLE meta DROP COLUMN epoch;
CREATE TRIGGER leases_update BEFORE UPDATE ON leases WHEN NEW.epoch < OLD.epoch
BEGIN SELECT RAISE(ABORT, 'an epoch only grows'); END;
CREATE TRIGGER leases_delete BEFORE DELETE ON leases
BEGIN SELECT RAISE(ABORT, 'an epoch only grows'); END;

CREATE TABLE nodes (
    node TEXT PRIMARY KEY,
    seen INTEGER NOT NULL
) STRICT;

-- What came from outside: each id once, each done once.
CREATE TABLE messages (
    seq     INTEGER PRIMARY KEY,
    id      TEXT NOT NULL UNIQUE,
    at      INTEGER NOT NULL,
    sender  TEXT NOT NULL,
    command TEXT NOT NULL,
    done_at INTEGER,
    result  TEXT
) STRICT;
CREATE INDEX messages_open ON messages (seq) WHERE done_at IS NULL;
CREATE TRIGGER messages_delete BEFORE DELETE ON messages
BEGIN SELECT RAISE(ABORT, 'a message is kept for ever'); END;
CREATE TRIGGER messages_update BEFORE UPDATE ON messages WHEN OLD.done_at IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a message is done once'); END;

-- Every version of every campaign.
CREATE TABLE definitions (
    campaign   TEXT NOT NULL,
    version    INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    author     TEXT NOT NULL,
    digest     TEXT NOT NULL,
    definition TEXT NOT NULL,
    source     TEXT,
    UNIQUE (campaign, version)
) STRICT;
CREATE TRIGGER definitions_update BEFORE UPDATE ON definitions
BEGIN SELECT RAISE(ABORT, 'a version never changes'); END;
CREATE TRIGGER definitions_delete BEFORE DELETE ON definitions
BEGIN SELECT RAISE(ABORT, 'a version never changes'); END;
