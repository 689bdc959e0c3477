//! Medians and percentiles: what is said of a heap of samples.

/// What a contestant's samples come to, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Summary {
    pub(crate) median: f64,
    /// A tenth of the samples are below.
    pub(crate) p10: f64,
    /// A tenth of the samples are above.
    pub(crate) p90: f64,
}

impl Summary {
    /// # Panics
    /// If there are no samples.
    pub(crate) fn of(samples: &[f64]) -> Self {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        Self {
            median: percentile(&sorted, 50.0),
            p10: percentile(&sorted, 10.0),
            p90: percentile(&sorted, 90.0),
        }
    }
}

/// The value below which `percent` of the samples are, in a straight line between the two next to it.
fn percentile(sorted: &[f64], percent: f64) -> f64 {
    assert!(!sorted.is_empty(), "no samples: nothing was measured");
    let place = percent / 100.0 * (sorted.len() - 1) as f64;
    let (below, above) = (
        sorted[place.floor() as usize],
        sorted[place.ceil() as usize],
    );
    below + (above - below) * place.fract()
}

#[cfg(test)]
mod tests {
    use super::Summary;

    #[test]
    fn of_an_odd_number_the_median_is_the_one_in_the_middle() {
        assert_eq!(Summary::of(&[9.0, 1.0, 5.0]).median, 5.0);
    }

    #[test]
    fn of_an_even_number_the_median_is_between_the_two_in_the_middle() {
        assert_eq!(Summary::of(&[4.0, 1.0, 100.0, 2.0]).median, 3.0);
    }

    #[test]
    fn a_tenth_is_below_and_a_tenth_above() {
        let samples: Vec<f64> = (0..=100).rev().map(f64::from).collect();
        let summary = Summary::of(&samples);
        assert_eq!((summary.p10, summary.p90), (10.0, 90.0));
    }

    #[test]
    fn of_one_sample_all_are_that_one() {
        let summary = Summary::of(&[7.0]);
        assert_eq!((summary.median, summary.p10, summary.p90), (7.0, 7.0, 7.0));
    }
}
