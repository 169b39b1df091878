//! Requests and answers against the API's own description, which moto brings along.

use super::process::part;
use serde_json::Value;
use std::{
    io::Write as _,
    process::{Command, Stdio},
};

/// What in the calls, objects with `operation`, `input` and `output`, is not as the description of the
/// service's API has it.
pub fn unlike_the_api(service: &str, calls: &Value) -> String {
    let python = part("ECS_PRIVATE_DEPLOY_TEST_MOTO").with_file_name("python");
    let mut checking = Command::new(python)
        .args(["-c", include_str!("ecr_shapes.py"), service])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python");
    let mut input = checking.stdin.take().expect("it is piped");
    input.write_all(calls.to_string().as_bytes()).expect("it reads");
    drop(input);
    let output = checking.wait_with_output().expect("it ends");
    assert!(output.status.success(), "the check itself failed");
    String::from_utf8(output.stdout).expect("text")
}
