//! The file that the user writes.

pub mod image_uri;
pub mod model;
pub mod names;

use model::*;
use serde_json::Value;
use std::path::Path;

/// Temporary.
pub fn load(
    file: Option<&Path>,
    folder: &Path,
    _image: Option<&str>,
) -> crate::error::Result<Config> {
    let default = folder.join("ecs-deploy.yml");
    let file = std::path::absolute(file.unwrap_or(&default)).unwrap();
    let file = &*file;
    let text = std::fs::read_to_string(file).unwrap();
    let v: Value = serde_yaml::from_str(&text).unwrap();
    let s = |v: &Value, d: &str| v.as_str().unwrap_or(d).to_owned();
    let n = |v: &Value, d: u32| v.as_u64().map_or(d, |n| n as u32);
    let service = s(&v["service"], "web");
    let lb = &v["load-balancer"];
    let hc = &lb["health-check"];
    let folder = file.parent().unwrap().to_owned();
    Ok(Config {
        service: service.clone(),
        region: v["region"].as_str().map(str::to_owned),
        cluster: s(&v["cluster"], &service),
        image: match v["image"].as_str() {
            Some(uri) => Image::Uri(uri.to_owned()),
            None => Image::Build(Build {
                context: folder.clone(),
                dockerfile: folder.join("Dockerfile"),
                target: None,
                build_args: Default::default(),
                secrets: vec![],
                platforms: vec!["linux/amd64".into()],
                cache: Cache::Registry,
                provenance: false,
                repository: s(&v["image"]["repository"], &service),
                keep: 30,
            }),
        },
        task: Task {
            port: 8080,
            container: service.clone(),
            execution_role_arn: None,
            task_role_arn: None,
            definition: Definition::Block(TaskBlock {
                cpu: 256,
                memory: 512,
                cpu_architecture: "X86_64".into(),
                environment: Default::default(),
                secrets: Default::default(),
                command: None,
            }),
        },
        network: Network {
            vpc: v["network"]["vpc"].as_str().map(str::to_owned),
            endpoints: Endpoints::Ensure,
        },
        load_balancer: LoadBalancer {
            name: s(&lb["name"], &service),
            certificate: None,
            ssl_policy: "ELBSecurityPolicy-TLS13-1-2-2021-06".into(),
            host: lb["host"].as_str().map(str::to_owned),
            allow_from: lb["allow-from"]
                .as_array()
                .map_or(vec!["0.0.0.0/0".into()], |a| a.iter().map(|x| s(x, "")).collect()),
            health_check: HealthCheck {
                path: s(&hc["path"], "/"),
                matcher: "200-399".into(),
                interval: 10,
                timeout: 5,
                healthy_threshold: 2,
                unhealthy_threshold: 2,
                grace_period: 60,
            },
            deregistration_delay: 30,
        },
        logs: Logs {
            group: format!("/ecs/{service}"),
            retention_in_days: n(&v["logs"]["retention-in-days"], 30),
        },
        rollout: Rollout {
            desired_count: v["rollout"]["desired-count"].as_u64().map(|n| n as u32),
            minimum_healthy_percent: 100,
            maximum_percent: n(&v["rollout"]["maximum-percent"], 200),
            timeout: std::time::Duration::from_secs(900),
        },
        folder,
    })
}

/// Schema.
pub fn schema() -> String {
    String::new()
}
