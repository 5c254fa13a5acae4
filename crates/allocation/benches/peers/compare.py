#!/usr/bin/env python3
"""Our optimisers beside the Python libraries: same data, one run, one table. See README.md here."""

import argparse
import json
import math
import os
import queue
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS")
for variable in THREADS:
    os.environ[variable] = "1"
warnings.filterwarnings("ignore")

import numpy as np  # noqa: E402  (reads the variables above)

PERIODS = 1000
SIZES = (20, 100, 500, 1000)
SCENARIOS = (100, 1000, 10000)
BETS = 20
# Objectives agree within this share; a limit that is broken by more than this is violated.
AGREEMENT = 1e-6
VIOLATION = 1e-6
# What our own answer may break a limit by before it is rounded to integers.
OURS = 1e-8

GROUPS = 10
GROUP_CAP = 0.15
TURNOVER = 0.5
RISK_AVERSION = 10.0
CVAR_CAP = 0.1
ALPHA = 0.95
DELTA, TAU = 2.5, 0.05
KELLY_CAP = 0.2

# Cells that take a peer minutes, or that it is known to fail: asked with --slow only.
SLOW = {
    ("skfolio", "hrp", 1000),
    ("riskfolio", "hrp", 1000),
    ("skfolio", "risk-parity", 1000),
    ("cvxpy", "min-cvar", 1000),
    ("pypfopt", "min-cvar", 1000),
    ("skfolio", "min-cvar", 1000),
    ("riskfolio", "min-cvar", 1000),
    ("riskfolio", "kelly", 10000),
}


# --- Data -----------------------------------------------------------------------------------------


def history(n):
    """Daily returns, T x n: five factors, tails, unlike volatilities; seeded."""
    random = np.random.default_rng(4000 + n)
    loadings = random.normal(0.0, 1.0, (5, n)) * np.array([[1.0], [0.5], [0.4], [0.3], [0.3]])
    loadings[0] = random.uniform(0.4, 1.4, n)
    factors = random.standard_t(5, (PERIODS, 5)) * 0.007
    own = random.standard_t(5, (PERIODS, n)) * random.uniform(0.006, 0.03, n)
    drift = random.normal(0.0004, 0.0006, n)
    return np.clip(drift + factors @ loadings + own, -0.9, 3.0)


def bets(scenarios):
    """Net returns of binary bets, S x 20, moved by one common factor; seeded."""
    random = np.random.default_rng(7000 + scenarios)
    win = random.uniform(0.35, 0.65, BETS)
    edge = random.uniform(-0.05, 0.25, BETS)
    odds = (1.0 + edge) / win - 1.0
    common = random.normal(size=(scenarios, 1))
    own = random.normal(size=(scenarios, BETS))
    drawn = math.sqrt(0.3) * common + math.sqrt(0.7) * own
    quantile = np.quantile(drawn, 1.0 - win, axis=0).diagonal()
    return np.where(drawn > quantile, odds, -1.0)


def views(n):
    """Ten relative views with confidences, and market weights; seeded."""
    random = np.random.default_rng(9000 + n)
    k = min(10, n // 2)
    p = np.zeros((k, n))
    for row in p:
        up, down = random.choice(n, 2, replace=False)
        row[up], row[down] = 1.0, -1.0
    q = random.normal(0.0002, 0.0004, k)
    confidence = random.uniform(0.1, 0.9, k)
    market = random.lognormal(0.0, 1.0, n)
    return p, q, confidence, market / market.sum()


def group_of(n):
    return np.arange(n) * GROUPS // n


def write(folder):
    """Writes all data, and the list of cells that both sides read."""

    def put(name, array):
        np.ascontiguousarray(array, dtype="<f8").tofile(folder / name)

    cells = []
    for n in SIZES:
        put(f"returns-{n}", history(n))
        p, q, confidence, market = views(n)
        for name, array in (("p", p), ("q", q), ("confidence", confidence), ("market", market)):
            put(f"{name}-{n}", array)
        for task in TASKS:
            if task != "kelly":
                cells.append({"task": task, "n": n, "rows": PERIODS, "views": len(q)})
    for scenarios in SCENARIOS:
        put(f"bets-{scenarios}", bets(scenarios))
        cells.append({"task": "kelly", "n": scenarios, "rows": scenarios, "views": 0})
    settings = {
        "group_cap": GROUP_CAP,
        "groups": GROUPS,
        "turnover": TURNOVER,
        "risk_aversion": RISK_AVERSION,
        "cvar_cap": CVAR_CAP,
        "alpha": ALPHA,
        "delta": DELTA,
        "tau": TAU,
        "kelly_cap": KELLY_CAP,
        "bets": BETS,
    }
    (folder / "cells.json").write_text(json.dumps({"cells": cells, "settings": settings}))
    return cells


class Data:
    """What a cell is about, read back from the files."""

    def __init__(self, folder, task, n):
        import pandas

        self.n = BETS if task == "kelly" else n
        name = "bets" if task == "kelly" else "returns"
        self.x = np.fromfile(folder / f"{name}-{n}").reshape(-1, self.n)
        self.names = [f"a{index:04}" for index in range(self.n)]
        self.frame = pandas.DataFrame(
            self.x,
            columns=self.names,
            index=pandas.bdate_range("2015-01-01", periods=len(self.x)) if task != "kelly" else None,
        )
        if task.startswith("black-litterman"):
            self.q = np.fromfile(folder / f"q-{n}")
            self.p = np.fromfile(folder / f"p-{n}").reshape(-1, n)
            self.confidence = np.fromfile(folder / f"confidence-{n}")
            self.market = np.fromfile(folder / f"market-{n}")
            self.covariance = self.frame.cov()
        self.members = np.zeros((GROUPS, self.n))
        if task != "kelly":
            self.members[group_of(n), np.arange(n)] = 1.0
        self.current = np.full(self.n, 1.0 / self.n)


# --- Objectives and limits, worked out here for both sides -----------------------------------------


def excess(values, limit):
    return float(np.max(values - limit, initial=0.0))


def mean_variance(data, w):
    mean, covariance = data.x.mean(axis=0), np.cov(data.x, rowvar=False)
    objective = RISK_AVERSION / 2.0 * w @ covariance @ w - mean @ w
    broken = max(
        excess(-w, 0.0),
        abs(w.sum() - 1.0),
        excess(data.members @ w, GROUP_CAP),
        excess(np.abs(w - data.current).sum(), TURNOVER),
    )
    return objective, broken


def risk_parity(data, w):
    if w.min() <= 0.0:
        return math.inf, excess(-w, 0.0)
    covariance = np.cov(data.x, rowvar=False)
    # The barrier problem without its scale: least where all shares of risk are equal.
    objective = 0.5 * math.log(w @ covariance @ w) - np.log(w / w.sum()).mean() - math.log(w.sum())
    return objective, abs(w.sum() - 1.0)


def min_cvar(data, w):
    losses = np.sort(-data.x @ w)[::-1]
    tail = round((1.0 - ALPHA) * len(losses))
    broken = max(excess(-w, 0.0), excess(w, CVAR_CAP), abs(w.sum() - 1.0))
    return float(losses[:tail].mean()), broken


def hrp(data, w):
    covariance = np.cov(data.x, rowvar=False)
    return float(w @ covariance @ w), max(excess(-w, 0.0), abs(w.sum() - 1.0))


def kelly(data, w):
    wealth = 1.0 + data.x @ w
    growth = np.log(wealth).mean() if wealth.min() > 0.0 else -math.inf
    broken = max(excess(-w, 0.0), excess(w, KELLY_CAP), excess(w.sum(), 1.0))
    return -float(growth), broken


def distance(ours, theirs):
    """The greatest difference relative to the greatest number, over blocks of the answer."""
    return max(
        float(np.abs(one - other).max() / np.abs(other).max()) for one, other in zip(ours, theirs)
    )


def blocks(answer, n):
    return [answer[:n], answer[n:]] if len(answer) == n * n + n else [answer]


# Tasks with an objective; the others are compared entry by entry.
OBJECTIVES = {
    "mean-variance": mean_variance,
    "risk-parity": risk_parity,
    "min-cvar": min_cvar,
    "kelly": kelly,
}
LABELS = {
    "mean-variance": "mean-variance, 10 groups, turnover",
    "risk-parity": "risk parity",
    "min-cvar": "min CVaR95, cap",
    "hrp": "HRP",
    "black-litterman": "Black-Litterman, from returns",
    "black-litterman-given": "Black-Litterman, covariance given",
    "kelly": "Kelly, 20 bets, n scenarios",
    "cov-sample": "covariance: sample",
    "cov-ledoit-wolf": "covariance: Ledoit-Wolf",
    "cov-oas": "covariance: OAS",
}
TASKS = tuple(LABELS)


# --- Peers: each function is one call of a user from returns to answer -----------------------------


def of_cvxpy(task, data):
    import cvxpy as cp

    w = cp.Variable(data.n, nonneg=True)

    def solved(problem, **options):
        problem.solve(**options)
        return np.asarray(w.value)

    if task in ("mean-variance", "mean-variance-factor"):

        def run():
            mean = data.x.mean(axis=0)
            if task == "mean-variance":
                risk = cp.quad_form(w, cp.psd_wrap(np.cov(data.x, rowvar=False)))
            else:
                scaled = (data.x - mean) / math.sqrt(len(data.x) - 1)
                risk = cp.sum_squares(scaled @ w)
            limits = [
                cp.sum(w) == 1,
                data.members @ w <= GROUP_CAP,
                cp.norm1(w - data.current) <= TURNOVER,
            ]
            objective = cp.Minimize(RISK_AVERSION / 2.0 * risk - mean @ w)
            return solved(cp.Problem(objective, limits), solver=cp.CLARABEL)

        return run
    if task == "risk-parity":

        def run():
            risk = cp.quad_form(w, cp.psd_wrap(np.cov(data.x, rowvar=False) * 1e4))
            problem = cp.Problem(cp.Minimize(risk / 2.0 - cp.sum(cp.log(w)) / data.n))
            answer = solved(problem, solver=cp.CLARABEL)
            return answer / answer.sum()

        return run
    if task in ("min-cvar", "min-cvar-highs"):
        solver = cp.CLARABEL if task == "min-cvar" else cp.HIGHS

        def run():
            level, over = cp.Variable(), cp.Variable(len(data.x), nonneg=True)
            limits = [over >= -data.x @ w - level, cp.sum(w) == 1, w <= CVAR_CAP]
            tail = cp.sum(over) / ((1.0 - ALPHA) * len(data.x))
            return solved(cp.Problem(cp.Minimize(level + tail), limits), solver=solver)

        return run
    if task == "kelly":

        def run():
            growth = cp.sum(cp.log(1 + data.x @ w)) / len(data.x)
            problem = cp.Problem(cp.Maximize(growth), [cp.sum(w) <= 1, w <= KELLY_CAP])
            return solved(problem, solver=cp.CLARABEL)

        return run
    return None


def of_pypfopt(task, data):
    import cvxpy as cp
    import pypfopt

    if task in ("mean-variance", "mean-variance-clarabel"):
        solver = None if task == "mean-variance" else "CLARABEL"

        def run():
            frontier = pypfopt.EfficientFrontier(
                data.frame.mean(), data.frame.cov(), weight_bounds=(0, 1), solver=solver
            )
            frontier.add_constraint(lambda w: data.members @ w <= GROUP_CAP)
            frontier.add_constraint(lambda w: cp.norm(w - data.current, 1) <= TURNOVER)
            frontier.max_quadratic_utility(RISK_AVERSION)
            return frontier.weights

        return run
    if task == "min-cvar":

        def run():
            frontier = pypfopt.EfficientCVaR(
                data.frame.mean(), data.frame, beta=ALPHA, weight_bounds=(0, CVAR_CAP)
            )
            frontier.min_cvar()
            return frontier.weights

        return run
    if task == "hrp":

        def run():
            weights = pypfopt.HRPOpt(data.frame).optimize()
            return np.array([weights[name] for name in data.names])

        return run
    if task.startswith("black-litterman"):

        def run():
            given = task.endswith("given")
            covariance = data.covariance if given else data.frame.cov()
            model = pypfopt.BlackLittermanModel(
                covariance,
                pi=DELTA * covariance.to_numpy() @ data.market,
                P=data.p,
                Q=data.q,
                omega="idzorek",
                view_confidences=data.confidence,
                tau=TAU,
            )
            mean, posterior = model.bl_returns(), model.bl_cov()
            return mean.to_numpy(), posterior.to_numpy()

        return run
    return None


def of_skfolio(task, data):
    import cvxpy as cp
    import skfolio
    from skfolio import optimization as opt

    if task == "mean-variance":
        return lambda: (
            opt.MeanRisk(
                objective_function=opt.ObjectiveFunction.MAXIMIZE_UTILITY,
                risk_measure=skfolio.RiskMeasure.VARIANCE,
                risk_aversion=RISK_AVERSION / 2.0,
                add_constraints=lambda w: [
                    data.members @ w <= GROUP_CAP,
                    cp.norm1(w - data.current) <= TURNOVER,
                ],
            )
            .fit(data.frame)
            .weights_
        )
    if task == "risk-parity":
        return lambda: (
            opt.RiskBudgeting(risk_measure=skfolio.RiskMeasure.VARIANCE).fit(data.frame).weights_
        )
    if task == "min-cvar":
        return lambda: (
            opt.MeanRisk(
                risk_measure=skfolio.RiskMeasure.CVAR, cvar_beta=ALPHA, max_weights=CVAR_CAP
            )
            .fit(data.frame)
            .weights_
        )
    if task == "hrp":
        from skfolio.cluster import HierarchicalClustering, LinkageMethod

        return lambda: (
            opt.HierarchicalRiskParity(
                hierarchical_clustering_estimator=HierarchicalClustering(
                    linkage_method=LinkageMethod.SINGLE
                )
            )
            .fit(data.frame)
            .weights_
        )
    return None


def of_riskfolio(task, data):
    import pandas
    import riskfolio

    if task == "risk-parity":

        def run():
            portfolio = riskfolio.Portfolio(returns=data.frame)
            portfolio.assets_stats(method_mu="hist", method_cov="hist")
            weights = portfolio.rp_optimization(model="Classic", rm="MV", b=None, hist=True)
            return weights["weights"].to_numpy()

        return run
    if task == "min-cvar":

        def run():
            portfolio = riskfolio.Portfolio(returns=data.frame, alpha=1.0 - ALPHA)
            portfolio.assets_stats(method_mu="hist", method_cov="hist")
            portfolio.upperlng = CVAR_CAP
            weights = portfolio.optimization(model="Classic", rm="CVaR", obj="MinRisk", hist=True)
            return weights["weights"].to_numpy()

        return run
    if task == "hrp":

        def run():
            portfolio = riskfolio.HCPortfolio(returns=data.frame)
            weights = portfolio.optimization(
                model="HRP", codependence="pearson", rm="MV", linkage="single", leaf_order=False
            )
            return weights["weights"].loc[data.names].to_numpy()

        return run
    if task == "kelly":
        # Fully invested by design: cash is an asset of its own, and only the bets are capped.
        frame = data.frame.assign(cash=0.0)
        caps = np.eye(BETS, BETS + 1)

        def run():
            portfolio = riskfolio.Portfolio(returns=frame)
            portfolio.assets_stats(method_mu="hist", method_cov="hist")
            portfolio.ainequality = caps
            portfolio.binequality = np.full((BETS, 1), KELLY_CAP)
            weights = portfolio.optimization(
                model="Classic", rm="MV", obj="Utility", kelly="exact", l=0, hist=True
            )
            return weights["weights"].to_numpy()[:BETS]

        return run
    return None


def of_scipy(task, data):
    from scipy import optimize, sparse

    if task != "min-cvar":
        return None

    def run():
        t, n = data.x.shape
        cost = np.concatenate([np.zeros(n), [1.0], np.full(t, 1.0 / ((1.0 - ALPHA) * t))])
        rows = sparse.hstack([sparse.csr_array(-data.x), -np.ones((t, 1)), -sparse.eye_array(t)])
        total = np.concatenate([np.ones(n), np.zeros(t + 1)])[None, :]
        bounds = [(0, CVAR_CAP)] * n + [(None, None)] + [(0, None)] * t
        found = optimize.linprog(
            cost, rows, np.zeros(t), total, [1.0], bounds, method="highs-ds"
        )
        return found.x[:n]

    return run


def of_sklearn(task, data):
    from sklearn import covariance

    functions = {
        "cov-sample": lambda: covariance.empirical_covariance(data.x) * (PERIODS / (PERIODS - 1)),
        "cov-ledoit-wolf": lambda: covariance.ledoit_wolf(data.x)[0],
        "cov-oas": lambda: covariance.oas(data.x)[0],
    }
    return functions.get(task)


def of_numpy(task, data):
    return (lambda: np.cov(data.x, rowvar=False)) if task == "cov-sample" else None


# Who is asked what. A name with a stroke is a second way of the same library.
PEERS = {
    "cvxpy": (of_cvxpy, {"": ("mean-variance", "risk-parity", "min-cvar", "kelly"),
                         "/factor": ("mean-variance",), "/highs": ("min-cvar",)}),
    "pypfopt": (of_pypfopt, {"": ("mean-variance", "min-cvar", "hrp", "black-litterman",
                                  "black-litterman-given"), "/clarabel": ("mean-variance",)}),
    "skfolio": (of_skfolio, {"": ("mean-variance", "risk-parity", "min-cvar", "hrp")}),
    "riskfolio": (of_riskfolio, {"": ("risk-parity", "min-cvar", "hrp", "kelly")}),
    "scipy": (of_scipy, {"": ("min-cvar",)}),
    "sklearn": (of_sklearn, {"": ("cov-sample", "cov-ledoit-wolf", "cov-oas")}),
    "numpy": (of_numpy, {"": ("cov-sample",)}),
}


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


# --- The run --------------------------------------------------------------------------------------


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
            return [*shown, "NOT BUILT", missing["missing"]], True
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
