//! What a task definition says that has a need in the network.

use super::needs::{Outside, TaskFacts, partition};
use crate::config::image_uri;
use serde_json::Value;
use std::collections::BTreeSet;

/// Whose the task is, and where it runs.
#[derive(Debug, Clone, Copy)]
pub struct Home<'a> {
    /// `eu-west-1`.
    pub region: &'a str,
    /// Twelve digits.
    pub account: &'a str,
}

/// Reads a task definition in ECS's own JSON. What is not in it (ECS Exec, Service Connect, what the
/// application calls) is left empty.
pub fn of(document: &Value, home: Home<'_>) -> TaskFacts {
    let mut facts =
        TaskFacts { region: home.region.to_owned(), repositories: None, ..TaskFacts::default() };
    for container in containers(document) {
        let name = container["name"].as_str().unwrap_or("?");
        if let Some(image) = container["image"].as_str() {
            pulled(image, name, home, &mut facts);
        }
        logged(&container["logConfiguration"], name, home, &mut facts);
        for secret in secrets(container) {
            said(secret, "the containers' secrets", home, &mut facts);
        }
        let files = container["environmentFiles"].as_array().into_iter().flatten();
        facts
            .environment_files
            .extend(files.filter_map(|file| file["value"].as_str()).map(str::to_owned));
        let specs = container["credentialSpecs"].as_array().into_iter().flatten();
        for spec in specs.filter_map(Value::as_str) {
            credential_spec(spec, home, &mut facts);
        }
        let router = &container["firelensConfiguration"]["options"];
        if router["config-file-type"].as_str() == Some("s3") {
            let file = router["config-file-value"].as_str();
            facts.environment_files.extend(file.map(str::to_owned));
        }
    }
    facts
}

/// What cannot be judged from the network of the VPC: where something goes to a host that only the
/// container knows.
pub fn unjudged(document: &Value) -> Vec<String> {
    let driver = |container: &Value| {
        let driver = container["logConfiguration"]["logDriver"].as_str()?;
        let name = container["name"].as_str().unwrap_or("?");
        (driver != "awslogs").then(|| {
            format!(
                "the logs of container `{name}` go by `{driver}`, whose destination is not judged"
            )
        })
    };
    let volumes = document["volumes"].as_array().into_iter().flatten();
    let efs = volumes.filter(|volume| volume["efsVolumeConfiguration"].is_object());
    let efs = efs.map(|volume| {
        let id = volume["efsVolumeConfiguration"]["fileSystemId"].as_str().unwrap_or("?");
        format!("the mount targets of {id} (NFS, port 2049) are not judged")
    });
    containers(document).filter_map(driver).chain(efs).collect()
}

fn containers(document: &Value) -> impl Iterator<Item = &Value> {
    document["containerDefinitions"].as_array().into_iter().flatten()
}

fn secrets(container: &Value) -> impl Iterator<Item = &str> {
    let own = container["secrets"].as_array().into_iter().flatten();
    let log = container["logConfiguration"]["secretOptions"].as_array().into_iter().flatten();
    let values = own.chain(log).filter_map(|secret| secret["valueFrom"].as_str());
    values.chain(container["repositoryCredentials"]["credentialsParameter"].as_str())
}

fn pulled(image: &str, container: &str, home: Home<'_>, facts: &mut TaskFacts) {
    let outside = |host: &str| Outside {
        service: host.to_owned(),
        why: format!("the image `{image}` of container `{container}`"),
    };
    let host = image.split_once('/').map(|(host, _)| host);
    match image_uri::parse(image) {
        Some(found) if found.region == home.region => {
            let arn = format!(
                "arn:{}:ecr:{}:{}:repository/{}",
                partition(found.region),
                found.region,
                found.account,
                found.repository
            );
            facts.repositories.get_or_insert_with(BTreeSet::new).insert(arn);
        }
        Some(_) => {
            facts.outside.insert(outside(host.unwrap_or_default()));
        }
        // Docker takes a first part for a host where it has a dot or a port.
        // <https://github.com/distribution/reference/blob/main/normalize.go>
        None => {
            let host = host.filter(|host| host.contains(['.', ':']) || *host == "localhost");
            facts.outside.insert(outside(host.unwrap_or("docker.io")));
        }
    }
}

fn logged(logs: &Value, container: &str, home: Home<'_>, facts: &mut TaskFacts) {
    if logs["logDriver"].as_str() != Some("awslogs") {
        return;
    }
    let options = &logs["options"];
    let region = options["awslogs-region"].as_str().unwrap_or(home.region);
    if region != home.region {
        facts.outside.insert(Outside {
            service: format!("logs.{region}"),
            why: format!("the logs of container `{container}`"),
        });
        return;
    }
    let groups = facts.log_groups.get_or_insert_with(BTreeSet::new);
    if let Some(group) = options["awslogs-group"].as_str() {
        let Home { region, account } = home;
        groups
            .insert(format!("arn:{}:logs:{region}:{account}:log-group:{group}", partition(region)));
    }
}

/// An ARN of another region is asked for there.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/specifying-sensitive-data.html>
fn said(secret: &str, why: &str, home: Home<'_>, facts: &mut TaskFacts) {
    let mut parts = secret.split(':').skip(2);
    if let (true, Some(service), Some(region)) =
        (secret.starts_with("arn:"), parts.next(), parts.next())
        && region != home.region
    {
        let service = format!("{service}.{region}");
        facts.outside.insert(Outside { service, why: why.to_owned() });
    } else {
        facts.secrets.insert(secret.to_owned());
    }
}

/// `credentialspec:arn:…` and `credentialspecdomainless:arn:…`, of S3 or of SSM.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html>
fn credential_spec(spec: &str, home: Home<'_>, facts: &mut TaskFacts) {
    let Some((_, arn)) = spec.split_once(':') else { return };
    if arn.split(':').nth(2) == Some("s3") {
        facts.environment_files.insert(arn.to_owned());
    } else {
        said(arn, "the credential specifications", home, facts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::needs::needs;
    use serde_json::json;

    const HOME: Home<'_> = Home { region: "eu-west-1", account: "123456789012" };

    fn lines(document: &Value) -> Vec<String> {
        let line = |need: crate::network::needs::Need| {
            let outside = if need.is_outside { " (outside)" } else { "" };
            format!("{}: {}{outside}", need.service, need.why)
        };
        needs(&of(document, HOME)).into_iter().map(line).collect()
    }

    #[test]
    fn every_part_of_a_definition_that_has_a_need() {
        let document = json!({
            "containerDefinitions": [
                {
                    "name": "web",
                    "image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/web:1",
                    "logConfiguration": {
                        "logDriver": "awslogs",
                        "options": {"awslogs-group": "/ecs/web", "awslogs-region": "eu-west-1"},
                        "secretOptions": [{"name": "key", "valueFrom": "/log/key"}],
                    },
                    "secrets": [
                        {"name": "A", "valueFrom": "arn:aws:secretsmanager:eu-west-1:1:secret:a:k::"},
                        {"name": "B", "valueFrom": "arn:aws:ssm:us-east-1:1:parameter/b"},
                    ],
                    "environmentFiles": [{"value": "arn:aws:s3:::files/a.env", "type": "s3"}],
                },
                {
                    "name": "agent",
                    "image": "public.ecr.aws/datadog/agent:7",
                    "logConfiguration": {
                        "logDriver": "awslogs",
                        "options": {"awslogs-group": "/ecs/agent", "awslogs-region": "us-east-1"},
                    },
                },
                {"name": "cache", "image": "redis"},
                {"name": "far", "image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/far:1"},
            ],
        });
        insta::assert_snapshot!(lines(&document).join("\n"), @"
        ecr.api: the token for the image's registry
        ecr.dkr: the image's manifest
        s3: the image's layers
        logs: the containers' logs
        secretsmanager: the containers' secrets
        ssm: the containers' parameters
        s3: the containers' environment files
        123456789012.dkr.ecr.us-east-1.amazonaws.com: the image `123456789012.dkr.ecr.us-east-1.amazonaws.com/far:1` of container `far` (outside)
        docker.io: the image `redis` of container `cache` (outside)
        logs.us-east-1: the logs of container `agent` (outside)
        public.ecr.aws: the image `public.ecr.aws/datadog/agent:7` of container `agent` (outside)
        ssm.us-east-1: the containers' secrets (outside)
        ");
    }

    #[test]
    fn a_repository_is_known_by_its_arn() {
        let image =
            format!("123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/web@sha256:{:064}", 0);
        let document = json!({"containerDefinitions": [{"name": "web", "image": image}]});
        let arn = "arn:aws:ecr:eu-west-1:123456789012:repository/team/web".to_owned();
        assert_eq!(of(&document, HOME).repositories, Some(BTreeSet::from([arn])));
    }

    #[test]
    fn an_image_of_docker_hub_alone_needs_no_ecr() {
        let document = json!({"containerDefinitions": [{"name": "web", "image": "nginx"}]});
        assert_eq!(lines(&document), ["docker.io: the image `nginx` of container `web` (outside)"]);
    }

    #[test]
    fn what_is_not_judged_is_said() {
        let document = json!({
            "containerDefinitions": [
                {"name": "web", "logConfiguration": {"logDriver": "splunk"}},
                {"name": "own", "logConfiguration": {"logDriver": "awslogs"}},
            ],
            "volumes": [{"name": "v", "efsVolumeConfiguration": {"fileSystemId": "fs-1"}}],
        });
        insta::assert_snapshot!(unjudged(&document).join("\n"), @"
        the logs of container `web` go by `splunk`, whose destination is not judged
        the mount targets of fs-1 (NFS, port 2049) are not judged
        ");
    }
}
