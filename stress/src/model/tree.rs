//! What can be told of a program by its text: who runs whom, and what may be cancelled.

use std::collections::BTreeSet;

use super::Invalid;
use crate::program::{Id, Op, Program};

/// Each body is run by one operation at the most, of a body before it.
pub(super) fn check_tree(program: &Program) -> Result<(), Invalid> {
    if program.bodies[0].ops.contains(&Op::Never) {
        return Err(Invalid("the main body would never end".into()));
    }
    let mut seen = BTreeSet::from([0]);
    for (index, body) in program.bodies.iter().enumerate() {
        for op in &body.ops {
            if let Some(child) = op.body()
                && (child <= index || child >= program.bodies.len() || !seen.insert(child))
            {
                return Err(Invalid(format!(
                    "body {child} can't be run by body {index}"
                )));
            }
            // What never ends has to be a future, which can be cancelled.
            if let Some(child) = op.body()
                && program.bodies[child].ops.contains(&Op::Never)
                && !matches!(op, Op::Future { .. })
            {
                return Err(Invalid(format!("body {child} would block for ever")));
            }
        }
    }
    Ok(())
}

/// The handles whose tasks somebody may cancel.
pub(super) fn cancellable(program: &Program) -> BTreeSet<Id> {
    let ops = || program.bodies.iter().flat_map(|body| &body.ops);
    let mut all: BTreeSet<Id> = ops().flat_map(Op::cancels).collect();
    loop {
        let before = all.len();
        for op in ops() {
            if let Op::Then { h, of, .. } | Op::Clone { h, of } = op
                && all.contains(h)
            {
                all.insert(*of);
            }
        }
        // A clone has what its original has.
        for op in ops() {
            if let Op::Clone { h, of } = op
                && all.contains(of)
            {
                all.insert(*h);
            }
        }
        if all.len() == before {
            return all;
        }
    }
}
