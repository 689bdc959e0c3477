//! Values made of values: each is itself an [`Eventual`](crate::Eventual).
//!
//! | wait for | go on at an error | stop at an error |
//! |---|---|---|
//! | all | [`join!`](crate::join), [`join_all`] | [`try_join!`](crate::try_join), [`try_join_all`] |
