"""The Python libraries: each function gives one call of a user, from returns to answer."""

import math

from questions import (
    ALPHA,
    BETS,
    CVAR_CAP,
    DELTA,
    GROUP_CAP,
    KELLY_CAP,
    PERIODS,
    RISK_AVERSION,
    TAU,
    TURNOVER,
    np,
)

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
