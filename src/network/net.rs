//! IPv4 blocks and port ranges as sets: what a rule covers of what has to pass.

use std::{fmt, net::Ipv4Addr, str::FromStr};

/// An IPv4 block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Net {
    first: u32,
    prefix: u8,
}

/// Every address.
pub const ANYWHERE: Net = Net { first: 0, prefix: 0 };

/// Blocks that are never an address of a service on the internet.
/// <https://www.iana.org/assignments/iana-ipv4-special-registry>
const PRIVATE: [(u32, u8); 6] = [
    (0x0A00_0000, 8),
    (0x6440_0000, 10),
    (0x7F00_0000, 8),
    (0xA9FE_0000, 16),
    (0xAC10_0000, 12),
    (0xC0A8_0000, 16),
];

impl Net {
    /// One address.
    pub fn host(address: Ipv4Addr) -> Self {
        Self { first: address.into(), prefix: 32 }
    }

    /// How many addresses it has.
    pub fn size(self) -> u64 {
        1 << (32 - u32::from(self.prefix))
    }

    /// `24` of `10.0.0.0/24`.
    pub fn prefix(self) -> u8 {
        self.prefix
    }

    /// The address that many after its first.
    pub fn nth(self, offset: u32) -> Ipv4Addr {
        self.first.saturating_add(offset).into()
    }

    /// Whether all of `other` lies in it.
    pub fn contains(self, other: Self) -> bool {
        self.first() <= other.first() && other.last() <= self.last()
    }

    /// Whether they share an address.
    pub fn overlaps(self, other: Self) -> bool {
        self.first() <= other.last() && other.first() <= self.last()
    }

    /// Whether no address of the internet lies in it.
    pub fn is_private(self) -> bool {
        PRIVATE.iter().any(|&(first, prefix)| Self { first, prefix }.contains(self))
    }

    fn first(self) -> u32 {
        self.first
    }

    fn last(self) -> u32 {
        self.first | u32::MAX.checked_shr(self.prefix.into()).unwrap_or(0)
    }
}

/// The blocks of the internet.
pub fn internet() -> Vec<Net> {
    let mut public = Vec::new();
    let mut rest = vec![ANYWHERE];
    while let Some(net) = rest.pop() {
        let private = PRIVATE.iter().map(|&(first, prefix)| Net { first, prefix });
        if net.is_private() {
            continue;
        }
        if !private.into_iter().any(|private| private.overlaps(net)) {
            public.push(net);
            continue;
        }
        let prefix = net.prefix + 1;
        rest.push(Net { first: net.first | (1 << (32 - prefix)), prefix });
        rest.push(Net { first: net.first, prefix });
    }
    public
}

/// A block that is not `A.B.C.D/N`; also one of IPv6, which a task cannot start over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an IPv4 block")]
pub struct NotABlock(String);

impl FromStr for Net {
    type Err = NotABlock;

    fn from_str(text: &str) -> Result<Self, NotABlock> {
        let error = || NotABlock(text.to_owned());
        let (address, prefix) = text.split_once('/').ok_or_else(error)?;
        let address: Ipv4Addr = address.parse().map_err(|_| error())?;
        let prefix: u8 = prefix.parse().ok().filter(|prefix| *prefix <= 32).ok_or_else(error)?;
        let host = u32::MAX.checked_shr(prefix.into()).unwrap_or(0);
        Ok(Self { first: u32::from(address) & !host, prefix })
    }
}

impl fmt::Display for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", Ipv4Addr::from(self.first), self.prefix)
    }
}

/// Ports, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ports {
    /// The first.
    pub from: u16,
    /// The last.
    pub to: u16,
}

impl Ports {
    /// All of them.
    pub const ALL: Self = Self { from: 0, to: u16::MAX };
    /// The port of every AWS API.
    pub const HTTPS: Self = Self { from: 443, to: 443 };
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to } = self;
        if from == to { write!(f, "{from}") } else { write!(f, "{from}-{to}") }
    }
}

/// Packets: from or to these addresses, to these ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packets {
    first: u32,
    last: u32,
    ports: Ports,
}

impl Packets {
    /// The packets of a block and a range.
    pub fn new(net: Net, ports: Ports) -> Self {
        Self { first: net.first(), last: net.last(), ports }
    }

    /// Their ports.
    pub fn ports(self) -> Ports {
        self.ports
    }

    /// Those that are in both.
    pub fn and(self, other: Self) -> Option<Self> {
        let (first, last) = (self.first.max(other.first), self.last.min(other.last));
        let from = self.ports.from.max(other.ports.from);
        let to = self.ports.to.min(other.ports.to);
        (first <= last && from <= to).then_some(Self { first, last, ports: Ports { from, to } })
    }

    fn without(self, other: Self) -> Vec<Self> {
        let Some(shared) = self.and(other) else { return vec![self] };
        let mut rest = Vec::new();
        if self.first < shared.first {
            rest.push(Self { last: shared.first - 1, ..self });
        }
        if shared.last < self.last {
            rest.push(Self { first: shared.last + 1, ..self });
        }
        let within = Self { first: shared.first, last: shared.last, ..self };
        if self.ports.from < shared.ports.from {
            rest.push(Self {
                ports: Ports { from: self.ports.from, to: shared.ports.from - 1 },
                ..within
            });
        }
        if shared.ports.to < self.ports.to {
            rest.push(Self {
                ports: Ports { from: shared.ports.to + 1, to: self.ports.to },
                ..within
            });
        }
        rest
    }
}

/// Packets of which nothing was decided yet.
#[derive(Debug, Clone)]
pub struct Open(Vec<Packets>);

impl Open {
    /// All of them are open.
    pub fn new(packets: Packets) -> Self {
        Self(vec![packets])
    }

    /// Decides those that a rule matches, and says which they were.
    pub fn decide(&mut self, rule: Packets) -> Vec<Packets> {
        let matched: Vec<_> = self.0.iter().filter_map(|open| open.and(rule)).collect();
        if !matched.is_empty() {
            self.0 = self.0.iter().flat_map(|open| open.without(rule)).collect();
        }
        matched
    }

    /// Whether every packet is decided.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// How much of a set passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// All of it.
    All,
    /// Some of it.
    Part,
    /// Nothing.
    Nothing,
}

/// What these blocks together cover of `target`.
pub fn share(target: Net, blocks: impl IntoIterator<Item = Net>) -> Share {
    let mut open = Open::new(Packets::new(target, Ports::HTTPS));
    let mut any = false;
    for block in blocks {
        any |= !open.decide(Packets::new(block, Ports::HTTPS)).is_empty();
    }
    match (open.is_empty(), any) {
        (true, _) => Share::All,
        (false, true) => Share::Part,
        (false, false) => Share::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn net(text: &str) -> Net {
        text.parse().expect("a block")
    }

    #[test]
    fn a_block_is_read_and_written() {
        assert_eq!(net("10.0.1.7/24").to_string(), "10.0.1.0/24");
        assert_eq!(net("0.0.0.0/0"), ANYWHERE);
        assert_eq!(net("10.0.0.0/28").size(), 16);
        assert_eq!(net("10.0.0.0/16").nth(2), Ipv4Addr::new(10, 0, 0, 2));
        for wrong in ["10.0.0.0", "10.0.0.0/33", "::/0", "10.0.0/8", ""] {
            assert!(wrong.parse::<Net>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn two_halves_cover_the_whole() {
        let halves = [net("10.0.0.0/25"), net("10.0.0.128/25")];
        assert_eq!(share(net("10.0.0.0/24"), halves), Share::All);
        assert_eq!(share(net("10.0.0.0/24"), [halves[0]]), Share::Part);
        assert_eq!(share(net("10.0.1.0/24"), halves), Share::Nothing);
        assert_eq!(share(ANYWHERE, [net("0.0.0.0/1"), net("128.0.0.0/1")]), Share::All);
    }

    #[test]
    fn private_blocks_are_none_of_the_internets() {
        assert!(net("10.1.0.0/16").is_private());
        assert!(!net("0.0.0.0/0").is_private());
        assert!(!net("172.0.0.0/8").is_private());
        let size = |nets: &[Net]| nets.iter().map(|net| net.size()).sum::<u64>();
        let private: Vec<_> =
            PRIVATE.iter().map(|&(first, prefix)| Net { first, prefix }).collect();
        assert_eq!(size(&internet()) + size(&private), ANYWHERE.size());
        assert!(internet().iter().all(|net| !net.is_private()));
    }

    fn packets() -> impl Strategy<Value = Packets> {
        (0_u32..40, 0_u32..40, 0_u16..40, 0_u16..40).prop_map(|(a, b, c, d)| Packets {
            first: a.min(b),
            last: a.max(b),
            ports: Ports { from: c.min(d), to: c.max(d) },
        })
    }

    proptest! {
        #[test]
        fn what_is_left_is_what_the_rule_does_not_match(all in packets(), rule in packets()) {
            let rest = all.without(rule);
            let holds = |set: &Packets, address, port| {
                (set.first..=set.last).contains(&address)
                    && (set.ports.from..=set.ports.to).contains(&port)
            };
            for address in 0..40 {
                for port in 0..40 {
                    let expected = holds(&all, address, port) && !holds(&rule, address, port);
                    let found = rest.iter().filter(|set| holds(set, address, port)).count();
                    prop_assert_eq!(found, usize::from(expected));
                }
            }
        }
    }
}
