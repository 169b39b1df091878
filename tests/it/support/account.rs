//! An account's things: made for a test, and read back as one value that can be compared.

use aws_config::SdkConfig;
use aws_sdk_ec2::types::{Filter, Tag as Ec2Tag};
use aws_sdk_ecs::types::{ClusterField, ServiceField};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The clients of one account.
#[derive(Debug)]
pub struct Account {
    pub ec2: aws_sdk_ec2::Client,
    pub elb: aws_sdk_elasticloadbalancingv2::Client,
    pub ecs: aws_sdk_ecs::Client,
    pub ecr: aws_sdk_ecr::Client,
    pub iam: aws_sdk_iam::Client,
    pub logs: aws_sdk_cloudwatchlogs::Client,
}

/// A VPC with two public and two private subnets, an internet gateway and no NAT.
#[derive(Debug, Clone)]
pub struct Vpc {
    pub id: String,
    pub public: Vec<String>,
    pub private: Vec<String>,
    /// The private subnets' route tables.
    pub route_tables: Vec<String>,
}

impl Account {
    pub fn of(config: &SdkConfig) -> Self {
        Self {
            ec2: aws_sdk_ec2::Client::new(config),
            elb: aws_sdk_elasticloadbalancingv2::Client::new(config),
            ecs: aws_sdk_ecs::Client::new(config),
            ecr: aws_sdk_ecr::Client::new(config),
            iam: aws_sdk_iam::Client::new(config),
            logs: aws_sdk_cloudwatchlogs::Client::new(config),
        }
    }

    /// Takes away the VPC that every account begins with.
    pub async fn remove_default_vpc(&self) {
        let ec2 = &self.ec2;
        let subnets = ec2.describe_subnets().send().await.expect("subnets");
        for subnet in subnets.subnets() {
            let id = subnet.subnet_id().expect("an id");
            ec2.delete_subnet().subnet_id(id).send().await.expect("it goes");
        }
        let vpcs = ec2.describe_vpcs().send().await.expect("VPCs");
        for vpc in vpcs.vpcs() {
            let id = vpc.vpc_id().expect("an id");
            ec2.delete_vpc().vpc_id(id).send().await.expect("it goes");
        }
    }

    /// Makes a VPC in the zones `a` and `b`, each private subnet with a route table of its own.
    pub async fn vpc(&self) -> Vpc {
        let ec2 = &self.ec2;
        let vpc = ec2.create_vpc().cidr_block("10.42.0.0/16").send().await.expect("a VPC");
        let id = vpc.vpc().and_then(|vpc| vpc.vpc_id()).expect("an id").to_owned();
        for hostnames in [true, false] {
            let on = aws_sdk_ec2::types::AttributeBooleanValue::builder().value(true).build();
            let request = ec2.modify_vpc_attribute().vpc_id(&id);
            let request = if hostnames {
                request.enable_dns_hostnames(on)
            } else {
                request.enable_dns_support(on)
            };
            request.send().await.expect("the attribute is set");
        }
        let gateway = ec2.create_internet_gateway().send().await.expect("a gateway");
        let gateway = gateway.internet_gateway().and_then(|found| found.internet_gateway_id());
        let gateway = gateway.expect("an id").to_owned();
        let request = ec2.attach_internet_gateway().internet_gateway_id(&gateway).vpc_id(&id);
        request.send().await.expect("it is attached");
        let outside = self.route_table(&id).await;
        ec2.create_route()
            .route_table_id(&outside)
            .destination_cidr_block("0.0.0.0/0")
            .gateway_id(&gateway)
            .send()
            .await
            .expect("a route");
        let (mut public, mut private, mut route_tables) = (Vec::new(), Vec::new(), Vec::new());
        for (index, zone) in ["a", "b"].iter().enumerate() {
            let subnet = self.subnet(&id, zone, &format!("10.42.{index}.0/24")).await;
            self.associate(&outside, &subnet).await;
            public.push(subnet);
            let subnet = self.subnet(&id, zone, &format!("10.42.{}.0/24", index + 10)).await;
            let inside = self.route_table(&id).await;
            self.associate(&inside, &subnet).await;
            private.push(subnet);
            route_tables.push(inside);
        }
        Vpc { id, public, private, route_tables }
    }

    pub async fn route_table(&self, vpc: &str) -> String {
        let table = self.ec2.create_route_table().vpc_id(vpc).send().await.expect("a table");
        table.route_table().and_then(|table| table.route_table_id()).expect("an id").to_owned()
    }

    pub async fn subnet(&self, vpc: &str, zone: &str, cidr: &str) -> String {
        let request = self.ec2.create_subnet().vpc_id(vpc).cidr_block(cidr);
        let request = request.availability_zone(format!("{}{zone}", super::moto::REGION));
        let subnet = request.send().await.expect("a subnet");
        subnet.subnet().and_then(|subnet| subnet.subnet_id()).expect("an id").to_owned()
    }

    pub async fn associate(&self, table: &str, subnet: &str) {
        let request = self.ec2.associate_route_table().route_table_id(table).subnet_id(subnet);
        request.send().await.expect("it is associated");
    }

    /// A repository with an image; yields the image's URI by its tag.
    pub async fn image(&self, name: &str, tag: &str) -> String {
        let made = self.ecr.create_repository().repository_name(name).send().await;
        let made = made.expect("a repository");
        self.push(name, tag).await;
        let uri = made.repository().and_then(|found| found.repository_uri()).expect("a URI");
        format!("{uri}:{tag}")
    }

    /// What a push makes, for moto has no registry.
    pub async fn push(&self, name: &str, tag: &str) {
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "size": 2,
                "digest": format!("sha256:{:064}", 1),
            },
            "layers": [],
        });
        let request = self.ecr.put_image().repository_name(name).image_tag(tag);
        request.image_manifest(manifest.to_string()).send().await.expect("an image");
    }

    /// Everything in the account that a deploy could touch, with tags.
    pub async fn everything(&self) -> Value {
        json!({
            "network": self.network().await,
            "ingress": self.ingress().await,
            "ecs": self.services().await,
            "rest": self.rest().await,
        })
    }

    async fn network(&self) -> Value {
        let ec2 = &self.ec2;
        let tags = |tags: &[Ec2Tag]| -> BTreeMap<String, String> {
            let pair = |tag: &Ec2Tag| Some((tag.key()?.to_owned(), tag.value()?.to_owned()));
            tags.iter().filter_map(pair).collect()
        };
        let groups = ec2.describe_security_groups().send().await.expect("groups");
        let endpoints = ec2.describe_vpc_endpoints().send().await.expect("endpoints");
        let tables = ec2.describe_route_tables().send().await.expect("tables");
        let subnets = ec2.describe_subnets().send().await.expect("subnets");
        let stands = |endpoint: &&aws_sdk_ec2::types::VpcEndpoint| {
            endpoint.state().is_none_or(|state| !state.as_str().eq_ignore_ascii_case("deleted"))
        };
        let endpoints = endpoints.vpc_endpoints().iter().filter(stands);
        json!({
            "groups": by_id(groups.security_groups().iter().map(|group| {
                let rules: Vec<_> = group
                    .ip_permissions()
                    .iter()
                    .map(|rule| format!("{rule:?}"))
                    .collect();
                (group.group_id(), json!({"rules": rules, "tags": tags(group.tags())}))
            })),
            "endpoints": by_id(endpoints.map(|endpoint| {
                (endpoint.vpc_endpoint_id(), json!({
                    "service": endpoint.service_name(),
                    "private-dns": endpoint.private_dns_enabled(),
                    "subnets": sorted(endpoint.subnet_ids()),
                    "route-tables": sorted(endpoint.route_table_ids()),
                    "groups": endpoint.groups().iter().map(|group| group.group_id()).collect::<Vec<_>>(),
                    "tags": tags(endpoint.tags()),
                }))
            })),
            "route-tables": by_id(tables.route_tables().iter().map(|table| {
                let routes: Vec<_> = table.routes().iter().map(|route| format!("{route:?}")).collect();
                (table.route_table_id(), json!({"routes": routes, "tags": tags(table.tags())}))
            })),
            "subnets": by_id(subnets.subnets().iter().map(|subnet| {
                (subnet.subnet_id(), json!({"tags": tags(subnet.tags())}))
            })),
        })
    }

    async fn ingress(&self) -> Value {
        let elb = &self.elb;
        let mut found = BTreeMap::new();
        let balancers = elb.describe_load_balancers().send().await.expect("load balancers");
        let groups = elb.describe_target_groups().send().await.expect("target groups");
        for group in groups.target_groups() {
            let arn = group.target_group_arn().expect("an ARN");
            found.insert(arn.to_owned(), json!(format!("{group:?}")));
        }
        for balancer in balancers.load_balancers() {
            let arn = balancer.load_balancer_arn().expect("an ARN");
            let request = elb.describe_load_balancer_attributes().load_balancer_arn(arn);
            let attributes = request.send().await.expect("attributes");
            let attributes: Vec<_> =
                attributes.attributes().iter().map(|found| format!("{found:?}")).collect();
            let text = format!("{balancer:?}");
            found
                .insert(arn.to_owned(), json!({"itself": text, "attributes": sorted(&attributes)}));
            let listeners = elb.describe_listeners().load_balancer_arn(arn).send().await;
            for listener in listeners.expect("listeners").listeners() {
                let arn = listener.listener_arn().expect("an ARN");
                found.insert(arn.to_owned(), json!(format!("{listener:?}")));
                let rules = elb.describe_rules().listener_arn(arn).send().await.expect("rules");
                for rule in rules.rules() {
                    let arn = rule.rule_arn().expect("an ARN");
                    found.insert(arn.to_owned(), json!(format!("{rule:?}")));
                }
            }
        }
        let mut tags = BTreeMap::new();
        for arn in found.keys() {
            let answer = elb.describe_tags().resource_arns(arn).send().await.expect("tags");
            let list: Vec<_> = answer
                .tag_descriptions()
                .iter()
                .flat_map(aws_sdk_elasticloadbalancingv2::types::TagDescription::tags)
                .collect();
            tags.insert(arn.clone(), format!("{list:?}"));
        }
        json!({"things": found, "tags": tags})
    }

    async fn services(&self) -> Value {
        let ecs = &self.ecs;
        let arns = ecs.list_clusters().send().await.expect("clusters");
        let clusters = ecs
            .describe_clusters()
            .set_clusters(Some(arns.cluster_arns().to_vec()))
            .include(ClusterField::Tags)
            .send()
            .await
            .expect("clusters");
        let mut found = BTreeMap::new();
        for cluster in clusters.clusters().iter().filter(|found| found.status() == Some("ACTIVE")) {
            let arn = cluster.cluster_arn().expect("an ARN");
            let names = ecs.list_services().cluster(arn).send().await.expect("services");
            let mut services = Vec::new();
            if !names.service_arns().is_empty() {
                let request = ecs.describe_services().cluster(arn).include(ServiceField::Tags);
                let request = request.set_services(Some(names.service_arns().to_vec()));
                let answer = request.send().await.expect("services");
                let stands =
                    answer.services().iter().filter(|found| found.status() == Some("ACTIVE"));
                services.extend(stands.map(|found| {
                    json!({
                        "name": found.service_name(),
                        "revision": found.task_definition(),
                        "tasks": found.desired_count(),
                        "network": format!("{:?}", found.network_configuration()),
                        "registered": format!("{:?}", found.load_balancers()),
                    })
                }));
            }
            found.insert(
                arn.to_owned(),
                json!({"services": services, "tags": format!("{:?}", cluster.tags())}),
            );
        }
        let revisions = ecs.list_task_definitions().send().await.expect("revisions");
        json!({"clusters": found, "revisions": revisions.task_definition_arns()})
    }

    async fn rest(&self) -> Value {
        let repositories = self.ecr.describe_repositories().send().await.expect("repositories");
        let groups = self.logs.describe_log_groups().send().await.expect("log groups");
        json!({
            "repositories": repositories.repositories().iter().map(|found| format!("{found:?}")).collect::<Vec<_>>(),
            "log-groups": groups.log_groups().iter().map(|found| format!("{found:?}")).collect::<Vec<_>>(),
            "roles": self.roles().await,
        })
    }

    /// The roles by name, with their policies.
    async fn roles(&self) -> BTreeMap<String, Value> {
        let roles = self.iam.list_roles().send().await.expect("roles");
        let mut found = BTreeMap::new();
        for role in roles.roles() {
            let name = role.role_name();
            let attached = self.iam.list_attached_role_policies().role_name(name).send().await;
            let inline = self.iam.list_role_policies().role_name(name).send().await;
            let attached = format!("{:?}", attached.expect("policies").attached_policies());
            let inline = inline.expect("policies").policy_names;
            found.insert(name.to_owned(), json!({"attached": attached, "inline": inline}));
        }
        found
    }

    /// The endpoints that stand in the VPC.
    pub async fn endpoints(&self, vpc: &str) -> Vec<aws_sdk_ec2::types::VpcEndpoint> {
        let filter = Filter::builder().name("vpc-id").values(vpc).build();
        let found = self.ec2.describe_vpc_endpoints().filters(filter).send().await;
        let mut found = found.expect("endpoints").vpc_endpoints.unwrap_or_default();
        found.retain(|endpoint| {
            endpoint.state().is_none_or(|state| !state.as_str().eq_ignore_ascii_case("deleted"))
        });
        found
    }
}

fn by_id<'a>(things: impl Iterator<Item = (Option<&'a str>, Value)>) -> BTreeMap<String, Value> {
    things.map(|(id, value)| (id.unwrap_or_default().to_owned(), value)).collect()
}

fn sorted(ids: &[String]) -> Vec<String> {
    let mut ids = ids.to_vec();
    ids.sort();
    ids
}
