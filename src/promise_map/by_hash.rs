//! A table of entries that are found by a hash that is known, and by a look at the entry.
//!
//! So a lock around it is never held for a user's `Hash`, an entry is found once for all that is done
//! with it, and it may be looked for by more than its key.

use std::collections::HashMap;
use std::collections::hash_map::{Entry, OccupiedEntry};
use std::hash::{BuildHasherDefault, Hasher};
use std::{mem, slice};

/// Up to this many entries memory is kept: to give it back costs more than it is worth.
pub(super) const SMALL: usize = 1024;

pub(super) struct ByHash<E> {
    chains: HashMap<u64, Chain<E>, BuildHasherDefault<Known>>,
}

/// The entries of one hash.
enum Chain<E> {
    One(E),
    /// Rare: hashes have 64 bits. Never empty.
    Many(Vec<E>),
}

/// An entry that was found.
pub(super) struct Found<'a, E> {
    chain: OccupiedEntry<'a, u64, Chain<E>>,
    index: usize,
}

impl<E> ByHash<E> {
    pub(super) fn new() -> Self {
        Self {
            chains: HashMap::default(),
        }
    }

    #[inline]
    pub(super) fn find(&mut self, hash: u64, is_it: impl Fn(&E) -> bool) -> Option<Found<'_, E>> {
        let Entry::Occupied(chain) = self.chains.entry(hash) else {
            return None;
        };
        let index = chain.get().as_slice().iter().position(is_it)?;
        Some(Found { chain, index })
    }

    /// Puts an entry in, unless there is one that `is_same`: then the new one comes back.
    #[inline]
    pub(super) fn insert(
        &mut self,
        hash: u64,
        entry: E,
        is_same: impl Fn(&E, &E) -> bool,
    ) -> Result<(), E> {
        match self.chains.entry(hash) {
            Entry::Vacant(place) => {
                place.insert(Chain::One(entry));
                Ok(())
            }
            Entry::Occupied(mut chain) => {
                let mut others = chain.get().as_slice().iter();
                if others.any(|other| is_same(other, &entry)) {
                    return Err(entry);
                }
                chain.get_mut().push(entry);
                Ok(())
            }
        }
    }

    /// All entries, with their hashes.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (u64, &mut E)> {
        self.chains.iter_mut().flat_map(|(&hash, chain)| {
            let entries = chain.as_mut_slice().iter_mut();
            entries.map(move |entry| (hash, entry))
        })
    }

    /// Takes those entries out that `is_it`, without dropping any.
    pub(super) fn extract(&mut self, is_it: impl Fn(&E) -> bool) -> Vec<E> {
        let chains = mem::take(&mut self.chains);
        let mut extracted = Vec::new();
        let mut sort = |hash, entry| {
            if is_it(&entry) {
                extracted.push(entry);
            } else {
                // It was told from the others before.
                let _ = self.insert(hash, entry, |_, _| false);
            }
        };
        for (hash, chain) in chains {
            match chain {
                Chain::One(entry) => sort(hash, entry),
                Chain::Many(entries) => entries.into_iter().for_each(|entry| sort(hash, entry)),
            }
        }
        extracted
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.chains.capacity()
    }

    /// Gives memory back once most of it is unused.
    #[inline]
    pub(super) fn shrink(&mut self) {
        let kept = self.chains.len();
        if self.chains.capacity() > (2 * SMALL).max(8 * kept) {
            self.chains.shrink_to(SMALL.max(2 * kept));
        }
    }
}

impl<E> Chain<E> {
    fn as_slice(&self) -> &[E] {
        match self {
            Self::One(entry) => slice::from_ref(entry),
            Self::Many(entries) => entries,
        }
    }

    fn as_mut_slice(&mut self) -> &mut [E] {
        match self {
            Self::One(entry) => slice::from_mut(entry),
            Self::Many(entries) => entries,
        }
    }

    fn push(&mut self, entry: E) {
        let mut entries = match mem::replace(self, Self::Many(Vec::new())) {
            Self::One(first) => vec![first],
            Self::Many(entries) => entries,
        };
        entries.push(entry);
        *self = Self::Many(entries);
    }
}

impl<E> Found<'_, E> {
    #[inline]
    pub(super) fn get_mut(&mut self) -> &mut E {
        &mut self.chain.get_mut().as_mut_slice()[self.index]
    }

    #[inline]
    pub(super) fn remove(mut self) -> E {
        match self.chain.get_mut() {
            Chain::Many(entries) if entries.len() > 1 => entries.swap_remove(self.index),
            _ => match self.chain.remove() {
                Chain::One(entry) => entry,
                Chain::Many(mut entries) => entries.swap_remove(self.index),
            },
        }
    }
}

/// Gives the hash that it is told.
#[derive(Default)]
pub(super) struct Known(u64);

impl Hasher for Known {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("only hashes are hashed here");
    }
}
