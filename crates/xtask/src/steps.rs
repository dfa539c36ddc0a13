//! Named steps, run one after another until one fails.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use crate::Error;

/// One step: its name and what it does.
pub(crate) struct Step<C> {
    pub(crate) name: &'static str,
    pub(crate) run: fn(&mut C) -> Result<(), Error>,
}

/// Runs the steps in order, says each as it goes, and ends with a table of their times.
///
/// # Errors
/// The first step that fails, by name; the ones after it do not run.
pub(crate) fn run<C>(steps: &[Step<C>], context: &mut C) -> Result<(), Error> {
    let mut rows = Vec::new();
    let mut failure = None;
    let started = Instant::now();
    for (number, step) in steps.iter().enumerate() {
        if failure.is_some() {
            rows.push((step.name, "not run", None));
            continue;
        }
        println!("\n==> [{}/{}] {}", number + 1, steps.len(), step.name);
        let begun = Instant::now();
        let outcome = (step.run)(context);
        let took = begun.elapsed();
        println!("<== {} took {}", step.name, seconds(took));
        let word = if outcome.is_ok() { "ok" } else { "FAILED" };
        rows.push((step.name, word, Some(took)));
        failure = outcome.err().map(|error| (step.name, error));
    }
    print!("\n{}", table(&rows, started.elapsed()));
    match failure {
        None => Ok(()),
        Some((name, error)) => Err(format!("step `{name}`: {error}").into()),
    }
}

fn table(rows: &[(&str, &str, Option<Duration>)], total: Duration) -> String {
    let mut text = String::from("step              outcome        time\n");
    for (name, word, took) in rows {
        let took = took.map_or_else(|| "-".to_owned(), seconds);
        let _ = writeln!(text, "{name:<17} {word:<8} {took:>10}");
    }
    let _ = writeln!(text, "{:<17} {:<8} {:>10}", "all", "", seconds(total));
    text
}

fn seconds(took: Duration) -> String {
    format!("{:.1} s", took.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::{Step, run};

    #[test]
    fn the_first_failure_is_named_and_ends_the_run() {
        let steps = [
            Step {
                name: "one",
                run: |ran: &mut Vec<u8>| {
                    ran.push(1);
                    Ok(())
                },
            },
            Step {
                name: "two",
                run: |ran| {
                    ran.push(2);
                    Err("no luck".into())
                },
            },
            Step {
                name: "three",
                run: |ran| {
                    ran.push(3);
                    Ok(())
                },
            },
        ];
        let mut ran = Vec::new();
        let error = run(&steps, &mut ran).unwrap_err();
        assert_eq!(error.to_string(), "step `two`: no luck");
        assert_eq!(ran, [1, 2]);
        assert!(run(&steps[..1], &mut ran).is_ok());
    }
}
