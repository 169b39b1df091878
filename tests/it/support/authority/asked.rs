//! What each request wants of IAM, by the Service Authorization Reference:
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html>.

use super::Asked;
use crate::support::{account::Account, lane::Request, moto::REGION};
use aws_sdk_ec2::types::Filter;
use aws_sdk_ecs::operation::list_tags_for_resource::ListTagsForResourceOutput;
use aws_sdk_elasticloadbalancingv2::operation::describe_tags::DescribeTagsOutput;
use percent_encoding::percent_decode_str;
use serde_json::Value;
use std::collections::BTreeMap;

type Context = BTreeMap<String, Vec<String>>;
type Tags = Vec<(String, String)>;

/// One request, taken apart.
struct Taken<'a> {
    request: &'a Request,
    form: BTreeMap<String, String>,
    json: Value,
    account: &'a Account,
    id: &'a str,
}

/// What ELB asks EC2 in the caller's name.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/elb-api-permissions.html>
const FOR_BALANCER: [&str; 6] = [
    "DescribeAccountAttributes",
    "DescribeAddresses",
    "DescribeInternetGateways",
    "DescribeSecurityGroups",
    "DescribeSubnets",
    "DescribeVpcs",
];
const FOR_TARGET_GROUP: [&str; 2] = ["DescribeInternetGateways", "DescribeVpcs"];

pub(super) async fn asked(request: &Request, account: &Account, id: &str) -> Vec<Asked> {
    let decoded =
        |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    let pairs = request.body.split('&').filter_map(|pair| pair.split_once('='));
    let form = pairs.map(|(key, value)| (decoded(key), decoded(value))).collect();
    let json = serde_json::from_str(&request.body).unwrap_or_default();
    let taken = Taken { request, form, json, account, id };
    let mut all = match request.service.as_str() {
        "ec2" => taken.ec2().await,
        "elasticloadbalancing" => taken.elb().await,
        "ecs" => taken.ecs().await,
        "ecr" => taken.ecr(),
        "logs" => taken.logs(),
        "iam" => taken.iam(),
        "acm" => vec![taken.asks(taken.text("CertificateArn"), Context::new())],
        "sts" => Vec::new(),
        other => panic!("nobody knows what {other} asks"),
    };
    for asked in &mut all {
        let region = if asked.action.starts_with("iam:") { "us-east-1" } else { REGION };
        asked.context.insert("aws:RequestedRegion".into(), vec![region.into()]);
    }
    all
}

fn one(key: &str, value: &str) -> Context {
    Context::from([(key.to_owned(), vec![value.to_owned()])])
}

fn with(mut context: Context, more: Context) -> Context {
    context.extend(more);
    context
}

/// What is known of tags that a request gives.
fn requested(tags: &Tags) -> Context {
    let mut context: Context = tags
        .iter()
        .map(|(key, value)| (format!("aws:RequestTag/{key}"), vec![value.clone()]))
        .collect();
    if !tags.is_empty() {
        context.insert("aws:TagKeys".into(), tags.iter().map(|(key, _)| key.clone()).collect());
    }
    context
}

fn carried(tags: Tags) -> Context {
    tags.into_iter().map(|(key, value)| (format!("aws:ResourceTag/{key}"), vec![value])).collect()
}

impl Taken<'_> {
    fn asks(&self, resource: impl Into<String>, context: Context) -> Asked {
        let action = format!("{}:{}", self.request.service, self.request.operation);
        Asked { action, resource: resource.into(), context }
    }

    fn beside(&self, action: &str, resource: impl Into<String>, context: Context) -> Asked {
        Asked { action: action.to_owned(), ..self.asks(resource, context) }
    }

    fn arn(&self, thing: &str) -> String {
        format!("arn:aws:{}:{REGION}:{}:{thing}", self.request.service, self.id)
    }

    fn get(&self, name: &str) -> &str {
        self.form.get(name).map_or("", String::as_str)
    }

    fn text(&self, name: &str) -> &str {
        self.json[name].as_str().unwrap_or_default()
    }

    /// `SubnetId.1`, `SubnetId.2`, …
    fn list(&self, name: &str) -> Vec<&str> {
        let many = |number: usize| self.form.get(&format!("{name}.{number}")).map(String::as_str);
        (1..).map_while(many).collect()
    }

    /// `Tag.1.Key` and `Tag.1.Value`, …
    fn tags(&self, name: &str) -> Tags {
        let many = |number: usize| {
            let key = self.form.get(&format!("{name}.{number}.Key"))?.clone();
            Some((key, self.get(&format!("{name}.{number}.Value")).to_owned()))
        };
        (1..).map_while(many).collect()
    }

    async fn ec2(&self) -> Vec<Asked> {
        let operation = self.request.operation.as_str();
        let made = self.tags("TagSpecification.1.Tag");
        let tagged = |thing: &str| {
            let create = one("ec2:CreateAction", operation);
            self.beside("ec2:CreateTags", self.arn(thing), with(requested(&made), create))
        };
        let vpc = || self.asks(self.arn(&format!("vpc/{}", self.get("VpcId"))), Context::new());
        let parts = |names: &[(&str, &str)]| -> Vec<Asked> {
            let all = names.iter().flat_map(|(name, kind)| {
                self.list(name).into_iter().map(move |id| self.arn(&format!("{kind}/{id}")))
            });
            all.map(|arn| self.asks(arn, Context::new())).collect()
        };
        match operation {
            "DescribeVpcAttribute" | "ModifyVpcAttribute" => vec![vpc()],
            "GetManagedPrefixListEntries" => {
                let list = self.arn(&format!("prefix-list/{}", self.get("PrefixListId")));
                vec![self.asks(list, Context::new())]
            }
            "CreateSecurityGroup" => vec![
                vpc(),
                self.asks(self.arn("security-group/sg-new"), requested(&made)),
                tagged("security-group/sg-new"),
            ],
            "CreateVpcEndpoint" => {
                let service = one("ec2:VpceServiceName", self.get("ServiceName"));
                let mut all = vec![
                    vpc(),
                    self.asks(self.arn("vpc-endpoint/vpce-new"), with(requested(&made), service)),
                    tagged("vpc-endpoint/vpce-new"),
                ];
                all.extend(parts(&[
                    ("SubnetId", "subnet"),
                    ("SecurityGroupId", "security-group"),
                    ("RouteTableId", "route-table"),
                ]));
                if self.get("PrivateDnsEnabled") == "true" {
                    let zone = "arn:aws:route53:::hostedzone/Z1";
                    all.push(self.beside(
                        "route53:AssociateVPCWithHostedZone",
                        zone,
                        Context::new(),
                    ));
                }
                all
            }
            "ModifyVpcEndpoint" => {
                let mut all = self.ec2_things(&[self.get("VpcEndpointId")], &Tags::new()).await;
                for change in ["Add", "Remove"] {
                    let name = |part: &str| format!("{change}{part}");
                    all.extend(parts(&[
                        (&name("SubnetId"), "subnet"),
                        (&name("SecurityGroupId"), "security-group"),
                        (&name("RouteTableId"), "route-table"),
                    ]));
                }
                all
            }
            "DeleteVpcEndpoints" => {
                self.ec2_things(&self.list("VpcEndpointId"), &Tags::new()).await
            }
            "CreateTags" | "DeleteTags" => {
                self.ec2_things(&self.list("ResourceId"), &self.tags("Tag")).await
            }
            "AuthorizeSecurityGroupIngress"
            | "RevokeSecurityGroupIngress"
            | "DeleteSecurityGroup" => self.ec2_things(&[self.get("GroupId")], &Tags::new()).await,
            read if read.starts_with("Describe") => vec![self.asks("*", Context::new())],
            other => panic!("nobody knows what ec2:{other} asks"),
        }
    }

    /// Groups and endpoints by their ids, with the tags that they carry.
    async fn ec2_things(&self, ids: &[&str], given: &Tags) -> Vec<Asked> {
        let mut all = Vec::new();
        for id in ids {
            let kind = if id.starts_with("sg-") { "security-group" } else { "vpc-endpoint" };
            let filter = Filter::builder().name("resource-id").values(*id).build();
            let found = self.account.ec2.describe_tags().filters(filter).send().await;
            let found = found.expect("the tags");
            let tags = found
                .tags()
                .iter()
                .filter_map(|tag| Some((tag.key()?.to_owned(), tag.value()?.to_owned())));
            let context = with(requested(given), carried(tags.collect()));
            all.push(self.asks(self.arn(&format!("{kind}/{id}")), context));
        }
        all
    }

    async fn elb(&self) -> Vec<Asked> {
        let operation = self.request.operation.as_str();
        let made = self.tags("Tags.member");
        let tagged = |resource: String| {
            let create = one("elasticloadbalancing:CreateAction", operation);
            let context = with(requested(&made), create);
            self.beside("elasticloadbalancing:AddTags", resource, context)
        };
        let at_ec2 = |names: &[&str]| -> Vec<Asked> {
            let all = names.iter().map(|name| format!("ec2:{name}"));
            all.map(|action| self.beside(&action, "*", Context::new())).collect()
        };
        let to_be = |kind: &str| self.arn(&format!("{kind}/{}/new", self.get("Name")));
        match operation {
            "CreateLoadBalancer" => {
                let scheme = one("elasticloadbalancing:Scheme", self.get("Scheme"));
                let arn = to_be("loadbalancer/app");
                let itself = self.asks(&*arn, with(requested(&made), scheme));
                [vec![itself, tagged(arn)], at_ec2(&FOR_BALANCER)].concat()
            }
            "CreateTargetGroup" => {
                let arn = to_be("targetgroup");
                let itself = self.asks(&*arn, requested(&made));
                [vec![itself, tagged(arn)], at_ec2(&FOR_TARGET_GROUP)].concat()
            }
            "CreateListener" | "CreateRule" => {
                let (name, from, to) = match operation {
                    "CreateListener" => ("LoadBalancerArn", ":loadbalancer/", ":listener/"),
                    _ => ("ListenerArn", ":listener/", ":listener-rule/"),
                };
                let on = self.get(name);
                let made_arn = format!("{}/new", on.replace(from, to));
                vec![self.asks(on, requested(&made)), tagged(made_arn)]
            }
            "AddTags" | "RemoveTags" => {
                let keys = self.list("TagKeys.member").into_iter();
                let removed = keys.map(|key| (key.to_owned(), String::new()));
                let given: Tags = made.iter().cloned().chain(removed).collect();
                self.elb_things(&self.list("ResourceArns.member"), &given).await
            }
            read if read.starts_with("Describe") => vec![self.asks("*", Context::new())],
            _ => {
                let names = ["RuleArn", "ListenerArn", "TargetGroupArn", "LoadBalancerArn"];
                let arn = names.into_iter().map(|name| self.get(name)).find(|arn| !arn.is_empty());
                let arn = arn.unwrap_or_else(|| panic!("nobody knows what elb:{operation} asks"));
                let mut all = self.elb_things(&[arn], &Tags::new()).await;
                if operation == "SetSubnets" {
                    all.extend(at_ec2(&["DescribeSubnets"]));
                }
                all
            }
        }
    }

    async fn elb_things(&self, arns: &[&str], given: &Tags) -> Vec<Asked> {
        let mut all = Vec::new();
        for arn in arns {
            // Of a thing that is gone there is nothing to tell.
            let found = self.account.elb.describe_tags().resource_arns(*arn).send().await.ok();
            let tags =
                found.iter().flat_map(DescribeTagsOutput::tag_descriptions).flat_map(|found| {
                    let tags = found.tags().iter();
                    tags.filter_map(|tag| Some((tag.key()?.to_owned(), tag.value()?.to_owned())))
                });
            let context = with(requested(given), carried(tags.collect()));
            all.push(self.asks(*arn, context));
        }
        all
    }

    /// A name as the ARN that it is short for.
    fn called(&self, kind: &str, name: &str) -> String {
        if name.starts_with("arn:") { name.to_owned() } else { self.arn(&format!("{kind}{name}")) }
    }

    async fn ecs(&self) -> Vec<Asked> {
        let operation = self.request.operation.as_str();
        let cluster = self.called("cluster/", self.text("cluster"));
        let name = cluster.rsplit('/').next().unwrap_or_default();
        let in_cluster = || one("ecs:cluster", &cluster);
        let made: Tags =
            self.json["tags"].as_array().into_iter().flatten().filter_map(pair).collect();
        let tagged = |arn: String| {
            let context = with(requested(&made), one("ecs:CreateAction", operation));
            self.beside("ecs:TagResource", arn, context)
        };
        let pass = |role: &Value, to: &str| -> Option<Asked> {
            let context = one("iam:PassedToService", to);
            Some(self.beside("iam:PassRole", role.as_str()?, context))
        };
        let service = |service: &str| self.called(&format!("service/{name}/"), service);
        let roles = || {
            let balancers = self.json["loadBalancers"].as_array().into_iter().flatten();
            let roles = balancers.map(|found| &found["advancedConfiguration"]["roleArn"]);
            roles.filter_map(|role| pass(role, "ecs.amazonaws.com")).collect::<Vec<_>>()
        };
        let public = || {
            let vpc = &self.json["networkConfiguration"]["awsvpcConfiguration"];
            let is_public = vpc["assignPublicIp"].as_str().map(|word| word == "ENABLED");
            is_public.map_or_else(Context::new, |is_public| {
                one("ecs:auto-assign-public-ip", &is_public.to_string())
            })
        };
        let all = |name: &str| -> Vec<String> {
            let list = self.json[name].as_array().into_iter().flatten();
            list.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        match operation {
            "DescribeClusters" => all("clusters")
                .iter()
                .map(|found| self.asks(self.called("cluster/", found), Context::new()))
                .collect(),
            "DescribeServices" => all("services")
                .iter()
                .map(|found| self.asks(service(found), in_cluster()))
                .collect(),
            "ListTasks" | "ListServices" => vec![self.asks("*", in_cluster())],
            "DescribeTasks" => all("tasks")
                .iter()
                .map(|found| self.asks(self.called(&format!("task/{name}/"), found), in_cluster()))
                .collect(),
            "CreateCluster" => {
                let arn = self.called("cluster/", self.text("clusterName"));
                vec![self.asks(&*arn, requested(&made)), tagged(arn)]
            }
            "RegisterTaskDefinition" => {
                let arn = self.arn(&format!("task-definition/{}:1", self.text("family")));
                let mut asked = vec![self.asks(&*arn, requested(&made)), tagged(arn)];
                let roles = ["executionRoleArn", "taskRoleArn"];
                let roles = roles.into_iter().map(|role| &self.json[role]);
                asked.extend(roles.filter_map(|role| pass(role, "ecs-tasks.amazonaws.com")));
                asked
            }
            "CreateService" => {
                let arn = service(self.text("serviceName"));
                let context = with(with(requested(&made), in_cluster()), public());
                [vec![self.asks(&*arn, context), tagged(arn)], roles()].concat()
            }
            "UpdateService" | "DeleteService" | "ListServiceDeployments" => {
                let arn = service(self.text("service"));
                let context = with(with(self.ecs_tags(&arn).await, in_cluster()), public());
                [vec![self.asks(arn, context)], roles()].concat()
            }
            "TagResource" | "UntagResource" => {
                let arn = self.text("resourceArn");
                let removed = all("tagKeys").into_iter().map(|key| (key, String::new()));
                let given: Tags = made.iter().cloned().chain(removed).collect();
                vec![self.asks(arn, with(requested(&given), self.ecs_tags(arn).await))]
            }
            "DeleteCluster" | "PutClusterCapacityProviders" => {
                vec![self.asks(&*cluster, self.ecs_tags(&cluster).await)]
            }
            "RunTask" => {
                let definition = self.called("task-definition/", self.text("taskDefinition"));
                let task = self.arn(&format!("task/{name}/new"));
                vec![self.asks(definition, with(requested(&made), in_cluster())), tagged(task)]
            }
            "StopTask" => {
                let task = self.called(&format!("task/{name}/"), self.text("task"));
                vec![self.asks(task, in_cluster())]
            }
            "DescribeTaskDefinition"
            | "DeregisterTaskDefinition"
            | "ListTaskDefinitions"
            | "ListTaskDefinitionFamilies" => vec![self.asks("*", Context::new())],
            other => panic!("nobody knows what ecs:{other} asks"),
        }
    }

    async fn ecs_tags(&self, arn: &str) -> Context {
        let found = self.account.ecs.list_tags_for_resource().resource_arn(arn).send().await.ok();
        let tags = found
            .iter()
            .flat_map(ListTagsForResourceOutput::tags)
            .filter_map(|tag| Some((tag.key()?.to_owned(), tag.value()?.to_owned())));
        carried(tags.collect())
    }

    fn ecr(&self) -> Vec<Asked> {
        let operation = self.request.operation.as_str();
        if operation == "GetAuthorizationToken" {
            return vec![self.asks("*", Context::new())];
        }
        let names = self.json["repositoryNames"].as_array().into_iter().flatten();
        let names = names.filter_map(Value::as_str).chain(self.json["repositoryName"].as_str());
        let arns: Vec<_> = names
            .map(|name| self.arn(&format!("repository/{name}")))
            .chain(self.json["resourceArn"].as_str().map(str::to_owned))
            .collect();
        assert!(!arns.is_empty(), "nobody knows what ecr:{operation} asks");
        let tags: Tags =
            self.json["tags"].as_array().into_iter().flatten().filter_map(pair).collect();
        let mut all: Vec<_> = arns.iter().map(|arn| self.asks(arn, requested(&tags))).collect();
        if operation == "CreateRepository" {
            all.push(self.beside("ecr:TagResource", &*arns[0], requested(&tags)));
        }
        all
    }

    fn logs(&self) -> Vec<Asked> {
        let group = self.arn(&format!("log-group:{}", self.text("logGroupName")));
        match self.request.operation.as_str() {
            "DescribeLogGroups" => vec![self.asks("*", Context::new())],
            "ListTagsForResource" => vec![self.asks(self.text("resourceArn"), Context::new())],
            "CreateLogGroup" => {
                let tags = self.json["tags"].as_object().into_iter().flatten();
                let tags =
                    tags.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.into())));
                let context = requested(&tags.collect());
                let tagged = self.beside("logs:TagResource", &*group, context.clone());
                vec![self.asks(format!("{group}:log-stream:"), context), tagged]
            }
            "GetLogEvents" => {
                let stream = self.text("logStreamName");
                vec![self.asks(format!("{group}:log-stream:{stream}"), Context::new())]
            }
            _ => vec![self.asks(format!("{group}:log-stream:"), Context::new())],
        }
    }

    fn iam(&self) -> Vec<Asked> {
        if self.request.operation == "ListRoles" {
            return vec![self.asks("*", Context::new())];
        }
        let role = format!("arn:aws:iam::{}:role/{}", self.id, self.get("RoleName"));
        let tags = requested(&self.tags("Tags.member"));
        match self.request.operation.as_str() {
            "CreateRole" => {
                vec![self.asks(&*role, tags.clone()), self.beside("iam:TagRole", role, tags)]
            }
            "AttachRolePolicy" | "DetachRolePolicy" => {
                vec![self.asks(role, one("iam:PolicyARN", self.get("PolicyArn")))]
            }
            _ => vec![self.asks(role, Context::new())],
        }
    }
}

/// A tag of the JSON services: ECS's keys are small, ECR's large.
fn pair(tag: &Value) -> Option<(String, String)> {
    let of = |small: &str, large: &str| tag[small].as_str().or_else(|| tag[large].as_str());
    Some((of("key", "Key")?.to_owned(), of("value", "Value")?.to_owned()))
}
