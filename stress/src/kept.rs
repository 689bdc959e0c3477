//! The programs that have failed once, and some that try a lot: each must be fine ever after.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::executors::Kind;
use crate::model;
use crate::program::Program;
use crate::run;

/// How often each is run on each executor.
const TIMES: u64 = 20;

#[test]
fn what_has_failed_once_is_fine_ever_after() {
    run::silence_expected_panics();
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("kept");
    let mut count = 0;
    for entry in std::fs::read_dir(kept).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let program = Arc::new(Program::from_text(&text).unwrap());
        for kind in Kind::ALL {
            if kind.is_bounded() && !program.strict {
                continue;
            }
            let site = kind.open();
            for seed in 0..TIMES {
                let plan = model::plan(&program).unwrap_or_else(|error| panic!("{}", error.0));
                let verdict = run::run(&program, plan, &site, seed, Duration::from_secs(30));
                assert!(
                    verdict.is_fine(),
                    "{} on {kind}: {verdict:?}",
                    path.display()
                );
            }
            assert_eq!(site.close(), None);
        }
        count += 1;
    }
    assert!(count > 0, "no program is kept");
}
