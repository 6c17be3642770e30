//! Owns the arithmetic: percentiles and medians. Pure.

use std::time::Duration;

/// A transaction that takes longer is one that people notice.
pub const SLOW: Duration = Duration::from_millis(50);

/// Times of transactions, and their errors.
#[derive(Clone, Debug, Default)]
pub struct Latencies {
    took: Vec<Duration>,
    errors: Vec<String>,
}

/// What is told of them; times in ms.
#[derive(Clone, Debug, serde::Serialize)]
pub struct LoadFigures {
    pub transactions: usize,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
    /// Of a thousand.
    pub slow_per_mille: f64,
    pub errors: usize,
    pub first_error: Option<String>,
}

impl Latencies {
    pub fn add(&mut self, took: Duration, error: Option<&str>) {
        self.took.push(took);
        self.errors.extend(error.map(str::to_owned));
    }

    pub fn extend(&mut self, other: &Latencies) {
        self.took.extend_from_slice(&other.took);
        self.errors.extend_from_slice(&other.errors);
    }

    /// `None`: there were none.
    pub fn figures(&self) -> Option<LoadFigures> {
        let mut took = self.took.clone();
        took.sort_unstable();
        let ms = |rank: f64| {
            let at = ((took.len() as f64 * rank).ceil() as usize).clamp(1, took.len()) - 1;
            took[at].as_secs_f64() * 1000.0
        };
        let slow = took.iter().filter(|took| **took > SLOW).count();
        (!took.is_empty()).then(|| LoadFigures {
            transactions: took.len(),
            p50_ms: ms(0.5),
            p99_ms: ms(0.99),
            max_ms: ms(1.0),
            slow_per_mille: slow as f64 * 1000.0 / took.len() as f64,
            errors: self.errors.len(),
            first_error: self.errors.first().cloned(),
        })
    }
}

/// `None`: of nothing. Of an even number, the mean of the middle two.
pub fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(values[middle]),
        _ => Some(f64::midpoint(values[middle - 1], values[middle])),
    }
}
