//! The VPC by what is in force for each subnet: found once, looked up for every verdict.

use super::{
    model::{Acl, Read, Topology},
    net::Net,
    subnets::{Route, RouteTable, Subnet, Target},
};
use std::{cmp::Reverse, collections::HashMap};

/// A VPC and its indices.
#[derive(Debug)]
pub struct Map<'a> {
    /// The VPC.
    pub vpc: &'a Topology,
    subnets: HashMap<&'a str, (&'a Subnet, Option<Net>)>,
    tables: Vec<Lanes<'a>>,
    table_of: HashMap<&'a str, usize>,
    main: Option<usize>,
    acl_of: HashMap<&'a str, &'a Acl>,
    default_acl: Option<&'a Acl>,
}

/// A route table with its routes for IPv4.
#[derive(Debug)]
pub struct Lanes<'a> {
    /// The table.
    pub table: &'a RouteTable,
    /// The routes to blocks, the narrowest first.
    pub blocks: Vec<(Net, &'a Route)>,
    /// Those to a part of the VPC that do not lead there themselves.
    pub within: Vec<(Net, &'a Route)>,
}

impl<'a> Map<'a> {
    /// Makes the indices.
    pub fn new(vpc: &'a Topology) -> Self {
        let subnets = vpc.subnets.iter();
        let mut map = Self {
            vpc,
            subnets: subnets.map(|one| (one.id.as_str(), (one, one.cidr.parse().ok()))).collect(),
            tables: Vec::new(),
            table_of: HashMap::new(),
            main: None,
            acl_of: HashMap::new(),
            default_acl: vpc.acls.iter().flatten().find(|acl| acl.is_default),
        };
        for (at, table) in vpc.tables.iter().flatten().enumerate() {
            map.tables.push(Lanes::new(vpc, table));
            for subnet in &table.subnets {
                map.table_of.entry(subnet).or_insert(at);
            }
            if table.is_main && map.main.is_none() {
                map.main = Some(at);
            }
        }
        for acl in vpc.acls.iter().flatten() {
            for subnet in &acl.subnets {
                map.acl_of.entry(subnet).or_insert(acl);
            }
        }
        map
    }

    /// A subnet by its id.
    pub fn subnet(&self, id: &str) -> Option<&'a Subnet> {
        self.subnets.get(id).map(|(subnet, _)| *subnet)
    }

    /// Its block.
    pub fn block(&self, id: &str) -> Option<Net> {
        self.subnets.get(id).and_then(|(_, block)| *block)
    }

    /// The route table in force for a subnet: the one that names it, else the main one.
    pub fn table_of(&self, subnet: &str) -> Read<Option<&Lanes<'a>>> {
        self.vpc.tables.as_ref().map_err(Clone::clone)?;
        let at = self.table_of.get(subnet).copied().or(self.main);
        Ok(at.map(|at| &self.tables[at]))
    }

    /// The network ACL in force for a subnet: the one that names it, else the VPC's own.
    pub fn acl_of(&self, subnet: &str) -> Read<Option<&'a Acl>> {
        self.vpc.acls.as_ref().map_err(Clone::clone)?;
        Ok(self.acl_of.get(subnet).copied().or(self.default_acl))
    }
}

impl<'a> Lanes<'a> {
    fn new(vpc: &Topology, table: &'a RouteTable) -> Self {
        let blocks = table.routes.iter();
        let blocks = blocks.filter_map(|route| Some((route.destination.parse().ok()?, route)));
        let mut blocks: Vec<(Net, _)> = blocks.collect();
        blocks.sort_by_key(|(net, _)| Reverse(net.prefix()));
        let is_within = |(net, route): &&(Net, &Route)| {
            route.target != Target::Inside && vpc.cidrs.iter().any(|block| block.contains(*net))
        };
        let within = blocks.iter().filter(is_within).copied().collect();
        Self { table, blocks, within }
    }
}
