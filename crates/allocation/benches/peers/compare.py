#!/usr/bin/env python3
"""Our optimisers beside the Python libraries: same data, one run, one table. See README.md here."""

import argparse
import json
import queue
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path

sys.dont_write_bytecode = True  # nothing is left beside the sources
warnings.filterwarnings("ignore")

from libraries import PEERS, SLOW  # noqa: E402
from questions import LABELS, OBJECTIVES, TASKS, Data  # noqa: E402
from questions import blocks, distance, hrp, np, write  # noqa: E402

# Objectives agree within this share; a limit that is broken by more than this is violated.
AGREEMENT = 1e-6
VIOLATION = 1e-6
# What our own answer may break a limit by before it is rounded to integers.
OURS = 1e-8


def measure(run):
    """The answer and the median of CPU seconds; the first call warms up and counts if it is long."""
    start = time.process_time()
    answer = run()
    first = time.process_time() - start
    if first > 2.0:
        return answer, first
    times, deadline = [], time.process_time() + 1.5
    while len(times) < 9 and (len(times) < 3 or time.process_time() < deadline):
        start = time.process_time()
        answer = run()
        times.append(time.process_time() - start)
    return answer, statistics.median(times)


def flat(answer):
    parts = answer if isinstance(answer, tuple) else (answer,)
    return np.concatenate([np.asarray(part, dtype="<f8").ravel() for part in parts])


def work(peer, folder, wanted):
    """One peer's process: measures the cells it is given, one line each."""
    make = PEERS[peer][0]
    for task, way, n in wanted:
        line = {"who": peer + way, "task": task, "n": n}
        print(json.dumps(line | {"start": True}), flush=True)
        try:
            run = make(task + way.replace("/", "-"), Data(folder, task, n))
            answer, seconds = measure(run)
            flat(answer).tofile(folder / f"{task}-{n}-{(peer + way).replace('/', '-')}.answer")
            line["ms"] = seconds * 1e3
        except Exception as problem:  # whatever a peer raises is its result
            line["error"] = f"{type(problem).__name__}: {problem}"[:200]
        print(json.dumps(line), flush=True)


def cells_of(peer, cells, slow):
    for way, tasks in PEERS[peer][1].items():
        for cell in cells:
            task, n = cell["task"], cell["n"]
            if task in tasks and (slow or way or (peer, task, n) not in SLOW):
                yield task, way, n


def report(line):
    """Progress, so that a run that is stopped has not been in vain."""
    result = line.get("error") or line.get("missing") or f"{line['ms']:.2f} ms"
    print(f"  {line['who']}: {line['task']} {line['n']}: {result}", file=sys.stderr, flush=True)


def ask(peer, folder, cells, slow, timeout):
    """Runs a peer's process; kills it where a cell takes too long, and goes on with the next."""
    wanted, lines = list(cells_of(peer, cells, slow)), []
    while wanted:
        command = [sys.executable, __file__, "--worker", peer, "--folder", str(folder)]
        process = subprocess.Popen(
            [*command, "--wanted", json.dumps(wanted)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        feed = queue.Queue()
        reader = threading.Thread(target=lambda: [feed.put(line) for line in process.stdout])
        reader.start()
        died = "stopped without an answer"
        while wanted:
            try:
                text = feed.get(timeout=timeout if reader.is_alive() else 0.1)
            except queue.Empty:
                if process.poll() is None:
                    died = f"no answer within {timeout} s"
                break
            try:
                line = json.loads(text)
            except ValueError:
                continue  # what a peer prints
            if "start" not in line:
                wanted.pop(0)
                report(line)
                lines.append(line)
        process.kill()
        process.wait()
        if wanted:
            task, way, n = wanted.pop(0)
            lines.append({"who": peer + way, "task": task, "n": n, "error": died})
            report(lines[-1])
    return lines


def ours(folder):
    root = Path(__file__).resolve().parents[4]
    command = ["cargo", "bench", "-q", "-p", "airdrops-allocation", "--bench", "portfolio", "--"]
    done = subprocess.run(
        [*command, str(folder)], cwd=root, stdout=subprocess.PIPE, text=True, check=True
    )
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    lines = [line | {"who": "ours"} for line in lines]
    for line in lines:
        report(line)
    return lines


def judged(folder, line, cell):
    """Adds answer, objective and violation to a line that has an answer."""
    if "ms" not in line:
        return line
    task, n = line["task"], line["n"]
    name = line["who"].replace("/", "-")
    line["answer"] = np.fromfile(folder / f"{task}-{n}-{name}.answer")
    if not np.isfinite(line["answer"]).all():
        line["error"] = "numbers that are not finite"
    elif task in OBJECTIVES or task == "hrp":
        function = OBJECTIVES.get(task, hrp)
        line["objective"], line["violation"] = function(cell, line["answer"])
    return line


def row(task, n, lines):
    """A line of the table, and whether it passes."""
    sound = [line for line in lines if "error" not in line and "ms" in line]
    peers = [line for line in sound if line["who"] != "ours"]
    mine = next((line for line in sound if line["who"] == "ours"), None)
    feasible = [line for line in peers if line.get("violation", 0.0) <= VIOLATION]
    fastest = min(feasible, key=lambda line: line["ms"], default=None)
    notes = [
        f"{line['who']} breaks a limit by {line['violation']:.0e}"
        for line in peers
        if line.get("violation", 0.0) > VIOLATION
    ]
    notes += [f"{line['who']}: {line['error']}" for line in lines if "error" in line]
    shown = [LABELS[task], n, "-", "-", "-", "-", "-", "-"]
    if fastest:
        shown[2:4] = [fastest["who"], f"{fastest['ms']:.2f}"]
    if mine is None:
        missing = next((line for line in lines if "missing" in line), None)
        if missing:
            return [*shown, "NOT BUILT", missing["missing"]], False
        return [*shown, "FAIL", "; ".join(notes)], False
    shown[4] = f"{mine['ms']:.2f}"
    if fastest:
        shown[5] = f"{fastest['ms'] / mine['ms']:.1f}x"
    passed = mine.get("violation", 0.0) <= OURS
    shown[7] = f"{mine['violation']:.0e}" if "violation" in mine else "-"
    if task in OBJECTIVES:
        # The best that is known; a peer that is worse than we are has stopped early.
        if feasible:
            best = min(feasible, key=lambda line: line["objective"])
            gap = (mine["objective"] - best["objective"]) / abs(best["objective"])
            shown[6] = f"{gap:+.0e}"
            passed &= gap <= AGREEMENT
            for line in feasible:
                off = (line["objective"] - mine["objective"]) / abs(mine["objective"])
                if off > AGREEMENT:
                    notes.append(f"{line['who']} is {off:.0e} worse")
    else:
        # HRP is one rule with several orders of leaves: PyPortfolioOpt's is the one we follow.
        same = [line for line in peers if task != "hrp" or line["who"] == "pypfopt"]
        if same:
            size = 0 if task == "hrp" or task.startswith("cov") else n
            apart = max(
                distance(blocks(mine["answer"], size), blocks(line["answer"], size))
                for line in same
            )
            shown[6] = f"{apart:.0e}"
            passed &= apart <= AGREEMENT
    return [*shown, "PASS" if passed else "FAIL", "; ".join(notes)], passed


def table(rows):
    head = [
        "task", "n", "best peer", "CPU ms", "ours", "ratio", "difference", "violated", "", "notes"
    ]
    rows = [[str(value) for value in line] for line in [head, *rows]]
    widths = [max(len(line[column]) for line in rows) for column in range(len(head))]
    for line in rows:
        cells = [
            value.rjust(width) if column in (1, 3, 4, 5, 6, 7) else value.ljust(width)
            for column, (value, width) in enumerate(zip(line, widths))
        ]
        print("  ".join(cells).rstrip())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slow", action="store_true", help="also ask peers that take minutes")
    parser.add_argument("--timeout", type=float, default=60.0, help="seconds of a cell")
    parser.add_argument("--tasks", default=",".join(TASKS), help="only these, by comma")
    parser.add_argument("--sizes", default="", help="only these n, by comma")
    parser.add_argument("--peers", default=",".join(PEERS), help="only these, by comma")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--wanted", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(options.worker, options.folder, json.loads(options.wanted))
        return 0
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="portfolio-") as name:
        folder = Path(name)
        cells = [
            cell
            for cell in write(folder)
            if cell["task"] in options.tasks.split(",")
            and (not options.sizes or str(cell["n"]) in options.sizes.split(","))
        ]
        written = json.loads((folder / "cells.json").read_text())
        (folder / "cells.json").write_text(json.dumps(written | {"cells": cells}))
        lines = ours(folder)
        for peer in options.peers.split(","):
            print(f"{time.monotonic() - began:5.0f} s: {peer}", file=sys.stderr, flush=True)
            lines += ask(peer, folder, cells, options.slow, options.timeout)
        rows, passed = [], True
        for task in TASKS:
            for cell in cells:
                if cell["task"] != task:
                    continue
                n = cell["n"]
                data = Data(folder, task, n)
                of_cell = [
                    judged(folder, line, data)
                    for line in lines
                    if (line["task"], line["n"]) == (task, n)
                ]
                shown, good = row(task, n, of_cell)
                rows.append(shown)
                passed &= good
    table(rows)
    print(f"{time.monotonic() - began:.0f} s. CPU time of one thread, median of a few calls.")
    print("PASS" if passed else "FAIL")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
