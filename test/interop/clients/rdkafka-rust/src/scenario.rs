//! Runs the scenarios: one line for each, and exit 0 only if all are ok.

use std::fmt::Debug;
use std::panic::catch_unwind;
use std::time::{Duration, Instant};

pub type Outcome<T = ()> = Result<T, String>;
pub type Scenario = (&'static str, fn(&str, &str) -> Outcome);

const WAIT_LIMIT: Duration = Duration::from_secs(15);

pub fn expect<T: PartialEq + Debug>(what: &str, actual: T, wanted: T) -> Outcome {
    if actual == wanted {
        return Ok(());
    }
    Err(format!("{what}: got {}, wanted {}", shortened(&actual), shortened(&wanted)))
}

fn shortened(value: &impl Debug) -> String {
    let text = format!("{value:?}");
    match text.char_indices().nth(200) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
        None => text,
    }
}

/// Asks until the condition holds.
pub fn wait_for(what: &str, mut condition: impl FnMut() -> Outcome<bool>) -> Outcome {
    let end = Instant::now() + WAIT_LIMIT;
    while !condition()? {
        if Instant::now() > end {
            return Err(format!("{what}: not within {WAIT_LIMIT:?}"));
        }
    }
    Ok(())
}

/// An error of the client, as the reason why a scenario failed.
pub fn text(error: impl Debug) -> String {
    format!("{error:?}")
}

pub fn run(scenarios: &[Scenario]) -> ! {
    let arguments: Vec<String> = std::env::args().collect();
    let mut code = 0;
    for (name, scenario) in scenarios {
        let outcome = catch_unwind(|| scenario(&arguments[1], &arguments[2]));
        match outcome.unwrap_or_else(|_| Err("panicked; see stderr".to_string())) {
            Ok(()) => println!("ok {name}"),
            Err(reason) => {
                code = 1;
                println!("not ok {name}: {}", reason.split_whitespace().collect::<Vec<_>>().join(" "));
            }
        }
    }
    std::process::exit(code)
}
