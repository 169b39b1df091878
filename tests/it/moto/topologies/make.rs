//! The calls that a person makes.

use super::lab::{BLOCK, Scene};
use crate::support::moto::REGION;
use aws_sdk_ec2::{
    operation::{
        create_route::builders::CreateRouteFluentBuilder,
        create_vpc_endpoint::builders::CreateVpcEndpointFluentBuilder,
    },
    types::{
        ConnectivityType, DhcpOptions, IpPermission, IpRange, NetworkAcl, NewDhcpConfiguration,
        PortRange, PrefixListId, RuleAction, UserIdGroupPair, VpcEndpointType,
    },
};

/// A request for a route, and one for an endpoint, that are still to be completed.
pub(super) type Route = CreateRouteFluentBuilder;
pub(super) type Endpoint = CreateVpcEndpointFluentBuilder;

impl Scene<'_> {
    pub(super) async fn route(
        &self,
        table: &str,
        destination: &str,
        to: impl FnOnce(Route) -> Route,
    ) {
        let request = self.ec2().create_route().route_table_id(table);
        let request = if destination.contains(':') {
            request.destination_ipv6_cidr_block(destination)
        } else {
            request.destination_cidr_block(destination)
        };
        to(request).send().await.expect("a route");
    }

    /// The default route of both private subnets.
    pub(super) async fn out(&self, to: impl Fn(Route) -> Route) {
        for table in [&self.rtb_a, &self.rtb_b] {
            self.route(table, "0.0.0.0/0", &to).await;
        }
    }

    /// Takes the private subnets' own tables from them.
    pub(super) async fn on_main_table(&self) {
        for table in [&self.rtb_a, &self.rtb_b] {
            let found = self.ec2().describe_route_tables().route_table_ids(table).send().await;
            let found = found.expect("the table");
            let association = found.route_tables()[0].associations()[0].clone();
            let id = association.route_table_association_id().expect("an id");
            let request = self.ec2().disassociate_route_table().association_id(id);
            request.send().await.expect("it is taken off");
        }
    }

    pub(super) async fn nat(&self, subnet: &str) -> String {
        self.nat_that_is(ConnectivityType::Public, subnet).await
    }

    pub(super) async fn nat_that_is(&self, kind: ConnectivityType, subnet: &str) -> String {
        let request = self.ec2().create_nat_gateway().subnet_id(subnet);
        let made = request.connectivity_type(kind).send().await.expect("a NAT gateway");
        let id = made.nat_gateway().and_then(|nat| nat.nat_gateway_id()).expect("an id");
        self.call(id, "nat")
    }

    pub(super) async fn transit_gateway(&self) -> String {
        let made = self.ec2().create_transit_gateway().send().await.expect("a transit gateway");
        let made = made.transit_gateway().and_then(|found| found.transit_gateway_id());
        let id = self.call(made.expect("an id"), "tgw");
        let request = self.ec2().create_transit_gateway_vpc_attachment().transit_gateway_id(&id);
        let request = request.vpc_id(&self.vpc).subnet_ids(&self.a).subnet_ids(&self.b);
        request.send().await.expect("it is attached");
        id
    }

    /// An interface endpoint with private DNS, in `a` and `b`, with the group for endpoints.
    pub(super) async fn interface(&self, service: &str) -> String {
        let made = |request: Endpoint| {
            request
                .private_dns_enabled(true)
                .security_group_ids(&self.sg_endpoint)
                .subnet_ids(&self.a)
                .subnet_ids(&self.b)
        };
        self.interface_with(service, made).await
    }

    pub(super) async fn interface_with(
        &self,
        service: &str,
        with: impl FnOnce(Endpoint) -> Endpoint,
    ) -> String {
        self.endpoint(service, |request| {
            with(request.vpc_endpoint_type(VpcEndpointType::Interface))
        })
        .await
    }

    /// A gateway endpoint in these route tables.
    pub(super) async fn gateway(&self, service: &str, tables: &[&str]) -> String {
        let tables = tables.iter().map(|&table| table.to_owned()).collect();
        let made = |request: Endpoint| {
            request.vpc_endpoint_type(VpcEndpointType::Gateway).set_route_table_ids(Some(tables))
        };
        self.endpoint(service, made).await
    }

    async fn endpoint(&self, service: &str, with: impl FnOnce(Endpoint) -> Endpoint) -> String {
        let name = format!("com.amazonaws.{REGION}.{service}");
        let request = self.ec2().create_vpc_endpoint().vpc_id(&self.vpc).service_name(name);
        let made = with(request).send().await.expect("an endpoint");
        let id = made.vpc_endpoint().and_then(|made| made.vpc_endpoint_id()).expect("an id");
        self.call(id, &format!("vpce-{service}"))
    }

    /// All that the task needs.
    pub(super) async fn endpoints(&self) {
        for service in ["ecr.api", "ecr.dkr", "logs"] {
            self.interface(service).await;
        }
        self.gateway("s3", &[&self.rtb_a, &self.rtb_b]).await;
    }

    /// Gives an endpoint this policy.
    pub(super) async fn policy(&self, endpoint: &str, policy: &serde_json::Value) {
        let request = self.ec2().modify_vpc_endpoint().vpc_endpoint_id(endpoint);
        request.policy_document(policy.to_string()).send().await.expect("it is modified");
    }

    /// The id of what is called so.
    pub(super) fn id(&self, name: &str) -> String {
        let names = self.names.borrow();
        let found = names.iter().rev().find(|(_, called)| called == name);
        found.unwrap_or_else(|| panic!("nothing is called {name}")).0.clone()
    }

    /// A group that admits nothing, and lets everything out.
    pub(super) async fn group(&self, name: &str) -> String {
        let request = self.ec2().create_security_group().vpc_id(&self.vpc).group_name(name);
        let made = request.description(name).send().await.expect("a group");
        self.call(made.group_id().expect("an id"), name)
    }

    pub(super) async fn admit(&self, group: &str, rule: IpPermission) {
        let request = self.ec2().authorize_security_group_ingress().group_id(group);
        request.ip_permissions(rule).send().await.expect("it is admitted");
    }

    pub(super) async fn let_out(&self, group: &str, rule: IpPermission) {
        let request = self.ec2().authorize_security_group_egress().group_id(group);
        request.ip_permissions(rule).send().await.expect("it is let out");
    }

    /// Takes from a group the rule that lets everything out.
    pub(super) async fn close(&self, group: &str) {
        let all = IpPermission::builder().ip_protocol("-1").ip_ranges(range("0.0.0.0/0")).build();
        let request = self.ec2().revoke_security_group_egress().group_id(group);
        request.ip_permissions(all).send().await.expect("it is closed");
    }

    /// Takes from the endpoints' group what it admits.
    pub(super) async fn close_endpoints(&self) {
        let rule = https().ip_ranges(range(BLOCK)).build();
        let request = self.ec2().revoke_security_group_ingress().group_id(&self.sg_endpoint);
        request.ip_permissions(rule).send().await.expect("it is closed");
    }

    /// A network ACL of these subnets: it allows nothing.
    pub(super) async fn acl(&self, name: &str, subnets: &[&str]) -> String {
        let made = self.ec2().create_network_acl().vpc_id(&self.vpc).send().await.expect("an ACL");
        let id = made.network_acl().and_then(NetworkAcl::network_acl_id).expect("an id");
        let id = self.call(id, name);
        let request = self.ec2().describe_network_acls().filters(self.in_vpc());
        let all = request.send().await.expect("ACLs");
        for association in all.network_acls().iter().flat_map(NetworkAcl::associations) {
            if association.subnet_id().is_some_and(|id| subnets.contains(&id)) {
                let association = association.network_acl_association_id().expect("an id");
                let request = self.ec2().replace_network_acl_association();
                let request = request.association_id(association).network_acl_id(&id);
                request.send().await.expect("it is replaced");
            }
        }
        id
    }

    /// A rule for TCP: its number is negative where it denies.
    pub(super) async fn tcp(
        &self,
        acl: &str,
        is_egress: bool,
        number: i32,
        ports: (i32, i32),
        cidr: &str,
    ) {
        let action = if number < 0 { RuleAction::Deny } else { RuleAction::Allow };
        let range = PortRange::builder().from(ports.0).to(ports.1).build();
        let request = self.ec2().create_network_acl_entry().network_acl_id(acl);
        let request = request.rule_number(number.abs()).rule_action(action).protocol("6");
        let request = request.egress(is_egress).cidr_block(cidr).port_range(range);
        request.send().await.expect("an entry");
    }

    /// The name servers of the VPC, by DHCP options of its own.
    pub(super) async fn resolve(&self, servers: &[&str]) {
        let servers = servers.iter().map(|&server| server.to_owned()).collect();
        let setting = NewDhcpConfiguration::builder().key("domain-name-servers");
        let setting = setting.set_values(Some(servers)).build();
        let request = self.ec2().create_dhcp_options().dhcp_configurations(setting);
        let made = request.send().await.expect("DHCP options");
        let id = made.dhcp_options().and_then(DhcpOptions::dhcp_options_id).expect("an id");
        let request = self.ec2().associate_dhcp_options().dhcp_options_id(id).vpc_id(&self.vpc);
        request.send().await.expect("they are associated");
    }
}

/// A rule for HTTPS, whose other side is still to be said.
pub(super) fn https() -> aws_sdk_ec2::types::builders::IpPermissionBuilder {
    IpPermission::builder().ip_protocol("tcp").from_port(443).to_port(443)
}

pub(super) fn range(cidr: &str) -> IpRange {
    IpRange::builder().cidr_ip(cidr).build()
}

pub(super) fn of_group(id: &str) -> UserIdGroupPair {
    UserIdGroupPair::builder().group_id(id).build()
}

pub(super) fn of_list(id: &str) -> PrefixListId {
    PrefixListId::builder().prefix_list_id(id).build()
}
