//! What became of an answer.

/// What became of an answer given to [`PromiseMap::resolve`](crate::PromiseMap::resolve); one that met nobody is handed back.
#[must_use = "an answer that met nobody is handed back in it"]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Delivery<V> {
    /// The reply has it.
    Delivered,
    /// The question was given up (dropped or cancelled), and its key still lingers.
    Late(V),
    /// The question was answered before, and that answer was not taken yet, or the key still lingers.
    Duplicate(V),
    /// Nobody asked, or so long ago that nothing is known of it.
    Unknown(V),
}

impl<V> Delivery<V> {
    /// Whether the reply has the answer.
    pub fn is_delivered(&self) -> bool {
        matches!(self, Self::Delivered)
    }

    /// The answer, if it met nobody.
    ///
    /// ```
    /// let replies = letgo::PromiseMap::<u16, &str>::new();
    /// assert_eq!(replies.resolve(&1, "one").into_undelivered(), Some("one"));
    /// ```
    pub fn into_undelivered(self) -> Option<V> {
        match self {
            Self::Delivered => None,
            Self::Late(value) | Self::Duplicate(value) | Self::Unknown(value) => Some(value),
        }
    }
}
