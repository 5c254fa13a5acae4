-- Measurements by series and instant: hourly bars, base fees. One of the same instant is replaced.
CREATE TABLE samples (
    series TEXT NOT NULL,
    at     INTEGER NOT NULL,
    data   TEXT NOT NULL,
    PRIMARY KEY (series, at)
) STRICT, WITHOUT ROWID;
