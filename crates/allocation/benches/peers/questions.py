"""What is asked: seeded data, tasks, objectives and limits worked out from weights alone."""

import json
import math
import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np  # noqa: E402  (reads the variables above)

PERIODS = 1000
SIZES = (20, 100, 500, 1000)
SCENARIOS = (100, 1000, 10000)
BETS = 20
GROUPS = 10
GROUP_CAP = 0.15
TURNOVER = 0.5
RISK_AVERSION = 10.0
CVAR_CAP = 0.1
ALPHA = 0.95
DELTA, TAU = 2.5, 0.05
KELLY_CAP = 0.2

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
