//! ECS and its logs: the cluster, the task definition, the service, the tasks beside it.

use super::{
    document::Grant,
    subject::{Purpose, Subject},
};
use crate::{
    config::model::{OnCancel, Strategy, When},
    resource::service::owed::AFTER_ROLLOUT,
    rollout::stop::GIVEN_UP,
};

/// What is allowed at ECS, at CloudWatch Logs, and at CloudWatch in ECS's name.
pub(super) fn grants(of: &Subject<'_>) -> Vec<Grant> {
    let mut grants = reading(of);
    if of.purpose.makes() {
        grants.extend(making(of));
        grants.extend(rolling_out(of));
    }
    if of.purpose.takes_down() {
        grants.extend(unmaking(of));
    }
    grants.extend(logs(of));
    grants
}

/// ARNs of things in the cluster.
fn ecs(of: &Subject<'_>, thing: &str) -> String {
    of.arn("ecs", thing)
}

fn cluster(of: &Subject<'_>) -> String {
    ecs(of, &format!("cluster/{}", of.config.cluster))
}

fn service(of: &Subject<'_>) -> String {
    ecs(of, &format!("service/{}/{}", of.config.cluster, of.own.service))
}

fn family(of: &Subject<'_>) -> String {
    ecs(of, &format!("task-definition/{}:*", of.own.family))
}

fn tasks(of: &Subject<'_>) -> String {
    ecs(of, &format!("task/{}/*", of.config.cluster))
}

/// In the service's cluster, where IAM compares that.
fn in_cluster(of: &Subject<'_>, grant: Grant) -> Grant {
    grant.when("ArnEquals", "ecs:cluster", [cluster(of)])
}

fn reading(of: &Subject<'_>) -> Vec<Grant> {
    let counts_tasks = of.purpose != Purpose::Destroy;
    let all = match of.purpose {
        Purpose::Destroy | Purpose::Preview => {
            vec!["ecs:DescribeTaskDefinition", "ecs:ListTaskDefinitions"]
        }
        Purpose::Doctor => Vec::new(),
        Purpose::Deploy | Purpose::Plan => vec!["ecs:DescribeTaskDefinition"],
    };
    let mut grants = vec![
        Grant::of("ClusterRead", ["ecs:DescribeClusters"]).on([cluster(of)]),
        Grant::of("ServiceRead", ["ecs:DescribeServices"]).on([service(of)]),
    ];
    if !all.is_empty() {
        grants.push(of.here(all));
    }
    if of.looks_for_previews() {
        // Those of other services are told from this one's by what they carry.
        let services = ecs(of, &format!("service/{}/*-pr-*", of.config.cluster));
        let list = Grant::of("ServicesList", ["ecs:ListServices"]).on_all();
        grants.extend([
            in_cluster(of, list),
            Grant::of("PreviewsRead", ["ecs:DescribeServices"]).on([services]),
            of.here(["ecs:ListTaskDefinitionFamilies"]),
        ]);
    }
    if counts_tasks {
        let list = Grant::of("TasksList", ["ecs:ListTasks"]).on_all();
        let describe = Grant::of("TasksRead", ["ecs:DescribeTasks"]).on([tasks(of)]);
        grants.extend([in_cluster(of, list), in_cluster(of, describe)]);
    }
    grants
}

const CREATE_ACTION: &str = "ecs:CreateAction";

fn making(of: &Subject<'_>) -> Vec<Grant> {
    let mut made = vec![family(of)];
    let mut makes = vec!["ecs:RegisterTaskDefinition"];
    let mut tagged = Grant::of("EcsTagNew", ["ecs:TagResource"]).on([service(of), family(of)]);
    let mut actions = vec!["CreateService", "RegisterTaskDefinition"];
    let mut grants = Vec::new();
    if of.purpose == Purpose::Deploy {
        made.push(cluster(of));
        makes.push("ecs:CreateCluster");
        tagged = tagged.on([cluster(of)]);
        actions.push("CreateCluster");
        let register = Grant::of("ClusterRegister", ["ecs:TagResource"]).on([cluster(of)]);
        grants.push(of.shared(of.tagging(register)));
    }
    if !of.config.run.is_empty() {
        tagged = tagged.on([tasks(of)]);
        actions.push("RunTask");
        let run = Grant::of("TaskRun", ["ecs:RunTask"]).on([family(of)]);
        let stop = Grant::of("TaskStop", ["ecs:StopTask"]).on([tasks(of)]);
        grants.extend([in_cluster(of, run), in_cluster(of, stop)]);
    }
    let spot = of.config.preview.as_ref().is_some_and(|preview| preview.spot);
    if spot {
        let put = Grant::of("ClusterSpot", ["ecs:PutClusterCapacityProviders"]);
        grants.push(of.shared(put.on([cluster(of)])));
    }
    let create = Grant::of("ServiceMake", ["ecs:CreateService"]).on([service(of)]);
    let update = Grant::of("ServiceUpdate", ["ecs:UpdateService"]).on([service(of)]);
    let note = Grant::of("ServiceNote", ["ecs:TagResource"]).on([service(of)]);
    let has_after = of.config.run.iter().any(|task| task.when == When::AfterRollout);
    let keys: Vec<_> = [GIVEN_UP].into_iter().chain(has_after.then_some(AFTER_ROLLOUT)).collect();
    grants.extend([
        of.made(Grant::of("EcsMake", makes).on(made)),
        in_cluster(of, of.made(private(create, "Bool"))),
        // An update says of the network only where that changes.
        in_cluster(of, of.owned(private(update, "BoolIfExists"))),
        of.owned(note.when("ForAllValues:StringEquals", "aws:TagKeys", keys)),
        tagged.when("StringEquals", CREATE_ACTION, actions),
    ]);
    grants
}

/// No task of the service gets a public address.
fn private(grant: Grant, operator: &'static str) -> Grant {
    grant.when(operator, "ecs:auto-assign-public-ip", ["false"])
}

/// The watch, the diagnosis, and the ends that a rollout may be given.
fn rolling_out(of: &Subject<'_>) -> Vec<Grant> {
    let of_service =
        |thing: &str| ecs(of, &format!("{thing}/{}/{}/*", of.config.cluster, of.own.service));
    let (deployments, revisions) =
        (of_service("service-deployment"), of_service("service-revision"));
    let mut reads = vec![
        "ecs:DescribeServiceDeployments",
        "ecs:DescribeServiceRevisions",
        "ecs:ListServiceDeployments",
    ];
    let rollout = &of.config.rollout;
    let rolls_back = rollout.rollback || rollout.on_cancel == OnCancel::Rollback;
    // `rollback` is one of the commands of the role that deploys.
    if rolls_back || of.purpose == Purpose::Deploy {
        reads.push("ecs:StopServiceDeployment");
    }
    if let (Purpose::Deploy, Strategy::Shift(shift)) = (of.purpose, &rollout.strategy)
        && shift.pause.is_some()
    {
        reads.push("ecs:ContinueServiceDeployment");
    }
    let follow = Grant::of("Rollout", reads).on([service(of), deployments, revisions]);
    let has_alarms = of.purpose == Purpose::Deploy && !rollout.alarms.is_empty();
    // ECS looks the alarms up with the caller's own rights, and CloudWatch tells of a composite alarm only
    // where all may be asked for.
    // https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
    let alarms = has_alarms.then(|| of.here(["cloudwatch:DescribeAlarms"]));
    [in_cluster(of, follow)].into_iter().chain(alarms).collect()
}

fn unmaking(of: &Subject<'_>) -> Vec<Grant> {
    let delete = Grant::of("ServiceDelete", ["ecs:DeleteService"]).on([service(of)]);
    let mut grants = vec![
        in_cluster(of, of.owned(delete)),
        // IAM knows no resource for it, and so no tag.
        of.here(["ecs:DeregisterTaskDefinition"]),
    ];
    if of.purpose == Purpose::Destroy {
        let delete = Grant::of("ClusterDelete", ["ecs:DeleteCluster"]).on([cluster(of)]);
        let untag = Grant::of("ClusterUnregister", ["ecs:UntagResource"]).on([cluster(of)]);
        grants.extend([of.shared(delete), of.shared(of.tagging(untag))]);
    }
    grants
}

/// Logs has an ARN with `:*` for most calls, and without for those about tags.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html>
fn logs(of: &Subject<'_>) -> Vec<Grant> {
    if of.purpose == Purpose::Doctor {
        return Vec::new();
    }
    let arn = |name: &String| of.arn("logs", &format!("log-group:{name}"));
    let plain: Vec<_> = of.own.log_groups.iter().map(arn).collect();
    let whole: Vec<_> = plain.iter().map(|arn| format!("{arn}:*")).collect();
    let mut grants = vec![
        of.here(["logs:DescribeLogGroups"]),
        Grant::of("LogGroupRead", ["logs:ListTagsForResource"]).on(plain.clone()),
    ];
    if of.purpose.makes() {
        let change = ["logs:DeleteRetentionPolicy", "logs:PutRetentionPolicy"];
        let read = of.read_logs();
        let streams = read.iter().map(|name| format!("{}:log-stream:*", arn(name)));
        grants.extend([
            of.made(Grant::of("LogGroupMake", ["logs:CreateLogGroup"]).on(whole.clone())),
            of.made(Grant::of("LogGroupTag", ["logs:TagResource"]).on(plain)),
            Grant::of("LogGroupChange", change).on(whole.clone()),
            Grant::of("LogRead", ["logs:GetLogEvents"]).on(streams),
        ]);
    }
    if of.purpose.takes_down() {
        grants.push(Grant::of("LogGroupDelete", ["logs:DeleteLogGroup"]).on(whole));
    }
    grants
}
