//! A few sums in the order of time, in little memory.

mod persisted;

use std::marker::PhantomData;

use breakeven_model::units::Compact;

/// Sums of equal pieces of time, each with the number of its piece since 1970, oldest first. One takes four bytes for each of
/// its numbers and four for that of its piece.
#[derive(Clone, Debug)]
pub(super) struct CompactSeries<T> {
    pieces: Vec<u32>,
    numbers: Vec<f32>,
    kind: PhantomData<fn() -> T>,
}

impl<T> Default for CompactSeries<T> {
    fn default() -> Self {
        Self {
            pieces: Vec::new(),
            numbers: Vec::new(),
            kind: PhantomData,
        }
    }
}

impl<T: Compact + Default> CompactSeries<T> {
    /// The sums of a piece, if there are any.
    pub(super) fn get(&self, piece: u32) -> Option<T> {
        let position = self.pieces.binary_search(&piece).ok()?;
        Some(self.at(position))
    }

    /// Puts sums in place of those that a piece had.
    pub(super) fn push(&mut self, piece: u32, sums: &T) {
        let mut numbers = Vec::with_capacity(T::COUNT);
        sums.write(&mut numbers);
        let position = self.pieces.partition_point(|one| *one < piece);
        let start = position * T::COUNT;
        if self.pieces.get(position) == Some(&piece) {
            self.numbers[start..start + T::COUNT].copy_from_slice(&numbers);
        } else {
            // What grows by one piece now and then need not be ready to double.
            self.pieces.reserve_exact(1);
            self.numbers.reserve_exact(T::COUNT);
            self.pieces.insert(position, piece);
            self.numbers.splice(start..start, numbers);
        }
    }

    /// All of them, oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, T)> {
        let at = |(position, piece): (usize, &u32)| (*piece, self.at(position));
        self.pieces.iter().enumerate().map(at)
    }

    /// Drops the pieces before one.
    pub(super) fn forget(&mut self, before: u32) {
        let end = self.pieces.partition_point(|one| *one < before);
        self.pieces.drain(..end);
        self.numbers.drain(..end * T::COUNT);
    }

    /// Drops the pieces after one, and takes out the last of the rest.
    pub(super) fn take_last_until(&mut self, piece: u32) -> Option<(u32, T)> {
        let end = self.pieces.partition_point(|one| *one <= piece);
        let last = end.checked_sub(1);
        let taken = last.map(|last| (self.pieces[last], self.at(last)));
        let rest = last.unwrap_or_default();
        self.pieces.truncate(rest);
        self.numbers.truncate(rest * T::COUNT);
        taken
    }

    fn at(&self, position: usize) -> T {
        let start = position * T::COUNT;
        let mut numbers = self.numbers.get(start..).unwrap_or_default();
        T::read(&mut numbers).unwrap_or_default()
    }

    /// The bytes that it holds beside itself.
    #[cfg(test)]
    pub(super) fn heap_bytes(&self) -> usize {
        4 * (self.pieces.capacity() + self.numbers.capacity())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use breakeven_model::units::{Requests, Seconds};

    fn sums(requests: f64) -> (Requests, Seconds) {
        let requests = Requests::from_requests(requests).unwrap();
        (
            requests,
            requests.total_time(Seconds::from_seconds(0.5).unwrap()),
        )
    }

    #[test]
    fn pieces_stay_in_order_and_what_is_put_last_stands() {
        let mut rows = CompactSeries::default();
        for (piece, requests) in [(5, 1.0), (3, 2.0), (9, 3.0), (5, 4.0)] {
            rows.push(piece, &sums(requests));
        }
        let all: Vec<(u32, (Requests, Seconds))> = rows.iter().collect();
        assert_eq!(all, [(3, sums(2.0)), (5, sums(4.0)), (9, sums(3.0))]);
        rows.forget(5);
        assert_eq!((rows.get(3), rows.get(5)), (None, Some(sums(4.0))));
        assert_eq!(rows.iter().count(), 2);
    }
}
