//! Places where tests may stop the process.

/// One kind of durable write.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// Everything is written, nothing is committed.
    pub(crate) before: &'static str,
    /// It is durable, and the caller does not know yet.
    pub(crate) after: &'static str,
}

pub(crate) const SIGNATURE: Place = Place {
    before: "store.signature.before",
    after: "store.signature.after",
};
pub(crate) const BROADCAST: Place = Place {
    before: "store.broadcast.before",
    after: "store.broadcast.after",
};
pub(crate) const MINED: Place = Place {
    before: "store.mined.before",
    after: "store.mined.after",
};
pub(crate) const COMMIT: Place = Place {
    before: "store.commit.before",
    after: "store.commit.after",
};
pub(crate) const CONTROL: Place = Place {
    before: "store.control.before",
    after: "store.control.after",
};

/// Every checkpoint of this crate. At `….before` the transaction is complete but not committed, so
/// a process that stops there has written nothing; at `….after` it is durable, but the caller has
/// not been told.
pub const CHECKPOINTS: &[&str] = &[
    SIGNATURE.before,
    SIGNATURE.after,
    BROADCAST.before,
    BROADCAST.after,
    MINED.before,
    MINED.after,
    COMMIT.before,
    COMMIT.after,
    CONTROL.before,
    CONTROL.after,
];
