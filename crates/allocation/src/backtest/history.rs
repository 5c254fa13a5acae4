//! Recorded returns.

use airdrops_types::Timestamp;
use nalgebra::DMatrix;
use thiserror::Error;

/// Net simple returns over time. Made by [`History::new`], so that what holds one can rely on it.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    times: Vec<Timestamp>,
    assets: Vec<String>,
    returns: DMatrix<f64>,
}

/// Why returns are no history. Rows and columns count from 0.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HistoryError {
    /// No rows or no columns.
    #[error("the history is empty")]
    Empty,
    /// Numbers of rows and times, or of columns and names, differ.
    #[error("{times} times and {assets} names for {rows} rows and {columns} columns")]
    Shape {
        /// Times.
        times: usize,
        /// Names.
        assets: usize,
        /// Rows of returns.
        rows: usize,
        /// Columns of returns.
        columns: usize,
    },
    /// A time that is not after the one before.
    #[error("row {row}: the time {at} is not after the one before")]
    Order {
        /// Which row.
        row: usize,
        /// Its time.
        at: Timestamp,
    },
    /// A return that is not finite or below −1.
    #[error("row {row}, {asset}: a return must be finite and at least -1")]
    Return {
        /// Which row.
        row: usize,
        /// Which asset.
        asset: String,
    },
    /// A price that is not positive.
    #[error("row {row}, {asset}: a price must be finite and positive")]
    Price {
        /// Which row.
        row: usize,
        /// Which asset.
        asset: String,
    },
}

impl History {
    /// `returns` is `t × n`: row `i` is what each asset returned until `times[i]`, and is known from
    /// then on.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub fn new(
        times: Vec<Timestamp>,
        assets: Vec<String>,
        returns: DMatrix<f64>,
    ) -> Result<Self, HistoryError> {
        if returns.is_empty() {
            return Err(HistoryError::Empty);
        }
        if times.len() != returns.nrows() || assets.len() != returns.ncols() {
            return Err(HistoryError::Shape {
                times: times.len(),
                assets: assets.len(),
                rows: returns.nrows(),
                columns: returns.ncols(),
            });
        }
        check_order(&times)?;
        for (column, asset) in assets.iter().enumerate() {
            for row in 0..returns.nrows() {
                let value = returns[(row, column)];
                if !value.is_finite() || value < -1.0 {
                    return Err(HistoryError::Return {
                        row,
                        asset: asset.clone(),
                    });
                }
            }
        }
        Ok(Self {
            times,
            assets,
            returns,
        })
    }

    /// From prices, `(t + 1) × n`: the first row gives no return.
    ///
    /// # Errors
    /// [`HistoryError`]; rows are those of the prices.
    pub fn from_prices(
        times: &[Timestamp],
        assets: Vec<String>,
        prices: &DMatrix<f64>,
    ) -> Result<Self, HistoryError> {
        if times.len() != prices.nrows() || assets.len() != prices.ncols() {
            return Err(HistoryError::Shape {
                times: times.len(),
                assets: assets.len(),
                rows: prices.nrows(),
                columns: prices.ncols(),
            });
        }
        check_order(times)?;
        for (column, asset) in assets.iter().enumerate() {
            for row in 0..prices.nrows() {
                let price = prices[(row, column)];
                if !price.is_finite() || price <= 0.0 {
                    return Err(HistoryError::Price {
                        row,
                        asset: asset.clone(),
                    });
                }
            }
        }
        let rows = prices.nrows().saturating_sub(1);
        let returns = DMatrix::from_fn(rows, prices.ncols(), |row, column| {
            prices[(row + 1, column)] / prices[(row, column)] - 1.0
        });
        Self::new(times.iter().skip(1).copied().collect(), assets, returns)
    }

    /// When each row is known.
    #[must_use]
    pub fn times(&self) -> &[Timestamp] {
        &self.times
    }

    /// Names of the columns.
    #[must_use]
    pub fn assets(&self) -> &[String] {
        &self.assets
    }

    /// Returns, `t × n`.
    #[must_use]
    pub fn returns(&self) -> &DMatrix<f64> {
        &self.returns
    }

    /// The rows at these indices; those outside are left out.
    #[must_use]
    pub fn rows(&self, indices: &[usize]) -> DMatrix<f64> {
        let within: Vec<usize> = indices
            .iter()
            .copied()
            .filter(|row| *row < self.times.len())
            .collect();
        self.returns.select_rows(&within)
    }
}

fn check_order(times: &[Timestamp]) -> Result<(), HistoryError> {
    match times.windows(2).position(|pair| pair[1] <= pair[0]) {
        Some(row) => Err(HistoryError::Order {
            row: row + 1,
            at: times[row + 1],
        }),
        None => Ok(()),
    }
}
