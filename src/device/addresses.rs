//! The addresses this machine has on local networks, for the names in its
//! certificate. Read from the kernel's own tables; an unreadable table is an
//! empty one.

use super::authority::is_local;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr};

/// Where the kernel shows its routes, with our own addresses among them.
const ROUTES_4: &str = "/proc/net/fib_trie";
/// Where it shows its IPv6 addresses.
const ADDRESSES_6: &str = "/proc/net/if_inet6";
/// Most addresses named: a certificate has to stay small.
const ADDRESSES_MAX: usize = 16;

/// Its private addresses, without loopback and without those that mean nothing
/// beyond one cable.
pub fn local() -> BTreeSet<IpAddr> {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let four = parse_4(&read(ROUTES_4));
    let six = parse_6(&read(ADDRESSES_6));
    let all = four.into_iter().chain(six);
    all.filter(|it| is_useful(*it))
        .take(ADDRESSES_MAX)
        .collect()
}

fn is_useful(address: IpAddr) -> bool {
    let beyond_a_cable = match address {
        IpAddr::V4(it) => !it.is_link_local(),
        IpAddr::V6(it) => !it.is_unicast_link_local(),
    };
    is_local(address) && beyond_a_cable && !address.is_loopback()
}

/// An address of our own stands in the line before `/32 host LOCAL`.
fn parse_4(table: &str) -> BTreeSet<IpAddr> {
    let mut found = BTreeSet::new();
    let mut last: Option<IpAddr> = None;
    for line in table.lines().map(str::trim) {
        if let Some(address) = line.strip_prefix("|-- ") {
            last = address.parse().ok();
        } else if line == "/32 host LOCAL" {
            found.extend(last);
        }
    }
    found
}

/// 32 hexadecimal digits begin each line.
fn parse_6(table: &str) -> BTreeSet<IpAddr> {
    let address = |line: &str| {
        let digits = line.split(' ').next()?;
        let number = u128::from_str_radix(digits, 16).ok()?;
        (digits.len() == 32).then(|| Ipv6Addr::from(number).into())
    };
    table.lines().filter_map(address).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_s_tables_are_read() {
        let table = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n\
                     Local:\n     |-- 10.0.3.0\n        /24 link UNICAST\n     |-- 10.0.3.7\n\
                             /32 host LOCAL\n     |-- 10.0.3.255\n        /32 link BROADCAST\n\
                          |-- 127.0.0.1\n        /32 host LOCAL\n     |-- 8.8.4.4\n\
                             /32 host LOCAL\n";
        let found = parse_4(table);
        assert_eq!(found.len(), 3);
        let useful: Vec<String> = found
            .into_iter()
            .filter(|it| is_useful(*it))
            .map(|it| it.to_string())
            .collect();
        assert_eq!(useful, ["10.0.3.7"]);
        let table = "fd120000000000000000000000000001 02 40 00 80 eth0\n\
                     fe80000000000000000000000000000a 02 40 20 80 eth0\nnonsense\n";
        let found = parse_6(table);
        assert_eq!(found.len(), 2);
        let useful = found.into_iter().filter(|it| is_useful(*it));
        assert_eq!(useful.count(), 1);
    }

    #[test]
    fn this_machine_s_are_local_ones() {
        assert!(local().iter().all(|it| is_useful(*it)));
    }
}
