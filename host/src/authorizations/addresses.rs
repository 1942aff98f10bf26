//! Which addresses a connection may be made to, decided when it is made: a name that resolved well once may resolve to
//! this machine's own network the next time.

use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

/// Networks that are not the public internet, from IANA's registries of special-purpose addresses and what clouds use.
const SPECIAL: [&str; 28] = [
    "0.0.0.0/8",        // this host
    "10.0.0.0/8",       // private
    "100.64.0.0/10",    // carriers' own, and the metadata service of a cloud
    "127.0.0.0/8",      // loopback
    "169.254.0.0/16",   // link-local, and the metadata service of most clouds
    "172.16.0.0/12",    // private
    "192.0.0.0/24",     // protocol assignments, and the metadata service of a cloud
    "192.0.2.0/24",     // documentation
    "192.88.99.0/24",   // relays of 6to4
    "192.168.0.0/16",   // private
    "198.18.0.0/15",    // benchmarks
    "198.51.100.0/24",  // documentation
    "203.0.113.0/24",   // documentation
    "168.63.129.16/32", // the host agent of a cloud, at a public address
    "224.0.0.0/4",      // multicast
    "240.0.0.0/4",      // reserved, and broadcast
    "::/128",           // this host
    "::1/128",          // loopback
    "64:ff9b:1::/48",   // translation to private addresses
    "100::/64",         // discarded
    "2001::/23",        // protocol assignments, tunnels
    "2001:db8::/32",    // documentation
    "3fff::/20",        // documentation
    "5f00::/16",        // segment routing
    "fc00::/7",         // private, and the metadata service of a cloud
    "fe80::/10",        // link-local
    "fec0::/10",        // site-local
    "ff00::/8",         // multicast
];

static SPECIAL_NETWORKS: LazyLock<Vec<IpNet>> =
    LazyLock::new(|| SPECIAL.iter().filter_map(|network| network.parse().ok()).collect());

/// The addresses an authorization may reach: public ones, and those of the networks it names.
#[derive(Clone, Debug)]
pub struct Addresses {
    networks: Vec<IpNet>,
    public: bool,
}

impl Default for Addresses {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl Addresses {
    /// Public addresses and these networks.
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self { networks, public: true }
    }

    /// The same, and this machine itself.
    pub fn with_loopback(mut self) -> Self {
        let loopback = [IpAddr::from([127, 0, 0, 0]), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        self.networks
            .extend(loopback.into_iter().zip([8, 128]).filter_map(|(address, bits)| IpNet::new(address, bits).ok()));
        self
    }

    /// This machine itself, and no other.
    pub fn loopback() -> Self {
        Self { networks: Vec::new(), public: false }.with_loopback()
    }

    /// Whether a connection to this address may be made.
    pub fn allow(&self, address: IpAddr) -> bool {
        let address = canonical(address);
        self.networks.iter().any(|network| network.contains(&address)) || self.public && is_public(address)
    }
}

/// Of IPv6 only what IANA gives out for the public internet.
const GLOBAL: Ipv6Addr = Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0);

fn is_public(address: IpAddr) -> bool {
    let is_global = match address {
        IpAddr::V4(_) => true,
        IpAddr::V6(address) => address.segments()[0] >> 13 == GLOBAL.segments()[0] >> 13,
    };
    is_global && !SPECIAL_NETWORKS.iter().any(|network| network.contains(&address))
}

/// The IPv4 address that an IPv6 address stands for, where it does: mapped, compatible, translated and 6to4.
fn canonical(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let [a, b, c, d, e, f, high, low] = v6.segments();
    let embedded = |high: u16, low: u16| IpAddr::V4(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)));
    match (a, b, c, d, e, f) {
        (0, 0, 0, 0, 0, 0xffff) | (0x64, 0xff9b, 0, 0, 0, 0) => embedded(high, low),
        (0, 0, 0, 0, 0, 0) if high != 0 => embedded(high, low),
        (0x2002, ..) => embedded(b, c),
        _ => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_special_network_is_one() {
        assert_eq!(SPECIAL_NETWORKS.len(), SPECIAL.len());
    }

    #[test]
    fn public_addresses_are_reached_and_no_others() {
        for (address, allowed) in [
            ("148.139.1.1", true),
            ("8.8.8.8", true),
            ("2606:4700::1111", true),
            ("::ffff:8.8.8.8", true),
            ("64:ff9b::808:808", true),
            ("127.0.0.1", false),
            ("127.8.8.8", false),
            ("0.0.0.0", false),
            ("10.1.2.3", false),
            ("172.31.255.255", false),
            ("172.32.0.1", true),
            ("192.168.1.1", false),
            ("169.254.169.254", false),
            ("100.100.100.200", false),
            ("168.63.129.16", false),
            ("255.255.255.255", false),
            ("::1", false),
            ("::", false),
            ("::ffff:127.0.0.1", false),
            ("::ffff:169.254.169.254", false),
            ("::127.0.0.1", false),
            ("64:ff9b::7f00:1", false),
            ("2002:a9fe:a9fe::1", false),
            ("::2", false),
            ("::ffff:0:7f00:1", false),
            ("fe80::1", false),
            ("fd00:ec2::254", false),
            ("ff02::1", false),
        ] {
            assert_eq!(Addresses::default().allow(address.parse().unwrap()), allowed, "{address}");
        }
    }

    #[test]
    fn an_authorization_opens_the_networks_it_names_and_no_more() {
        let addresses = Addresses::new(vec!["10.1.0.0/16".parse().unwrap()]);
        for (address, allowed) in
            [("10.1.2.3", true), ("::ffff:10.1.2.3", true), ("10.2.0.1", false), ("127.0.0.1", false)]
        {
            assert_eq!(addresses.allow(address.parse().unwrap()), allowed, "{address}");
        }
        assert!(Addresses::loopback().allow("127.0.0.1".parse().unwrap()));
        assert!(!Addresses::loopback().allow("8.8.8.8".parse().unwrap()));
        let local = Addresses::default().with_loopback();
        for (address, allowed) in [("127.0.0.1", true), ("::1", true), ("10.1.2.3", false), ("0.0.0.0", false)] {
            assert_eq!(local.allow(address.parse().unwrap()), allowed, "{address}");
        }
    }
}
