//! Sorting in the steps of Go's `sort.Sort`, a pattern-defeating quicksort.
//!
//! What upstream sorts by is not always an order: among keys with numbers inside, and among kinds that
//! are called `Namespace`, three can each come before the next. Then the result follows from the way
//! of sorting, so that this way has to be theirs. The sorts of the standard library may even panic.

use std::cmp::Ordering;

/// Up to this many are sorted by insertion.
const INSERTED_MAX: usize = 12;

/// From this many on a pivot is the median of three medians, and a nearly sorted part is mended.
const LARGE_MIN: usize = 50;

/// Most places at which a nearly sorted part is mended.
const MENDED_MAX: usize = 5;

/// The exchanges that medians of three medians need when a part runs backwards.
const BACKWARDS_SWAPS: usize = 12;

/// Sorts a list as Go does, which is not stable.
pub fn sort_as_go<T>(items: &mut [T], compare: impl Fn(&T, &T) -> Ordering) {
    let (end, rounds) = (items.len(), usize::BITS - items.len().leading_zeros());
    Sorter { items, compare }.sort(0, end, rounds);
}

struct Sorter<'a, T, F> {
    items: &'a mut [T],
    compare: F,
}

impl<T, F: Fn(&T, &T) -> Ordering> Sorter<'_, T, F> {
    fn less(&self, left: usize, right: usize) -> bool {
        (self.compare)(&self.items[left], &self.items[right]).is_lt()
    }

    fn swap(&mut self, left: usize, right: usize) {
        self.items.swap(left, right);
    }

    /// Sorts a part; after `rounds` bad pivots by a heap.
    fn sort(&mut self, mut from: usize, mut to: usize, mut rounds: u32) {
        let (mut is_balanced, mut is_parted) = (true, true);
        loop {
            let length = to - from;
            if length <= INSERTED_MAX {
                return self.insert(from, to);
            }
            if rounds == 0 {
                return self.sort_by_heap(from, to);
            }
            if !is_balanced {
                self.scatter(from, to);
                rounds -= 1;
            }
            let (mut pivot, swaps) = self.pivot(from, to);
            let mut looks_sorted = swaps == 0;
            if swaps == BACKWARDS_SWAPS {
                self.items[from..to].reverse();
                pivot = to - 1 - (pivot - from);
                looks_sorted = true;
            }
            if is_balanced && is_parted && looks_sorted && self.mend(from, to) {
                return;
            }
            if from > 0 && !self.less(from - 1, pivot) {
                from = self.part_equal(from, to, pivot);
                continue;
            }
            let middle;
            (middle, is_parted) = self.part(from, to, pivot);
            let (before, after) = (middle - from, to - middle);
            is_balanced = before.min(after) >= length / 8;
            if before < after {
                self.sort(from, middle, rounds);
                from = middle + 1;
            } else {
                self.sort(middle + 1, to, rounds);
                to = middle;
            }
        }
    }

    fn insert(&mut self, from: usize, to: usize) {
        for end in from + 1..to {
            self.sink(end, from);
        }
    }

    /// Moves one towards the front, past all that it comes before.
    fn sink(&mut self, mut place: usize, first: usize) {
        while place > first && self.less(place, place - 1) {
            self.swap(place, place - 1);
            place -= 1;
        }
    }

    fn sort_by_heap(&mut self, from: usize, to: usize) {
        let length = to - from;
        for root in (0..=(length - 1) / 2).rev() {
            self.sift(root, length, from);
        }
        for end in (0..length).rev() {
            self.swap(from, from + end);
            self.sift(0, end, from);
        }
    }

    fn sift(&mut self, mut root: usize, length: usize, from: usize) {
        loop {
            let mut child = 2 * root + 1;
            if child >= length {
                return;
            }
            if child + 1 < length && self.less(from + child, from + child + 1) {
                child += 1;
            }
            if !self.less(from + root, from + child) {
                return;
            }
            self.swap(from + root, from + child);
            root = child;
        }
    }

    /// Puts what comes before the pivot before it; where it then is, and whether all was so already.
    fn part(&mut self, from: usize, to: usize, pivot: usize) -> (usize, bool) {
        self.swap(from, pivot);
        let (mut low, mut high) = (from + 1, to - 1);
        let mut is_parted = true;
        loop {
            while low <= high && self.less(low, from) {
                low += 1;
            }
            while low <= high && !self.less(high, from) {
                high -= 1;
            }
            if low > high {
                self.swap(high, from);
                return (high, is_parted);
            }
            is_parted = false;
            self.swap(low, high);
            low += 1;
            high -= 1;
        }
    }

    /// Puts what equals the pivot, which nothing comes before, at the front; where the rest begins.
    fn part_equal(&mut self, from: usize, to: usize, pivot: usize) -> usize {
        self.swap(from, pivot);
        let (mut low, mut high) = (from + 1, to - 1);
        loop {
            while low <= high && !self.less(from, low) {
                low += 1;
            }
            while low <= high && self.less(from, high) {
                high -= 1;
            }
            if low > high {
                return low;
            }
            self.swap(low, high);
            low += 1;
            high -= 1;
        }
    }

    /// Moves the few that are out of place in a part that is nearly sorted; whether it is sorted then.
    fn mend(&mut self, from: usize, to: usize) -> bool {
        let mut place = from + 1;
        for _ in 0..MENDED_MAX {
            while place < to && !self.less(place, place - 1) {
                place += 1;
            }
            if place == to {
                return true;
            }
            if to - from < LARGE_MIN {
                return false;
            }
            self.swap(place, place - 1);
            if place - from >= 2 {
                self.sink(place - 1, 0);
            }
            if to - place >= 2 {
                let mut next = place + 1;
                while next < to && self.less(next, next - 1) {
                    self.swap(next, next - 1);
                    next += 1;
                }
            }
        }
        false
    }

    /// Exchanges three in the middle with others, chosen by the length alone.
    fn scatter(&mut self, from: usize, to: usize) {
        let length = to - from;
        let mut random = length as u64;
        let mask = (1_u64 << (usize::BITS - length.leading_zeros())) - 1;
        let middle = from + length / 4 * 2;
        for place in middle - 1..=middle + 1 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let other = usize::try_from(random & mask).unwrap_or(0);
            self.swap(place, from + if other >= length { other - length } else { other });
        }
    }

    /// Chooses a pivot in a part of more than twelve; also how many exchanges the medians needed.
    fn pivot(&self, from: usize, to: usize) -> (usize, usize) {
        let quarter = (to - from) / 4;
        let mut swaps = 0;
        let mut places = [1, 2, 3].map(|index| from + quarter * index);
        if to - from >= LARGE_MIN {
            places = places.map(|place| self.median([place - 1, place, place + 1], &mut swaps));
        }
        (self.median(places, &mut swaps), swaps)
    }

    fn median(&self, [mut first, mut second, mut third]: [usize; 3], swaps: &mut usize) -> usize {
        let mut order = |left: &mut usize, right: &mut usize| {
            if self.less(*right, *left) {
                *swaps += 1;
                std::mem::swap(left, right);
            }
        };
        order(&mut first, &mut second);
        order(&mut second, &mut third);
        order(&mut first, &mut second);
        second
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pseudo-random numbers, the same in each run.
    fn numbers(seed: u64, count: usize, below: u64) -> Vec<u64> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        (0..count).map(|_| next()).collect()
    }

    #[test]
    fn orders_are_sorted() {
        for (seed, count, below) in [(1, 13, 100), (2, 49, 5), (3, 50, 1000), (4, 1000, 10), (5, 5000, 1 << 20)] {
            let mut sorted = numbers(seed, count, below);
            let mut expected = sorted.clone();
            expected.sort_unstable();
            sort_as_go(&mut sorted, u64::cmp);
            assert_eq!(sorted, expected, "seed {seed}");
            sorted.reverse();
            sort_as_go(&mut sorted, u64::cmp);
            assert_eq!(sorted, expected, "seed {seed}, backwards");
            sort_as_go(&mut sorted, u64::cmp);
            assert_eq!(sorted, expected, "seed {seed}, sorted");
            let mut pipes: Vec<u64> = expected.iter().copied().chain(expected.iter().rev().copied()).collect();
            sort_as_go(&mut pipes, u64::cmp);
            assert!(pipes.is_sorted(), "seed {seed}, up and down");
        }
    }

    #[test]
    fn what_is_no_order_comes_to_an_end() {
        for seed in 0..200 {
            let mut items = numbers(seed, 300, 3);
            sort_as_go(&mut items, |left, right| {
                if left == right { Ordering::Equal } else { ((left + 1) % 3).cmp(right).then(Ordering::Less) }
            });
            assert_eq!(items.len(), 300);
        }
    }
}
