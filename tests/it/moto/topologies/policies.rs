//! What endpoint policies let through.
//! <https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html>

use super::lab::{Lab, arn, set};
use serde_json::{Value, json};

topologies!(every_policy_has_its_verdict:
    a_policy_without_the_layer_bucket,
    the_documented_minimum_for_s3,
    a_policy_with_wildcards,
    a_policy_that_denies_all_but_ones_own_buckets,
    a_policy_with_a_condition,
    a_policy_that_is_not_json,
    a_policy_for_another_role,
    an_ecr_policy_that_lacks_an_action,
    an_ecr_policy_for_another_repository,
    a_logs_policy_that_only_reads,
    a_policy_without_the_environment_file,
    a_policy_for_another_secret,
    a_narrow_policy_for_what_the_application_calls,
);

const LAYERS: &str = "arn:aws:s3:::prod-eu-central-1-starport-layer-bucket/*";

fn allow(action: &Value, resource: &Value) -> Value {
    json!({ "Effect": "Allow", "Principal": "*", "Action": action, "Resource": resource })
}

fn policy(statements: &[Value]) -> Value {
    json!({ "Version": "2012-10-17", "Statement": statements })
}

async fn a_policy_without_the_layer_bucket(lab: &Lab) {
    let scene = lab.scene().await;
    scene.endpoints().await;
    let mine = allow(&json!("s3:*"), &json!(["arn:aws:s3:::mine", "arn:aws:s3:::mine/*"]));
    scene.policy(&scene.id("vpce-s3"), &policy(&[mine])).await;
    insta::assert_snapshot!(scene.told().await, @r#"
    ecr.api: by vpce-ecr.api
    ecr.dkr: by vpce-ecr.dkr
    s3: Policy
    logs: by vpce-logs
    ! the policy of vpce-s3 does not allow s3:GetObject on arn:aws:s3:::prod-eu-central-1-starport-layer-bucket/*
      aws ec2 modify-vpc-endpoint --vpc-endpoint-id vpce-s3 --policy-document '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::mine","arn:aws:s3:::mine/*"]},{"Effect":"Allow","Principal":"*","Action":["s3:GetObject"],"Resource":["arn:aws:s3:::prod-eu-central-1-starport-layer-bucket/*"]}]}'
    "#);
}

/// <https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html#ecr-minimum-s3-perms>
async fn the_documented_minimum_for_s3(lab: &Lab) {
    let scene = lab.scene().await;
    scene.endpoints().await;
    let minimum = policy(&[allow(&json!(["s3:GetObject"]), &json!([LAYERS]))]);
    scene.policy(&scene.id("vpce-s3"), &minimum).await;
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api: by vpce-ecr.api
    ecr.dkr: by vpce-ecr.dkr
    s3: by vpce-s3
    logs: by vpce-logs
    ");
}

async fn a_policy_with_wildcards(lab: &Lab) {
    let scene = lab.scene().await;
    scene.endpoints().await;
    let s3 = allow(&json!("s3:Get*"), &json!("arn:aws:s3:::prod-*-starport-layer-bucket/*"));
    scene.policy(&scene.id("vpce-s3"), &policy(&[s3])).await;
    let ecr = allow(&json!("ECR:*"), &json!("*"));
    scene.policy(&scene.id("vpce-ecr.api"), &policy(&[ecr])).await;
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api: by vpce-ecr.api
    ecr.dkr: by vpce-ecr.dkr
    s3: by vpce-s3
    logs: by vpce-logs
    ");
}

async fn a_policy_that_denies_all_but_ones_own_buckets(lab: &Lab) {
    let scene = lab.scene().await;
    scene.endpoints().await;
    let full = allow(&json!("*"), &json!("*"));
    let others = json!({
        "Sid": "MineOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "NotResource": "arn:aws:s3:::mine/*",
    });
    scene.policy(&scene.id("vpce-s3"), &policy(&[full, others])).await;
    insta::assert_snapshot!(scene.told().await, @r#"
    ecr.api: by vpce-ecr.api
    ecr.dkr: by vpce-ecr.dkr
    s3: Policy
    logs: by vpce-logs
    ! vpce-s3 denies s3:GetObject on arn:aws:s3:::prod-eu-central-1-starport-layer-bucket/*: the statement `MineOnly` of its policy
      # without the statement `MineOnly` of its policy
      aws ec2 modify-vpc-endpoint --vpc-endpoint-id vpce-s3 --policy-document '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}'
    "#);
}

/// Whose address ECR signs is not the task's account.
async fn a_policy_with_a_condition(lab: &Lab) {
    let scene = lab.scene().await;
    scene.endpoints().await;
    let full = allow(&json!("*"), &json!("*"));
    let org = json!({
        "Sid": "OurOrganization",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "*",
        "Resource": "*",
        "Condition": { "StringNotEquals": { "aws:ResourceOrgID": "o-1234567890" } },
    });
    scene.policy(&scene.id("vpce-s3"), &policy(&[full, org])).await;
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api: by vpce-ecr.api
    ecr.dkr: by vpce-ecr.dkr
    s3: unknown
    logs: by vpce-logs
    ? by the policy of vpce-s3, whether the statement `OurOrganization` denies s3:GetObject depends on its condition
    ");
}

/// EC2 would not take it; moto does.
async fn a_policy_that_is_not_json(lab: &Lab) {
    let scene = lab.scene().await;
    scene.endpoints().await;
    let request = scene.ec2().modify_vpc_endpoint().vpc_endpoint_id(scene.id("vpce-s3"));
    request.policy_document("{\"Statement\": [").send().await.expect("it is modified");
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api: by vpce-ecr.api
    ecr.dkr: by vpce-ecr.dkr
    s3: unknown
    logs: by vpce-logs
    ? the policy of vpce-s3 is not a policy: EOF while parsing a list at line 1 column 15
    ");
}

/// Whether it is the task's, is known where its execution role is.
async fn a_policy_for_another_role(lab: &Lab) {
    let mut scene = lab.scene().await;
    scene.endpoints().await;
    let role = "arn:aws:iam::123456789012:role/web-execution";
    let mut one = allow(&json!("ecr:*"), &json!("*"));
    one["Principal"] = json!({ "AWS": role });
    scene.policy(&scene.id("vpce-ecr.api"), &policy(&[one])).await;
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api: unknown
    ecr.dkr: by vpce-ecr.dkr
    s3: by vpce-s3
    logs: by vpce-logs
    ? by the policy of vpce-ecr.api, whether the statement allows ecr:BatchGetImage depends on the principal
    ");
    scene.task.execution_role = Some(role.to_owned());
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api: by vpce-ecr.api
    ecr.dkr: by vpce-ecr.dkr
    s3: by vpce-s3
    logs: by vpce-logs
    ");
}

/// <https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html#ecr-vpc-endpoint-policy>
async fn an_ecr_policy_that_lacks_an_action(lab: &Lab) {
    let scene = lab.scene().await;
    scene.endpoints().await;
    let some = json!(["ecr:GetAuthorizationToken", "ecr:BatchGetImage"]);
    scene.policy(&scene.id("vpce-ecr.api"), &policy(&[allow(&some, &json!("*"))])).await;
    insta::assert_snapshot!(scene.told().await, @r#"
    ecr.api: Policy
    ecr.dkr: by vpce-ecr.dkr
    s3: by vpce-s3
    logs: by vpce-logs
    ! the policy of vpce-ecr.api does not allow ecr:BatchCheckLayerAvailability on arn:aws:ecr:eu-central-1:123456789012:repository/web
      aws ec2 modify-vpc-endpoint --vpc-endpoint-id vpce-ecr.api --policy-document '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":["ecr:GetAuthorizationToken","ecr:BatchGetImage"],"Resource":"*"},{"Effect":"Allow","Principal":"*","Action":["ecr:BatchCheckLayerAvailability","ecr:GetDownloadUrlForLayer"],"Resource":["arn:aws:ecr:eu-central-1:123456789012:repository/web"]}]}'
    "#);
}

async fn an_ecr_policy_for_another_repository(lab: &Lab) {
    let scene = lab.scene().await;
    scene.endpoints().await;
    let other = allow(&json!("ecr:*"), &json!(arn("ecr", "repository/other")));
    scene.policy(&scene.id("vpce-ecr.dkr"), &policy(&[other])).await;
    insta::assert_snapshot!(scene.told().await, @r#"
    ecr.api: by vpce-ecr.api
    ecr.dkr: Policy
    s3: by vpce-s3
    logs: by vpce-logs
    ! the policy of vpce-ecr.dkr does not allow ecr:BatchCheckLayerAvailability on arn:aws:ecr:eu-central-1:123456789012:repository/web
      aws ec2 modify-vpc-endpoint --vpc-endpoint-id vpce-ecr.dkr --policy-document '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"ecr:*","Resource":"arn:aws:ecr:eu-central-1:123456789012:repository/other"},{"Effect":"Allow","Principal":"*","Action":["ecr:BatchCheckLayerAvailability","ecr:BatchGetImage","ecr:GetDownloadUrlForLayer"],"Resource":["arn:aws:ecr:eu-central-1:123456789012:repository/web"]}]}'
    "#);
}

async fn a_logs_policy_that_only_reads(lab: &Lab) {
    let scene = lab.scene().await;
    scene.endpoints().await;
    let reads = allow(&json!(["logs:Describe*", "logs:Get*"]), &json!("*"));
    scene.policy(&scene.id("vpce-logs"), &policy(&[reads])).await;
    insta::assert_snapshot!(scene.told().await, @r#"
    ecr.api: by vpce-ecr.api
    ecr.dkr: by vpce-ecr.dkr
    s3: by vpce-s3
    logs: Policy
    ! the policy of vpce-logs does not allow logs:CreateLogStream on arn:aws:logs:eu-central-1:123456789012:log-group:web:log-stream:*
      aws ec2 modify-vpc-endpoint --vpc-endpoint-id vpce-logs --policy-document '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":["logs:Describe*","logs:Get*"],"Resource":"*"},{"Effect":"Allow","Principal":"*","Action":["logs:CreateLogStream","logs:PutLogEvents"],"Resource":["arn:aws:logs:eu-central-1:123456789012:log-group:web:log-stream:*"]}]}'
    "#);
}

async fn a_policy_without_the_environment_file(lab: &Lab) {
    let mut scene = lab.scene().await;
    scene.endpoints().await;
    scene.facts.environment_files = set(&["arn:aws:s3:::settings/web.env"]);
    let layers = policy(&[allow(&json!("s3:GetObject"), &json!(LAYERS))]);
    scene.policy(&scene.id("vpce-s3"), &layers).await;
    insta::assert_snapshot!(scene.told().await, @r#"
    ecr.api: by vpce-ecr.api
    ecr.dkr: by vpce-ecr.dkr
    s3 for the image's layers: by vpce-s3
    logs: by vpce-logs
    s3 for the containers' environment files: Policy
    ! the policy of vpce-s3 does not allow s3:GetObject on arn:aws:s3:::settings/web.env
      aws ec2 modify-vpc-endpoint --vpc-endpoint-id vpce-s3 --policy-document '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::prod-eu-central-1-starport-layer-bucket/*"},{"Effect":"Allow","Principal":"*","Action":["s3:GetObject"],"Resource":["arn:aws:s3:::settings/web.env"]}]}'
    "#);
}

async fn a_policy_for_another_secret(lab: &Lab) {
    let mut scene = lab.scene().await;
    scene.endpoints().await;
    scene.facts.secrets = set(&[&arn("secretsmanager", "secret:db-AbCdEf:password::")]);
    let endpoint = scene.interface("secretsmanager").await;
    let other = json!(arn("secretsmanager", "secret:other-*"));
    let get = json!("secretsmanager:GetSecretValue");
    scene.policy(&endpoint, &policy(&[allow(&get, &other)])).await;
    insta::assert_snapshot!(scene.told().await, @r#"
    ecr.api: by vpce-ecr.api
    ecr.dkr: by vpce-ecr.dkr
    s3: by vpce-s3
    logs: by vpce-logs
    secretsmanager: Policy
    ! the policy of vpce-secretsmanager does not allow secretsmanager:GetSecretValue on arn:aws:secretsmanager:eu-central-1:123456789012:secret:db-AbCdEf
      aws ec2 modify-vpc-endpoint --vpc-endpoint-id vpce-secretsmanager --policy-document '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"secretsmanager:GetSecretValue","Resource":"arn:aws:secretsmanager:eu-central-1:123456789012:secret:other-*"},{"Effect":"Allow","Principal":"*","Action":["secretsmanager:GetSecretValue"],"Resource":["arn:aws:secretsmanager:eu-central-1:123456789012:secret:db-AbCdEf"]}]}'
    "#);
}

async fn a_narrow_policy_for_what_the_application_calls(lab: &Lab) {
    let mut scene = lab.scene().await;
    scene.endpoints().await;
    scene.facts.reach = set(&["sqs"]);
    let endpoint = scene.interface("sqs").await;
    scene.policy(&endpoint, &policy(&[allow(&json!("sqs:SendMessage"), &json!("*"))])).await;
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api: by vpce-ecr.api
    ecr.dkr: by vpce-ecr.dkr
    s3: by vpce-s3
    logs: by vpce-logs
    sqs: unknown
    ? the policy of vpce-sqs is not full access, and what is asked of sqs is not known
    ");
}
