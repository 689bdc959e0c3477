//! The handle: waiting, claiming, cancelling.

mod common;

use common::must_end;
use letgo::spawn_value;

#[test]
fn a_value_is_got() {
    must_end(|| assert_eq!(spawn_value(|| 1).get(), 1));
}
