//! Mistakes of our own: a panic is told like any error, and ends a program with the exit code of a bug.

use std::panic::{PanicHookInfo, UnwindSafe, catch_unwind, set_hook};

use crate::diagnostic::{Code, ErrorClass};
use crate::limits::clip;
use crate::redact::redact;

/// The code of every mistake of our own.
pub const BUG: Code = Code(900);

/// Runs a program to its exit code. A panic, on whichever thread, is given to `tell`; one that ends the program makes its
/// exit code that of a bug.
pub fn guard(program: &'static str, tell: fn(&str), run: impl FnOnce() -> u8 + UnwindSafe) -> u8 {
    set_hook(Box::new(move |panic| tell(&told(program, panic))));
    catch_unwind(run).unwrap_or(ErrorClass::Bug.exit_code())
}

fn told(program: &str, panic: &PanicHookInfo<'_>) -> String {
    let place = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    let what = match panic.payload().downcast_ref::<&'static str>() {
        Some(written) => written,
        None => panic.payload_as_str().map_or("no message", first_words),
    };
    text(program, what, &place)
}

/// What follows quotes values, and those may be secrets.
fn first_words(formatted: &str) -> &str {
    formatted.split([':', '\n']).next().unwrap_or_default()
}

fn text(program: &str, what: &str, place: &str) -> String {
    let what = redact(&clip(what));
    format!(
        "error[{BUG}]: {program} met a mistake of its own: {what}\n  --> {}\n  help: this is a mistake in Skerry: please \
         report it with the output of `{program} --version` and the command that you ran",
        redact(place)
    )
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, PoisonError};

    use super::*;

    static TOLD: Mutex<Vec<String>> = Mutex::new(Vec::new());

    type Panics = fn(&str);

    fn refused(value: &str) -> Result<(), String> {
        Err(value.to_owned())
    }

    fn tell(text: &str) {
        TOLD.lock().unwrap_or_else(PoisonError::into_inner).push(text.to_owned());
    }

    /// One test: the hook is one for the whole process.
    #[test]
    fn panics_are_told_without_what_they_quote_and_end_with_the_code_of_a_bug() {
        assert_eq!(guard("skerry-x", tell, || 3), 3);
        let secret = "hunter2";
        let checks: [(Panics, &str); 4] = [
            (|_| panic!("a rule was broken: no two"), "a rule was broken: no two"),
            (|secret| assert_eq!(secret, "other"), "assertion `left == right` failed"),
            (|secret| refused(secret).expect("because it was checked"), "because it was checked"),
            (|secret| refused(secret).unwrap(), "called `Result"),
        ];
        for (panics, expected) in checks {
            assert_eq!(
                guard("skerry-x", tell, move || {
                    panics(secret);
                    0
                }),
                4,
                "{expected}"
            );
            let told = TOLD.lock().expect("nobody else").pop().expect("it was told");
            let (begin, place) = ("error[SK0900]: skerry-x met a mistake of its own: ", "src/bug.rs:");
            assert!(told.starts_with(&format!("{begin}{expected}")), "{told}");
            assert!(told.contains(place) && told.contains("help: ") && !told.contains(secret), "{told}");
        }
        // A thread that is waited for by somebody else ends nothing.
        let lives = guard("skerry-x", tell, || std::thread::spawn(|| panic!("alone")).join().map_or(7, |()| 0));
        assert_eq!((lives, TOLD.lock().expect("nobody else").len()), (7, 1));
    }
}
