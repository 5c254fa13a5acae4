//! Sums over a few keys.

/// One value per key, sorted by key. An intent has so few tokens, assets and families that a list
/// is the fastest map.
#[derive(Debug)]
pub(super) struct Sums<K, V>(Vec<(K, V)>);

impl<K, V> Default for Sums<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Ord, V: Default> Sums<K, V> {
    /// The value of a key, nothing at first.
    pub(super) fn at(&mut self, key: K) -> &mut V {
        let place = match self.place(&key) {
            Ok(place) => place,
            Err(place) => {
                self.0.insert(place, (key, V::default()));
                place
            }
        };
        &mut self.0[place].1
    }

    /// The value of a key, if it has one.
    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.place(key).ok().map(|place| &self.0[place].1)
    }

    /// All, sorted by key.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// Keeps what `keep` holds of.
    pub(super) fn retain(&mut self, keep: impl Fn(&V) -> bool) {
        self.0.retain(|(_, value)| keep(value));
    }

    fn place(&self, wanted: &K) -> Result<usize, usize> {
        self.0.binary_search_by(|(key, _)| key.cmp(wanted))
    }
}
