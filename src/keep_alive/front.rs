//! What costs least for what it finds: the Pareto front.

/// The places of those that no other beats in both numbers, cheapest first. Less is better in each; what has no second
/// number is never there.
pub fn pareto(points: &[(f64, Option<f64>)]) -> Vec<usize> {
    let mut places: Vec<usize> = (0..points.len())
        .filter(|place| points[*place].1.is_some())
        .collect();
    let second = |place: usize| points[place].1.unwrap_or(f64::INFINITY);
    places.sort_by(|one, other| {
        let by_cost = points[*one].0.total_cmp(&points[*other].0);
        by_cost.then(second(*one).total_cmp(&second(*other)))
    });
    let mut best = f64::INFINITY;
    places.retain(|place| {
        let better = second(*place) < best;
        best = best.min(second(*place));
        better
    });
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_front_is_what_nothing_else_beats_in_both() {
        let points = [
            (3.0, Some(1.0)),
            (1.0, Some(9.0)),
            (2.0, Some(5.0)),
            (2.0, Some(6.0)),
            (4.0, Some(1.0)),
            (0.5, None),
        ];
        assert_eq!(pareto(&points), [1, 2, 0]);
    }
}
