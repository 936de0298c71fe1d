//! A logarithmic scale for a picture.

/// From values to places along an axis.
pub(super) struct Scale {
    least: f64,
    most: f64,
    from: f64,
    to: f64,
}

impl Scale {
    /// For these values, with some room at both ends; from one place to another.
    pub(super) fn fitting(values: impl Iterator<Item = f64>, from: f64, to: f64) -> Self {
        let positive = values.filter(|value| *value > 0.0);
        let (least, most) = positive.fold((f64::INFINITY, 0.0_f64), |(least, most), value| {
            (least.min(value), most.max(value))
        });
        let (least, most) = match least <= most {
            true => (least, most),
            false => (1.0, 10.0),
        };
        Self {
            least: (least * 0.8).ln(),
            most: (most * 1.25).ln(),
            from,
            to,
        }
    }

    /// The place of a value.
    pub(super) fn at(&self, value: f64) -> f64 {
        let share = (value.ln() - self.least) / (self.most - self.least);
        self.from + share * (self.to - self.from)
    }

    /// Those of these values that it has room for.
    pub(super) fn ticks<'a>(&'a self, of: &'a [f64]) -> impl Iterator<Item = f64> + 'a {
        let within = |value: &&f64| (self.least..=self.most).contains(&value.ln());
        of.iter().filter(within).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_times_as_much_is_always_as_far() {
        let scale = Scale::fitting([1.0, 1_000.0].into_iter(), 0.0, 300.0);
        let (one, ten, hundred) = (scale.at(1.0), scale.at(10.0), scale.at(100.0));
        assert!((2.0 * ten - one - hundred).abs() < 1e-9);
        assert!(one > 0.0 && scale.at(1_000.0) < 300.0);
        let ticks: Vec<f64> = scale.ticks(&[0.1, 1.0, 10.0, 10_000.0]).collect();
        assert_eq!(ticks, [1.0, 10.0]);
    }

    #[test]
    fn nothing_to_show_is_still_a_scale() {
        let scale = Scale::fitting(std::iter::empty(), 0.0, 100.0);
        assert!(scale.at(5.0).is_finite());
    }
}
