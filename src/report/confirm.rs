//! The question before something is taken down.

use crate::{
    error::{Error, Problem, Result},
    plan::view::View,
};
use std::io::{IsTerminal as _, Write as _};

/// Shows what would go and asks. Without a terminal there is nobody to ask.
pub async fn destroy(plan: &View, service: &str) -> Result<bool> {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Err(Error::Config(
            Problem::new(format!(
                "taking `{service}` down has to be confirmed, and nobody is there to ask"
            ))
            .help("add `--yes`")
            .to_string(),
        ));
    }
    let question = format!("{plan}\nTake `{service}` down? Only `yes` does it: ");
    let answer = tokio::task::spawn_blocking(move || {
        let mut out = anstream::stderr();
        // No lock: who ends the run while this waits has something to say.
        write!(out, "{question}").and_then(|()| out.flush())?;
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer).map(|_| answer)
    });
    let answer = answer.await.expect("the question does not panic");
    let answer = answer.map_err(|error| {
        Error::Unexpected(Problem::new(format!("the answer cannot be read: {error}")))
    })?;
    Ok(answer.trim() == "yes")
}
