//! Values and arrays.

use commonhold::{Array, Value};

use super::Subject;
use super::sample::Sample;
use crate::uses::{Came, Uses};

impl<T: Sample> Subject for Value<T> {
    fn warm(&self) {
        (0..5).for_each(|number| self.set(T::sample(number)));
    }

    fn each(&self, uses: &Uses) {
        let one = T::sample(1);
        uses.op("Value::get", || Came::to(self.get().known_by()));
        uses.op("Value::swap", || Came::to(self.swap(T::sample(2)).known_by()));
        uses.op("Value::update", || Came::to(self.update(|_| one).known_by()));
        uses.op("Value::try_update", || {
            let refused = self.try_update(|_| None);
            Came::to(refused.map_or_else(|value| value.known_by(), |_| 0))
        });
        uses.op("Value::compare_exchange", || {
            let exchanged = self.compare_exchange(one, T::sample(3));
            Came::to(exchanged.map_or_else(|found| found.known_by(), |_| 0))
        });
        uses.op("Value::set", || {
            self.set(T::sample(4));
            Came::to(())
        });
        uses.op("Value::get", || Came::to(self.get().known_by()));
    }

    fn hold(&self, uses: &Uses, meanwhile: &mut dyn FnMut()) {
        // In the middle of an update.
        uses.op("Value::update, held", || {
            let mut meanwhile = Some(meanwhile);
            let before = self.update(|value| {
                meanwhile.take().into_iter().for_each(|meanwhile| meanwhile());
                value
            });
            Came::to(before.known_by())
        });
    }

    fn take_to_the_grave(&self) {
        self.update(|_| crate::children::die_here());
    }
}

impl<T: Sample> Subject for Array<T> {
    fn warm(&self) {
        (0..self.len()).for_each(|index| self.set(index, T::sample(index as u64)).unwrap());
    }

    fn each(&self, uses: &Uses) {
        let last = self.len().wrapping_sub(1);
        uses.op("Array::len", || Came::to(self.len()));
        for index in [0, last, last.wrapping_add(1)] {
            uses.op("Array::get", || Came::to(self.get(index).map(|value| value.known_by())));
            uses.op("Array::set", || Came::of(self.set(index, T::sample(5))));
            uses.op("Array::swap", || Came::with(self.swap(index, T::sample(6)), |v| v.known_by()));
            let update = || self.update(index, |_| T::sample(7));
            uses.op("Array::update", || Came::with(update(), |v| v.known_by()));
        }
        uses.op("Array::to_vec", || {
            let all = self.to_vec();
            Came::to((all.len(), all.iter().map(T::known_by).collect::<Vec<_>>()))
        });
        uses.op("Array::copy_from_slice", || Came::of(self.copy_from_slice(&[T::sample(1); 9])));
    }

    fn hold(&self, uses: &Uses, meanwhile: &mut dyn FnMut()) {
        uses.op("Array::iter, held", || {
            let mut all = self.iter();
            let first = all.next().map(|value| value.known_by());
            meanwhile();
            Came::to((first, all.map(|value| value.known_by()).collect::<Vec<_>>()))
        });
    }

    fn take_to_the_grave(&self) {
        let _ = self.update(0, |_| crate::children::die_here());
    }
}
