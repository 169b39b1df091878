//! A VPC as the doctor tells it, with names in the place of ids.

use super::lab::Scene;
use crate::support::moto::REGION;
use aws_config::SdkConfig;
use ecs_private_deploy::{
    aws::Reader,
    network::{
        diagnose::{Diagnosis, Finding, Problem, diagnose},
        model::Topology,
        needs::needs,
        verdict::Verdict,
    },
    world::{topology, vpc},
};
use std::collections::BTreeSet;

impl Scene<'_> {
    /// What a client of the account's administrator is made from that hears what the relay says.
    pub(super) fn config(&self) -> SdkConfig {
        let endpoint = format!("http://127.0.0.1:{}", self.lab.relay.port);
        self.lab.moto.config().into_builder().endpoint_url(endpoint).build()
    }

    /// Reads the VPC and judges it: a line for the verdict of each need, `?` before a doubt, `!` before
    /// the first problem at a hop with its fix below, `~` before a warning.
    pub(super) async fn told(&self) -> String {
        self.told_to(&self.config()).await
    }

    pub(super) async fn told_to(&self, config: &SdkConfig) -> String {
        let topology = self.read(config).await;
        let diagnosis = diagnose(&topology, &self.task, &needs(&self.facts));
        let names = self.names.borrow();
        let by_name =
            |line: String| names.iter().fold(line, |line, (id, name)| line.replace(id, name));
        let mut lines: Vec<_> = lines(&diagnosis).into_iter().map(by_name).collect();
        // By their names, and not by ids that are others each time.
        if let Some(first) = lines.iter().position(|line| line.starts_with("? ")) {
            let count = lines[first..].iter().take_while(|line| line.starts_with("? ")).count();
            lines[first..first + count].sort();
        }
        lines.join("\n")
    }

    pub(super) async fn read(&self, config: &SdkConfig) -> Topology {
        self.place_interfaces().await;
        // moto leaves out the blocks of AWS's own lists.
        let list = format!("<prefixListName>com.amazonaws.{REGION}.s3</prefixListName>");
        let blocks = "<cidrSet><item>52.216.0.0/15</item><item>3.5.0.0/19</item></cidrSet>";
        self.lab.relay.may_say("DescribePrefixLists", &list, format!("{blocks}{list}"));
        let aws = Reader::new(config).await.expect("a reader");
        let found = vpc::choose(&aws, Some(&self.vpc)).await.expect("the VPC");
        let services = needs(&self.facts).into_iter().map(|need| need.service).collect();
        let topology = topology::observe(&aws, &found, &services).await.expect("it is read");
        self.lab.relay.forget();
        assert_eq!(topology.region, REGION);
        topology
    }

    /// moto gives an endpoint's interface any address of 10.0.0.0/8; EC2 gives it one of its subnet.
    async fn place_interfaces(&self) {
        let request = self.ec2().describe_vpc_endpoints().filters(self.in_vpc());
        let endpoints = request.send().await.expect("endpoints");
        let of_endpoints: BTreeSet<_> = endpoints
            .vpc_endpoints()
            .iter()
            .flat_map(|endpoint| endpoint.network_interface_ids().iter().cloned())
            .collect();
        let blocks = [(&self.public, "10.42.0"), (&self.a, "10.42.10"), (&self.b, "10.42.11")];
        let all = self.ec2().describe_network_interfaces().send().await.expect("interfaces");
        let all = all.network_interfaces().iter().enumerate();
        for (at, interface) in all {
            let is_endpoints =
                interface.network_interface_id().is_some_and(|id| of_endpoints.contains(id));
            let block = blocks.iter().find(|(id, _)| interface.subnet_id() == Some(id));
            if let (true, Some((_, block)), Some(address)) =
                (is_endpoints, block, interface.private_ip_address())
            {
                let tag = |address: &str| format!("<privateIpAddress>{address}</privateIpAddress>");
                let to = tag(&format!("{block}.{}", at % 200 + 10));
                self.lab.relay.may_say("DescribeNetworkInterfaces", tag(address), to);
            }
        }
    }
}

fn lines(diagnosis: &Diagnosis) -> Vec<String> {
    let mut lines: Vec<(String, String)> = Vec::new();
    let mut rest = diagnosis.findings.as_slice();
    while let Some(first) = rest.first() {
        let (of_need, others) =
            rest.split_at(rest.iter().take_while(|finding| finding.need == first.need).count());
        rest = others;
        let words: Vec<_> = of_need.iter().map(|finding| word(&finding.verdict)).collect();
        let label = label(diagnosis, first);
        let is_same = words.iter().all(|word| *word == words[0]);
        match lines.last_mut() {
            Some((labels, word)) if is_same && *word == words[0] && !labels.contains(" from ") => {
                *labels = format!("{labels}, {label}");
            }
            _ if is_same => lines.push((label, words[0].clone())),
            _ => lines.extend(
                of_need
                    .iter()
                    .zip(words)
                    .map(|(finding, word)| (format!("{label} from {}", finding.subnet), word)),
            ),
        }
    }
    let mut lines: Vec<_> = lines.iter().map(|(label, word)| format!("{label}: {word}")).collect();
    let doubts = diagnosis.findings.iter().filter_map(|finding| match &finding.verdict {
        Verdict::Unknown(why) => Some(why),
        Verdict::Reachable(_) | Verdict::Unreachable(_) => None,
    });
    lines.extend(doubts.flatten().collect::<BTreeSet<_>>().iter().map(|why| format!("? {why}")));
    let mut hops = Vec::new();
    for Problem { broken, .. } in &diagnosis.problems {
        if hops.contains(&broken.hop) {
            continue;
        }
        hops.push(broken.hop);
        lines.push(format!("! {}", broken.what));
        // The commands that make a group for an endpoint are the same for all.
        let fix =
            broken.fix.as_ref().map_or("no change of the VPC".to_owned(), ToString::to_string);
        let is_groups = |line: &str| line.starts_with("group=") || line.contains("-id \"$group\" ");
        let commands = fix.lines().filter(|line| !is_groups(line));
        lines.extend(commands.map(|line| format!("  {line}")));
    }
    lines.extend(diagnosis.warnings.iter().map(|warning| format!("~ {warning}")));
    lines
}

/// The service, with what it is for where it is needed for several things.
fn label(diagnosis: &Diagnosis, finding: &Finding) -> String {
    let need = &finding.need;
    let is_several = diagnosis
        .findings
        .iter()
        .any(|other| other.need.service == need.service && other.need != *need);
    if is_several { format!("{} for {}", need.service, need.why) } else { need.service.clone() }
}

fn word(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Reachable(via) => format!("by {via}"),
        Verdict::Unreachable(broken) => format!("{:?}", broken.hop),
        Verdict::Unknown(_) => "unknown".to_owned(),
    }
}
