//! Rows of a lane. Perfetto draws one slice at a time on a track, or one wholly within another, and drops what overlaps
//! another in part: so what begins while something else lasts gets a row, and thereby a track, of its own.

use std::collections::BTreeMap;

use super::Lane;

/// The rows of every lane: which of them something lasts in.
#[derive(Debug, Default)]
pub(super) struct Rows(BTreeMap<(usize, u8), Vec<bool>>);

impl Rows {
    /// The first free row of a lane, which is taken; and whether it was never taken before.
    pub(super) fn take(&mut self, process: usize, lane: Lane) -> (usize, bool) {
        let rows = self.0.entry((process, lane as u8)).or_default();
        match rows.iter().position(|taken| !taken) {
            Some(row) => {
                rows[row] = true;
                (row, false)
            }
            None => {
                rows.push(true);
                (rows.len() - 1, true)
            }
        }
    }

    /// What lasted in this row is over.
    pub(super) fn free(&mut self, process: usize, lane: Lane, row: usize) {
        let rows = self.0.get_mut(&(process, lane as u8));
        if let Some(taken) = rows.and_then(|rows| rows.get_mut(row)) {
            *taken = false;
        }
    }
}

/// The track of a row. The first one of each lane has the lane's number; there are fewer lanes than [`APART`].
pub(super) const fn track(lane: Lane, row: usize) -> usize {
    lane as usize + APART * row
}

/// Where a track stands among those of its process: the rows of a lane one below the other.
pub(super) const fn order(lane: Lane, row: usize) -> usize {
    lane as usize * BELOW + row
}

const APART: usize = 16;
/// More than the rows of any lane.
const BELOW: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_taken_again_once_it_is_free_and_each_lane_has_its_own() {
        let mut rows = Rows::default();
        assert_eq!(rows.take(1, Lane::Faults), (0, true));
        assert_eq!(rows.take(1, Lane::Faults), (1, true));
        assert_eq!(rows.take(2, Lane::Faults), (0, true));
        assert_eq!(rows.take(1, Lane::Machines), (0, true));
        rows.free(1, Lane::Faults, 0);
        assert_eq!(rows.take(1, Lane::Faults), (0, false));
        assert_eq!(rows.take(1, Lane::Faults), (2, true));
    }

    #[test]
    fn no_two_rows_are_one_track() {
        let tracks =
            [Lane::State, Lane::Findings].map(|lane| [0, 1, 2].map(|row| track(lane, row)));
        let all: std::collections::BTreeSet<usize> = tracks.concat().into_iter().collect();
        assert_eq!(all.len(), 6, "{tracks:?}");
    }
}
