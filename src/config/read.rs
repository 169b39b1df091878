//! The checked file made into the model: defaults filled in, and every rule that is about more than
//! the form of one value.

pub(super) mod image;
mod preview;
mod pull_through;
mod rollout;
mod run;
mod task;

use super::{
    finding::Finding,
    model::{Config, Endpoints, HealthCheck, LoadBalancer, Logs, Network},
    names,
    section::{At, Section},
    shape::RETENTIONS,
    tree::Node,
    values,
};
use std::{
    collections::BTreeSet,
    ops::Range,
    path::{Path, PathBuf},
};

/// ELB's recommended policy; what the API takes where none is given is from 2016.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html>
const SSL_POLICY: &str = "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09";

/// What the file's reader may know of the rest of the disk.
pub(super) trait Files {
    /// A file's text, or why it cannot be read.
    fn text(&self, path: &Path) -> std::io::Result<String>;
    /// Whether it is a folder.
    fn is_folder(&self, path: &Path) -> bool;
    /// Whether it is a file.
    fn is_file(&self, path: &Path) -> bool;
}

/// Findings, those of the file and those of elsewhere.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) own: Vec<Finding>,
    /// What must not be shown, even on a line that is.
    pub(super) hidden: Vec<Range<usize>>,
    /// Path, text and findings of the task definition.
    pub(super) definition: Option<(PathBuf, String, Vec<Finding>)>,
}

/// What reading needs besides the tree.
pub(super) struct Input<'a> {
    /// The folder of the file.
    pub(super) folder: &'a Path,
    pub(super) files: &'a dyn Files,
    /// The image that the command line gives, in place of the file's.
    pub(super) image: Option<&'a str>,
}

/// What decides which images can be pulled.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Placed<'a> {
    /// The region, where the file says it.
    pub(super) region: Option<&'a str>,
    /// Whether ECR caches those of other registries.
    pub(super) is_cached: bool,
}

/// Makes the model. Where something was found the model is of no use.
pub(super) fn read(tree: &Node, input: &Input<'_>, findings: &mut Findings) -> Config {
    let file = Section::of(tree);
    let own = &mut findings.own;
    let service = if let Some(service) = file.text("service") {
        service.must("the service's name", names::ecs, own);
        service.value.to_owned()
    } else {
        if file.entry("service").is_none() {
            let finding = Finding::new(0..0, "the key `service` is missing");
            own.push(finding.help("name the ECS service: `service: web`"));
        }
        String::new()
    };
    let cluster = named(&file, "cluster", "the cluster's name", names::ecs, own);
    let region = file.text("region");
    if let Some(region) = &region {
        region.must("the region", is_region, own);
    }
    let own = &mut findings.own;
    let pull_through = pull_through::read(&file.section("image"), own);
    let placed =
        Placed { region: region.as_ref().map(|at| at.value), is_cached: pull_through.is_ensured };
    let image = image::read(&file, &service, placed, input, findings);
    let own = &mut findings.own;
    let network = network(&file, own);
    let load_balancer = load_balancer(&file, &service, own);
    let logs = logs(&file, &service, own);
    let rollout = rollout::read(&file, own);
    let task = task::read(&file, &service, &image, placed, input, findings);
    let run = run::read(&file, &task, &mut findings.own);
    let preview = preview::read(&file, &task, &load_balancer, &mut findings.own);
    let image = image::for_task(image, &task, &file, &mut findings.own);
    Config {
        cluster: cluster.unwrap_or_else(|| service.clone()),
        region: region.map(|region| region.value.to_owned()),
        image,
        pull_through,
        task,
        network,
        load_balancer,
        logs,
        rollout,
        run,
        preview,
        preview_of: None,
        folder: input.folder.to_owned(),
        service,
    }
}

/// A name that is given, checked by its rule.
fn named(
    section: &Section<'_>,
    key: &str,
    what: &str,
    rule: impl FnOnce(&str) -> Result<(), String>,
    findings: &mut Vec<Finding>,
) -> Option<String> {
    let name = section.text(key)?;
    name.must(what, rule, findings);
    Some(name.value.to_owned())
}

fn is_region(text: &str) -> Result<(), String> {
    let parts: Vec<_> = text.split('-').collect();
    let is_well = parts.len() >= 3
        && parts.iter().all(|part| !part.is_empty())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && parts.last().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    is_well.then_some(()).ok_or_else(|| "not a region such as `eu-central-1`".to_owned())
}

fn network(file: &Section<'_>, findings: &mut Vec<Finding>) -> Network {
    let section = file.section("network");
    let is_vpc = |text: &str| {
        let id =
            text.strip_prefix("vpc-").filter(|id| id.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let is_well = id.is_some_and(|id| id.len() == 8 || id.len() == 17);
        is_well
            .then_some(())
            .ok_or_else(|| "not a VPC's id such as `vpc-0123456789abcdef0`".to_owned())
    };
    Network {
        vpc: named(&section, "vpc", "the VPC", is_vpc, findings),
        endpoints: match section.text("endpoints").map(|at| at.value) {
            Some("verify") => Endpoints::Verify,
            Some("off") => Endpoints::Off,
            _ => Endpoints::Ensure,
        },
        adopt: section.boolean("adopt").unwrap_or(false),
        ensure_dns: section.text("dns").is_some_and(|at| at.value == "ensure"),
        reach: reach(&section, findings),
    }
}

/// The short names of endpoint services. Which of them there are depends on the region.
fn reach(section: &Section<'_>, findings: &mut Vec<Finding>) -> BTreeSet<String> {
    let is_name = |text: &str| {
        let is_well = text.split(['.', '-']).all(|part| {
            !part.is_empty()
                && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        });
        is_well.then_some(()).ok_or_else(|| {
            "not the short name of an endpoint service, such as `sqs` of \
             `com.amazonaws.eu-central-1.sqs`"
                .to_owned()
        })
    };
    let names = section.texts("reach").unwrap_or_default();
    for name in &names {
        name.must("the service", is_name, findings);
    }
    names.iter().map(|name| name.value.to_owned()).collect()
}

fn load_balancer(file: &Section<'_>, service: &str, findings: &mut Vec<Finding>) -> LoadBalancer {
    let section = file.section("load-balancer");
    let what = "the load balancer's name";
    let name = named(&section, "name", what, names::load_balancer, findings);
    let certificate = |text: &str| {
        let is_well = values::is_arn(text, "acm", "certificate/")
            || values::is_arn(text, "iam", "server-certificate/");
        is_well.then_some(()).ok_or_else(|| {
            "not the ARN of an ACM certificate: `arn:aws:acm:REGION:ACCOUNT:certificate/ID`"
                .to_owned()
        })
    };
    let host = |text: &str| {
        let is_well = values::is_host(text);
        is_well.then_some(()).ok_or_else(|| "not a host such as `web.example.com`".to_owned())
    };
    let certificate = named(&section, "certificate", "the certificate", certificate, findings);
    of_the_region(file, &section, findings);
    if certificate.is_none()
        && let Some(policy) = section.entry("ssl-policy")
    {
        let finding = Finding::new(policy.key_span.clone(), "a TLS policy without a certificate");
        findings.push(finding.help("add `load-balancer.certificate`, or take the policy out"));
    }
    let allow_from = section.texts("allow-from");
    for block in allow_from.iter().flatten() {
        block.must("the block", values::cidr, findings);
    }
    if let (Some([]), Some(entry)) = (section.list("allow-from"), section.entry("allow-from")) {
        let finding = Finding::new(entry.key_span.clone(), "nobody may connect: the list is empty");
        findings.push(finding.help("take the key out, or name the blocks that may connect"));
    }
    LoadBalancer {
        name: name.unwrap_or_else(|| names::load_balancer_of(service)),
        certificate,
        ssl_policy: section
            .text("ssl-policy")
            .map_or_else(|| SSL_POLICY.to_owned(), |at| at.value.to_owned()),
        host: named(&section, "host", "the host", host, findings),
        path: None,
        allow_from: match allow_from {
            Some(blocks) => blocks.iter().map(|block| block.value.to_owned()).collect(),
            None => vec!["0.0.0.0/0".to_owned()],
        },
        health_check: health_check(&section, findings),
        deregistration_delay: number(&section, "deregistration-delay", 30),
    }
}

/// A load balancer takes certificates of its own region alone; those of IAM have none.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/https-listener-certificates.html>
fn of_the_region(file: &Section<'_>, section: &Section<'_>, findings: &mut Vec<Finding>) {
    let (Some(region), Some(certificate)) = (file.text("region"), section.text("certificate"))
    else {
        return;
    };
    let theirs = certificate.value.split(':').nth(3).unwrap_or_default();
    if values::is_arn(certificate.value, "acm", "certificate/") && theirs != region.value {
        let what = format!("the certificate is in {theirs}, and the service in {}", region.value);
        let finding =
            Finding::new(certificate.span, what).also(region.span, "the service's region");
        findings.push(finding.help(format!("request one in {}", region.value)));
    }
}

fn number(section: &Section<'_>, key: &str, default: u32) -> u32 {
    section.number(key).map_or(default, |at| at.value)
}

fn health_check(load_balancer: &Section<'_>, findings: &mut Vec<Finding>) -> HealthCheck {
    let section = load_balancer.section("health-check");
    let path = |text: &str| {
        let is_well = text.starts_with('/')
            && text.len() <= 1024
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        is_well.then_some(()).ok_or_else(|| {
            "a path begins with `/`, has no blanks, and at most 1024 characters".to_owned()
        })
    };
    let matcher = |text: &str| {
        let is_well = values::is_matcher(text);
        is_well.then_some(()).ok_or_else(|| {
            "write HTTP codes from 200 to 499 as `200`, `200-299` or `200,404`".to_owned()
        })
    };
    let or = |given: Option<String>, default: &str| given.unwrap_or_else(|| default.to_owned());
    let check = HealthCheck {
        path: or(named(&section, "path", "the health check's path", path, findings), "/"),
        matcher: or(named(&section, "matcher", "the matcher", matcher, findings), "200-399"),
        interval: number(&section, "interval", 10),
        timeout: number(&section, "timeout", 5),
        healthy_threshold: number(&section, "healthy-threshold", 2),
        unhealthy_threshold: number(&section, "unhealthy-threshold", 3),
        grace_period: number(&section, "grace-period", 60),
    };
    if check.timeout >= check.interval
        && let Some(entry) = section.entry("timeout").or_else(|| section.entry("interval"))
    {
        let what = format!(
            "a health check that may take {} s is made every {} s",
            check.timeout, check.interval
        );
        let finding = Finding::new(entry.node.span.clone(), what);
        findings.push(finding.label("the timeout has to be less than the interval"));
    }
    check
}

fn logs(file: &Section<'_>, service: &str, findings: &mut Vec<Finding>) -> Logs {
    let section = file.section("logs");
    let retention: Option<At<u32>> = section.number("retention-in-days");
    if let Some(days) = &retention
        && !RETENTIONS.contains(&days.value.into())
    {
        let all = RETENTIONS.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let what = format!("CloudWatch keeps no logs for {} days", days.value);
        findings
            .push(Finding::new(days.span.clone(), what).help(format!("it keeps them for {all}")));
    }
    let group = named(&section, "group", "the log group's name", names::log_group, findings);
    Logs {
        group: group.unwrap_or_else(|| format!("/ecs/{service}")),
        retention_in_days: retention.map_or(30, |days| days.value),
    }
}

/// A finding about a path of the file: the folder or file that is not there.
fn missing(span: Range<usize>, what: &str, path: &Path) -> Finding {
    Finding::new(span, format!("{what} is not there")).label(format!("no `{}`", path.display()))
}
