//! Whose trust policy takes a job's token, decided by MiniStack as STS decides it: the lines that a
//! refusal tells are those that mend it.

use crate::support::{account::Account, ministack::Ministack, oidc::Issuer, program::Program};
use ecs_private_deploy::exit;
use serde_json::{Value, json};
use std::fs;

const ROLE: &str = "arn:aws:iam::000000000000:role/deploy";
const PROVIDER: &str =
    "arn:aws:iam::000000000000:oidc-provider/token.actions.githubusercontent.com";

fn trust(conditions: &Value) -> String {
    let statement = json!({
        "Effect": "Allow",
        "Principal": {"Federated": PROVIDER},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": conditions},
    });
    json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
}

#[tokio::test]
async fn the_two_lines_that_are_told_are_the_ones_that_are_missing() {
    let ministack = Ministack::start_that_authorizes().await;
    let account = Account::of(&ministack.config());
    let vpc = account.vpc().await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = format!(
        "service: web\nregion: eu-central-1\nnetwork: {{ vpc: {} }}\ntask: {{ port: 8080 }}\n\
         image: 000000000000.dkr.ecr.eu-central-1.amazonaws.com/web:v1\n",
        vpc.id
    );
    fs::write(folder.path().join("ecs-deploy.yml"), file).expect("the file");
    let of_others = json!({
        "token.actions.githubusercontent.com:sub": "repo:octo/other:pull_request",
        "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
    });
    let role = account.iam.create_role().role_name("deploy");
    role.assume_role_policy_document(trust(&of_others)).send().await.expect("a role");
    let all = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
    let all = json!({"Version": "2012-10-17", "Statement": all}).to_string();
    let policy = account.iam.put_role_policy().role_name("deploy").policy_name("all");
    policy.policy_document(all).send().await.expect("a policy");

    let doctor = |subject: &str| {
        let arguments = ["doctor", "--role-to-assume", ROLE];
        let program = Program::new(folder.path(), &arguments, &ministack.config());
        Issuer::start(subject).job(program)
    };
    let forms = ["repo:octo/web:pull_request", "repo:octo@42/web@99:pull_request"];
    let run = doctor(forms[0]).run().await.ends_with(exit::REFUSED);
    let lines = run.stderr.lines().map(str::trim);
    let told: Vec<_> = lines.filter(|line| line.starts_with("\"token.actions.")).collect();
    let told: Value =
        serde_json::from_str(&format!("{{{}}}", told.concat())).expect("lines of JSON");
    let request = account.iam.update_assume_role_policy().role_name("deploy");
    request.policy_document(trust(&told)).send().await.expect("it is written");
    for subject in forms {
        let run = doctor(subject).run().await;
        assert!(run.stdout.contains("private subnets"), "{}\n{}", run.stdout, run.stderr);
    }
    let run = doctor("repo:octo/web:ref:refs/heads/main").run().await.ends_with(exit::REFUSED);
    assert!(run.stderr.contains("\"repo:octo/web:ref:refs/heads/main\""), "{}", run.stderr);
}
