//! The VPC by what is in force for each subnet: found once, looked up for every verdict.

use super::{
    model::{Acl, Read, Topology},
    net::Net,
    subnets::{Route, RouteTable, Subnet, Target},
};
use std::{cmp::Reverse, collections::HashMap};

/// Where in a VPC is what. It holds as well for the VPC mended: no fix moves a subnet, a route table or a
/// network ACL.
#[derive(Debug)]
pub struct Index {
    subnets: HashMap<String, At>,
    tables: Vec<Routes>,
    main: Option<usize>,
    default_acl: Option<usize>,
}

/// What is in force for a subnet.
#[derive(Debug, Default)]
struct At {
    subnet: Option<usize>,
    block: Option<Net>,
    table: Option<usize>,
    acl: Option<usize>,
}

/// The routes of a table for IPv4, the narrowest first, and of them those to a part of the VPC that do
/// not lead there themselves.
#[derive(Debug)]
struct Routes {
    blocks: Vec<(Net, usize)>,
    within: Vec<(Net, usize)>,
}

/// A VPC and where in it is what.
#[derive(Debug, Clone, Copy)]
pub struct Map<'a> {
    /// The VPC.
    pub vpc: &'a Topology,
    /// Where is what.
    pub index: &'a Index,
}

/// A route table by its blocks.
#[derive(Debug, Clone, Copy)]
pub struct Lanes<'a> {
    /// The table.
    pub table: &'a RouteTable,
    routes: &'a Routes,
}

impl Index {
    /// Looks through the VPC.
    pub fn new(vpc: &Topology) -> Self {
        let mut subnets: HashMap<String, At> = HashMap::new();
        for (at, subnet) in vpc.subnets.iter().enumerate() {
            let found = subnets.entry(subnet.id.clone()).or_default();
            found.subnet.get_or_insert(at);
            found.block = found.block.or_else(|| subnet.cidr.parse().ok());
        }
        let tables: Vec<_> = vpc.tables.iter().flatten().collect();
        for (at, table) in tables.iter().enumerate() {
            for subnet in &table.subnets {
                subnets.entry(subnet.clone()).or_default().table.get_or_insert(at);
            }
        }
        let acls: Vec<_> = vpc.acls.iter().flatten().collect();
        for (at, acl) in acls.iter().enumerate() {
            for subnet in &acl.subnets {
                subnets.entry(subnet.clone()).or_default().acl.get_or_insert(at);
            }
        }
        Self {
            subnets,
            main: tables.iter().position(|table| table.is_main),
            tables: tables.into_iter().map(|table| Routes::new(vpc, table)).collect(),
            default_acl: acls.iter().position(|acl| acl.is_default),
        }
    }
}

impl Routes {
    fn new(vpc: &Topology, table: &RouteTable) -> Self {
        let routes = table.routes.iter().enumerate();
        let blocks = routes.filter_map(|(at, route)| Some((route.destination.parse().ok()?, at)));
        let mut blocks: Vec<(Net, _)> = blocks.collect();
        blocks.sort_by_key(|(net, _)| Reverse(net.prefix()));
        let is_within = |(net, at): &&(Net, usize)| {
            table.routes[*at].target != Target::Inside
                && vpc.cidrs.iter().any(|block| block.contains(*net))
        };
        let within = blocks.iter().filter(is_within).copied().collect();
        Self { blocks, within }
    }
}

impl<'a> Map<'a> {
    /// A subnet by its id.
    pub fn subnet(&self, id: &str) -> Option<&'a Subnet> {
        self.index.subnets.get(id)?.subnet.map(|at| &self.vpc.subnets[at])
    }

    /// Its block.
    pub fn block(&self, id: &str) -> Option<Net> {
        self.index.subnets.get(id)?.block
    }

    /// The route table in force for a subnet: the one that names it, else the main one.
    pub fn table_of(&self, subnet: &str) -> Read<Option<Lanes<'a>>> {
        let tables = self.vpc.tables.as_ref().map_err(Clone::clone)?;
        let named = self.index.subnets.get(subnet).and_then(|found| found.table);
        let lanes = |at| Lanes { table: &tables[at], routes: &self.index.tables[at] };
        Ok(named.or(self.index.main).map(lanes))
    }

    /// The network ACL in force for a subnet: the one that names it, else the VPC's own.
    pub fn acl_of(&self, subnet: &str) -> Read<Option<&'a Acl>> {
        let acls = self.vpc.acls.as_ref().map_err(Clone::clone)?;
        let named = self.index.subnets.get(subnet).and_then(|found| found.acl);
        Ok(named.or(self.index.default_acl).map(|at| &acls[at]))
    }
}

impl<'a> Lanes<'a> {
    /// The routes to blocks of IPv4, the narrowest first.
    pub fn blocks(&self) -> impl Iterator<Item = (Net, &'a Route)> + use<'a> {
        let table = self.table;
        self.routes.blocks.iter().map(move |(net, at)| (*net, &table.routes[*at]))
    }

    /// Those of them to a part of the VPC that do not lead there themselves.
    pub fn within(&self) -> impl Iterator<Item = (Net, &'a Route)> + use<'a> {
        let table = self.table;
        self.routes.within.iter().map(move |(net, at)| (*net, &table.routes[*at]))
    }
}
