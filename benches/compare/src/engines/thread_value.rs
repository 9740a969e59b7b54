//! Values that threads read and write under a lock.

use std::hint::black_box;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use crate::case::{Access, Case, What};
use crate::contestant::{Bout, Card, Contestant, Entry, entry};
use crate::engines::operation::pinned;

pub trait ThreadValue: Send + Sync + 'static {
    const CARD: Card;
    type Cell<const N: usize>: 'static;

    fn new<const N: usize>(words: [u64; N]) -> Self::Cell<N>;
    fn read<const N: usize>(cell: &Self::Cell<N>) -> impl Deref<Target = [u64; N]>;
    fn write<const N: usize>(cell: &Self::Cell<N>) -> impl DerefMut<Target = [u64; N]>;
}

/// The contestant that such a value is.
pub struct Valued<V>(PhantomData<V>);

impl<V: ThreadValue> Valued<V> {
    pub fn boxed() -> Box<dyn Contestant> {
        Box::new(Valued::<V>(PhantomData))
    }
}

impl<V: ThreadValue> Contestant for Valued<V> {
    fn card(&self) -> Card {
        V::CARD
    }

    fn enter<'a>(&'a self, case: &'a Case) -> Option<Entry<'a>> {
        match case.what {
            What::Value { bytes: 8, access } => entry(move || enter::<V, 1>(access)),
            What::Value { access, .. } => entry(move || enter::<V, 8>(access)),
            _ => None,
        }
    }
}

fn enter<V: ThreadValue, const N: usize>(access: Access) -> Result<Bout, String> {
    let cell = Box::new(V::new([0u64; N]));
    match access {
        Access::Get => pinned(move || {
            black_box(*V::read(black_box(&cell)));
        }),
        Access::Update => pinned(move || {
            let mut words = V::write(black_box(&cell));
            words.iter_mut().for_each(|word| *word = word.wrapping_add(1));
        }),
    }
}
