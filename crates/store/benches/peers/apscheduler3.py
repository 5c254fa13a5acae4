#!/usr/bin/env python3
"""APScheduler 3.11 on SQLite: jobs loaded and fired per second, and how late they start.

Usage: apscheduler3.py FOLDER JOBS RATE SECONDS
Prints one JSON object per line. Needs `pip install "apscheduler==3.11.*" sqlalchemy`.
"""

import datetime
import json
import logging
import sys
import tempfile
import threading
import time
from pathlib import Path

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy import create_engine, event

logging.disable(logging.CRITICAL)

STARTED = []
DONE = threading.Event()
WANTED = 0


def work(due):
    """Notes how long after its due instant it started."""
    STARTED.append(time.time() - due)
    if len(STARTED) >= WANTED:
        DONE.set()


def scheduler(folder, tuned):
    engine = create_engine(f"sqlite:///{folder}/jobs.db")
    if tuned:

        @event.listens_for(engine, "connect")
        def pragmas(connection, _record):
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")

    return BackgroundScheduler(
        jobstores={"default": SQLAlchemyJobStore(engine=engine)},
        executors={"default": ThreadPoolExecutor(10)},
        timezone=datetime.timezone.utc,
    )


def add(made, due):
    when = datetime.datetime.fromtimestamp(due, datetime.timezone.utc)
    made.add_job(work, "date", run_date=when, args=[due], misfire_grace_time=None)


def quantile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def lateness(values):
    return {
        "p50_ms": quantile(values, 0.5) * 1e3,
        "p99_ms": quantile(values, 0.99) * 1e3,
        "max_ms": max(values) * 1e3,
    }


def burst(folder, tuned, jobs):
    """Loads jobs, all due at once, and waits until each has started."""
    global WANTED
    STARTED.clear()
    DONE.clear()
    WANTED = jobs
    with tempfile.TemporaryDirectory(dir=folder) as place:
        made = scheduler(place, tuned)
        made.start(paused=True)
        due = time.time()
        begin = time.perf_counter()
        for _ in range(jobs):
            add(made, due)
        loaded = jobs / (time.perf_counter() - begin)
        begin = time.perf_counter()
        made.resume()
        DONE.wait()
        fired = jobs / (time.perf_counter() - begin)
        forget(made)
    return {"loaded_per_s": loaded, "fired_per_s": fired}


def forget(made):
    """Ends a scheduler once it has removed the jobs that it started."""
    while made.get_jobs():
        time.sleep(0.05)
    made.shutdown()


def open_loop(folder, tuned, rate, seconds, loaded):
    """Loads jobs that are due at an even rate, and measures how late each starts. `loaded` is how many
    it loads a second."""
    global WANTED
    STARTED.clear()
    DONE.clear()
    WANTED = rate * seconds
    with tempfile.TemporaryDirectory(dir=folder) as place:
        made = scheduler(place, tuned)
        made.start(paused=True)
        first = time.time() + 2 * WANTED / loaded + 2
        for index in range(WANTED):
            add(made, first + index / rate)
        if time.time() > first:
            made.shutdown()
            return {"error": "loading took longer than planned"}
        made.resume()
        DONE.wait()
        forget(made)
    return lateness(STARTED)


def main():
    folder, jobs, rate, seconds = sys.argv[1], *map(int, sys.argv[2:5])
    Path(folder).mkdir(parents=True, exist_ok=True)
    for tuned in (False, True):
        name = "APScheduler 3.11, WAL + NORMAL" if tuned else "APScheduler 3.11, default"
        result = {"name": name, "jobs": jobs, "rate": rate}
        result |= burst(folder, tuned, jobs)
        result |= open_loop(folder, tuned, rate, seconds, result["loaded_per_s"])
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
