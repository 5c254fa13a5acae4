//! Returns from a CSV file.

use nalgebra::DMatrix;

use crate::config::diagnostic::suggestion;

/// What is wrong with a file, and in which of its lines.
pub(super) struct Wrong {
    /// Counted from 1; none if it is the whole file.
    pub(super) line: Option<u64>,
    /// What is wrong.
    pub(super) problem: String,
    /// What to do.
    pub(super) remedy: String,
}

impl Wrong {
    fn at(line: Option<u64>, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            line,
            problem: problem.into(),
            remedy: remedy.into(),
        }
    }
}

/// Net returns, `t × n`, in the order of `assets`. With a header, columns are found by name and
/// others (a date) are left aside; without one, there is one column per asset.
///
/// # Errors
/// By line, with the remedy.
pub(super) fn read(text: &str, assets: &[String]) -> Result<DMatrix<f64>, Wrong> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let mut columns: Option<Vec<usize>> = None;
    let mut width = 0;
    let mut numbers = Vec::new();
    let mut rows = 0;
    for record in reader.records() {
        let record = record.map_err(|error| {
            let line = error.position().map(csv::Position::line);
            Wrong::at(line, error.to_string(), "save it as CSV")
        })?;
        let line = record.position().map(csv::Position::line);
        let Some(columns) = &columns else {
            width = record.len();
            let (found, header) = layout(&record, assets, line)?;
            if !header {
                take(&record, &found, line, &mut numbers)?;
                rows += 1;
            }
            columns = Some(found);
            continue;
        };
        if record.len() != width {
            let problem = format!("has {} fields, the first line {width}", record.len());
            return Err(Wrong::at(line, problem, "complete the line"));
        }
        take(&record, columns, line, &mut numbers)?;
        rows += 1;
    }
    Ok(DMatrix::from_row_iterator(rows, assets.len(), numbers))
}

/// Where each asset is, and whether this line is a header.
fn layout(
    record: &csv::StringRecord,
    assets: &[String],
    line: Option<u64>,
) -> Result<(Vec<usize>, bool), Wrong> {
    let plain = record.iter().all(|field| field.parse::<f64>().is_ok());
    let named = record
        .iter()
        .any(|field| assets.iter().any(|asset| asset == field));
    if plain && !named {
        if record.len() != assets.len() {
            let problem = format!("has {} numbers for {} assets", record.len(), assets.len());
            return Err(Wrong::at(
                line,
                problem,
                "give one column per asset, or a header",
            ));
        }
        return Ok(((0..assets.len()).collect(), false));
    }
    let mut columns = Vec::with_capacity(assets.len());
    for asset in assets {
        let mut found = record
            .iter()
            .enumerate()
            .filter(|(_, field)| field == asset);
        match (found.next(), found.next()) {
            (Some((column, _)), None) => columns.push(column),
            (Some(_), Some(_)) => {
                let problem = format!("the column `{asset}` is there twice");
                return Err(Wrong::at(line, problem, "leave one"));
            }
            (None, _) => {
                let problem = format!("the header has no column `{asset}`");
                return Err(Wrong::at(
                    line,
                    problem,
                    suggestion(asset, record.iter(), "column"),
                ));
            }
        }
    }
    Ok((columns, true))
}

fn take(
    record: &csv::StringRecord,
    columns: &[usize],
    line: Option<u64>,
    numbers: &mut Vec<f64>,
) -> Result<(), Wrong> {
    for &column in columns {
        let field = record.get(column).unwrap_or_default();
        let number = field
            .parse()
            .ok()
            .filter(|number: &f64| number.is_finite() && *number >= -1.0);
        match number {
            Some(number) => numbers.push(number),
            None => {
                let problem = format!("column {}: `{field}` is no net return", column + 1);
                let remedy = "write 0.01 for 1 %, at least -1, or leave the whole line out";
                return Err(Wrong::at(line, problem, remedy));
            }
        }
    }
    Ok(())
}
