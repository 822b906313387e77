//! Everything that is judged by the clock happens, on the real programs; how fast is for `tests/bench` to say.

use std::io::Write as _;
use std::time::Duration;

/// Wide: goals are one and two seconds, and machines may be busy.
const WIDE: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn pushes_heals_and_returns_take_no_longer_than_a_person_waits() {
    for (name, took) in skerry_tests::judged::play().await {
        writeln!(std::io::stderr(), "{name}: {} ms", took.as_millis()).expect("stderr");
        assert!(took < WIDE, "{name} took {took:?}");
    }
}
