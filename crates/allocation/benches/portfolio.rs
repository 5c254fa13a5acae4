//! Optimisers on the data that `peers/compare.py` writes: time and answer of each cell.
//!
//! `cargo bench -p airdrops-allocation --bench portfolio -- FOLDER`. For each cell one JSON line with
//! the median of CPU milliseconds, and a file with the answer that the script judges.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::hint::black_box;
use std::path::{Path, PathBuf};

use airdrops_allocation::black_litterman::posterior;
use airdrops_allocation::covariance;
use airdrops_allocation::problem::{
    Certainty, Costs, Estimator, Group, Limits, Parameters, Problem, Returns, Scenarios, Views,
};
use airdrops_allocation::strategies;
use airdrops_allocation::strategy::Strategy;
use airdrops_types::Usd;
use nalgebra::{DMatrix, DVector};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

fn main() {
    let folder = std::env::args()
        .skip(1)
        .find(|argument| !argument.starts_with("--"));
    let Some(folder) = folder.map(PathBuf::from) else {
        println!("needs the folder that peers/compare.py writes; run that script");
        return;
    };
    let text = std::fs::read_to_string(folder.join("cells.json")).unwrap();
    let plan: Value = serde_json::from_str(&text).unwrap();
    for cell in plan["cells"].as_array().unwrap() {
        let cell = Cell {
            folder: &folder,
            cell,
            settings: &plan["settings"],
        };
        println!("{}", cell.run());
    }
}

/// One task of one size.
struct Cell<'a> {
    folder: &'a Path,
    cell: &'a Value,
    settings: &'a Value,
}

/// An answer and the CPU milliseconds that it took.
type Measured = Result<(Vec<f64>, f64), String>;

impl Cell<'_> {
    fn task(&self) -> &str {
        self.cell["task"].as_str().unwrap()
    }

    fn number(&self, name: &str) -> usize {
        usize::try_from(self.cell[name].as_u64().unwrap()).unwrap()
    }

    fn setting(&self, name: &str) -> f64 {
        self.settings[name].as_f64().unwrap()
    }

    fn read(&self, name: &str) -> Vec<f64> {
        let path = self.folder.join(format!("{name}-{}", self.number("n")));
        let bytes = std::fs::read(path).unwrap();
        bytes
            .chunks_exact(8)
            .map(|chunk| f64::from_le_bytes(chunk.try_into().unwrap()))
            .collect()
    }

    fn run(&self) -> Value {
        let (task, n) = (self.task(), self.number("n"));
        let measured = match task {
            "cov-sample" => self.covariance(Estimator::Sample),
            "cov-ledoit-wolf" => self.covariance(Estimator::LedoitWolf),
            "cov-oas" => self.covariance(Estimator::OracleApproximating),
            "black-litterman" => self.black_litterman(),
            "black-litterman-given" => self.black_litterman_given(),
            _ => match strategies::by_name(task) {
                Some(strategy) => self.weights(strategy.as_ref()),
                None => {
                    return json!({ "task": task, "n": n, "missing": "no such strategy" });
                }
            },
        };
        match measured {
            Ok((answer, ms)) => {
                let bytes: Vec<u8> = answer.iter().flat_map(|x| x.to_le_bytes()).collect();
                let path = self.folder.join(format!("{task}-{n}-ours.answer"));
                std::fs::write(path, bytes).unwrap();
                json!({ "task": task, "n": n, "ms": ms })
            }
            Err(error) => json!({ "task": task, "n": n, "error": error }),
        }
    }

    fn history(&self) -> DMatrix<f64> {
        let (rows, n) = (self.number("rows"), self.number("n"));
        DMatrix::from_row_slice(rows, n, &self.read("returns"))
    }

    fn covariance(&self, estimator: Estimator) -> Measured {
        let returns = self.history();
        measure(|| covariance::estimate(&returns, estimator).ok_or("too short"))
            .map(|(moments, ms)| (moments.covariance.as_slice().to_vec(), ms))
    }

    fn views(&self) -> Views {
        let (n, k) = (self.number("n"), self.number("views"));
        Views {
            p: DMatrix::from_row_slice(k, n, &self.read("p")),
            q: DVector::from_vec(self.read("q")),
            certainty: Certainty::Confidence(DVector::from_vec(self.read("confidence"))),
            market_weights: DVector::from_vec(self.read("market")),
            delta: self.setting("delta"),
            tau: self.setting("tau"),
        }
    }

    fn black_litterman(&self) -> Measured {
        let (returns, views) = (self.history(), self.views());
        measure(|| {
            let moments = covariance::sample(&returns).unwrap();
            posterior(&moments.covariance, &views)
        })
        .map(|(found, ms)| (joined(&found.mean, &found.covariance), ms))
    }

    fn black_litterman_given(&self) -> Measured {
        let views = self.views();
        let moments = covariance::sample(&self.history()).unwrap();
        measure(|| posterior(&moments.covariance, &views))
            .map(|(found, ms)| (joined(&found.mean, &found.covariance), ms))
    }

    fn weights(&self, strategy: &dyn Strategy) -> Measured {
        let problem = self.problem();
        measure(|| strategy.solve(&problem, &problem.limits.region(&problem.current)))
            .map(|(found, ms)| (found.weights.as_slice().to_vec(), ms))
    }

    fn problem(&self) -> Problem {
        let mut parameters = Parameters::default();
        let (returns, limits) = if self.task() == "kelly" {
            let n = usize::try_from(self.settings["bets"].as_u64().unwrap()).unwrap();
            let rows = self.number("rows");
            let net = DMatrix::from_row_slice(rows, n, &self.read("bets"));
            let scenarios = Scenarios {
                gross: net.add_scalar(1.0),
                probabilities: DVector::repeat(rows, 1.0 / rows as f64),
            };
            let mut limits = Limits::long_only(n);
            limits.invested = (0.0, 1.0);
            limits.upper.fill(self.setting("kelly_cap"));
            (Returns::Scenarios(scenarios), limits)
        } else {
            let mut limits = Limits::long_only(self.number("n"));
            match self.task() {
                "mean-variance" => {
                    parameters.risk_aversion = Some(self.setting("risk_aversion"));
                    limits.groups = self.groups();
                    limits.turnover = Some(self.setting("turnover"));
                }
                "min-cvar" => {
                    parameters.alpha = Some(self.setting("alpha"));
                    limits.upper.fill(self.setting("cvar_cap"));
                }
                _ => {}
            }
            (Returns::History(self.history()), limits)
        };
        let n = limits.lower.len();
        Problem {
            assets: (0..n).map(|index| format!("a{index:04}")).collect(),
            returns,
            estimator: Estimator::Sample,
            limits,
            current: DVector::repeat(n, 1.0 / n as f64),
            costs: Costs::default(),
            parameters,
            risk_free: 0.0,
            periods_per_year: 252.0,
            capital: Usd::dollars(1_000_000),
        }
    }

    fn groups(&self) -> Vec<Group> {
        let n = self.number("n");
        let count = usize::try_from(self.settings["groups"].as_u64().unwrap()).unwrap();
        (0..count)
            .map(|group| Group {
                name: format!("group {group}"),
                terms: (0..n)
                    .filter(|index| index * count / n == group)
                    .map(|index| (index, 1.0))
                    .collect(),
                min: None,
                max: Some(self.setting("group_cap")),
            })
            .collect()
    }
}

fn joined(mean: &DVector<f64>, covariance: &DMatrix<f64>) -> Vec<f64> {
    mean.iter().chain(covariance.iter()).copied().collect()
}

/// The answer and the median of CPU milliseconds; the first call warms up and counts if it is long.
fn measure<T, E: ToString>(mut run: impl FnMut() -> Result<T, E>) -> Result<(T, f64), String> {
    let start = cpu_ms();
    let mut answer = black_box(run()).map_err(|error| error.to_string())?;
    let first = cpu_ms() - start;
    if first > 2000.0 {
        return Ok((answer, first));
    }
    let (mut times, begin) = (Vec::new(), cpu_ms());
    while times.len() < 101 && (times.len() < 3 || cpu_ms() - begin < 1500.0) {
        let start = cpu_ms();
        answer = black_box(run()).map_err(|error| error.to_string())?;
        times.push(cpu_ms() - start);
    }
    times.sort_by(f64::total_cmp);
    Ok((answer, times[times.len() / 2]))
}

/// CPU time of this process.
fn cpu_ms() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}
