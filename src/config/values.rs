//! Values that have a form: durations, CIDR blocks, ARNs, HTTP codes, hosts.

use std::{net::IpAddr, time::Duration};

/// `90s`, `15m`, `1h`, `1h30m`, `7d`; `None` where it is none.
pub(super) fn duration(text: &str) -> Option<Duration> {
    duration_or_none(text).filter(|duration| !duration.is_zero())
}

/// The same, or `0m`.
pub(super) fn duration_or_none(text: &str) -> Option<Duration> {
    let mut seconds: u64 = 0;
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = rest[..digits].parse().ok()?;
        let unit = rest[digits..].chars().next()?;
        let factor = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            _ => return None,
        };
        seconds = seconds.checked_add(number.checked_mul(factor)?)?;
        rest = &rest[digits + 1..];
    }
    Some(Duration::from_secs(seconds))
}

/// A number in tenths, `0.5` or `10`; `None` where it has more digits, or is none.
pub(super) fn tenths(text: &str) -> Option<u32> {
    let (whole, tenths) = text.split_once('.').unwrap_or((text, "0"));
    let tenths = tenths.trim_end_matches('0');
    let tenths: u32 = if tenths.is_empty() { 0 } else { tenths.parse().ok()? };
    let whole: u32 = whole.parse().ok()?;
    (tenths < 10).then(|| whole.checked_mul(10)?.checked_add(tenths))?
}

/// Why this is no CIDR block.
pub(super) fn cidr(text: &str) -> Result<(), String> {
    let bad = || "not a CIDR block such as `203.0.113.0/24`".to_owned();
    let (address, bits) = text.split_once('/').ok_or_else(bad)?;
    let address: IpAddr = address.parse().map_err(|_| bad())?;
    let bits: u32 = bits.parse().map_err(|_| bad())?;
    let (number, width) = match address {
        IpAddr::V4(address) => (u128::from(address.to_bits()), 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    };
    if bits > width {
        return Err(format!("a prefix has at most {width} bits"));
    }
    let host = 1_u128.checked_shl(width - bits).map_or(u128::MAX, |next| next - 1);
    if number & host != 0 {
        let network = number & !host;
        let network = match address {
            IpAddr::V4(_) => IpAddr::from(u32::try_from(network).unwrap_or(0).to_be_bytes()),
            IpAddr::V6(_) => IpAddr::from(network.to_be_bytes()),
        };
        return Err(format!("it has bits after its prefix; the block is {network}/{bits}"));
    }
    Ok(())
}

/// Whether it is an ARN of this service and sort of thing: `arn:aws:iam::123456789012:role/name`.
pub(super) fn is_arn(text: &str, service: &str, resource: &str) -> bool {
    let parts: Vec<_> = text.splitn(6, ':').collect();
    matches!(parts[..], ["arn", partition, found, _, account, rest]
        if partition.starts_with("aws")
            && found == service
            && account.len() == 12
            && account.bytes().all(|byte| byte.is_ascii_digit())
            && rest.starts_with(resource)
            && rest.len() > resource.len())
}

/// Whether ECS can read a secret by it: an ARN of Secrets Manager or SSM, or an SSM parameter's name.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Secret.html>
pub(super) fn is_secret(text: &str) -> bool {
    if text.starts_with("arn:") {
        return is_arn(text, "secretsmanager", "secret:") || is_arn(text, "ssm", "parameter/");
    }
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte))
}

/// Whether it is ELB's form of HTTP codes, from 200 to 499.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Matcher.html>
pub(super) fn is_matcher(text: &str) -> bool {
    let code = |text: &str| text.parse::<u16>().ok().filter(|code| (200..=499).contains(code));
    text.split(',').all(|part| match part.split_once('-') {
        Some((from, to)) => code(from).zip(code(to)).is_some_and(|(from, to)| from <= to),
        None => code(part).is_some(),
    })
}

/// Whether ELB takes it as a host header: letters, digits, `-`, `.`, and the wildcards `*` and `?`.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html#host-conditions>
pub(super) fn is_host(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-.*?".contains(&byte);
    let ends = text.rsplit_once('.').map_or("", |(_, end)| end);
    text.len() <= 128
        && text.bytes().all(allowed)
        && !ends.is_empty()
        && ends.bytes().all(|byte| byte.is_ascii_alphabetic() || b"*?".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(duration("15m"), Some(Duration::from_mins(15)));
        assert_eq!(duration("1h30m"), Some(Duration::from_mins(90)));
        for wrong in ["", "15", "m", "0s", "1w", "-5m", "99999999999999999999h", "1 m"] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn numbers_in_tenths() {
        assert_eq!(
            ["5", "0.1", "12.50", "3."].map(tenths),
            [Some(50), Some(1), Some(125), Some(30)]
        );
        assert_eq!(["0.15", "-1", "x", ".5.", "1e3"].map(tenths), [None; 5]);
    }

    #[test]
    fn cidr_blocks() {
        for well in ["0.0.0.0/0", "10.0.0.0/8", "203.0.113.7/32", "::/0", "2001:db8::/32"] {
            assert_eq!(cidr(well), Ok(()), "{well}");
        }
        assert!(cidr("10.1.0.0/8").is_err_and(|why| why.ends_with("the block is 10.0.0.0/8")));
        for wrong in ["10.0.0.0", "10.0.0.0/33", "x/8", "::1/0", "10.0.0.1/0"] {
            assert!(cidr(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn arns_and_secrets() {
        assert!(is_arn("arn:aws:iam::123456789012:role/x", "iam", "role/"));
        assert!(!is_arn("arn:aws:iam::1234:role/x", "iam", "role/"));
        assert!(is_secret("arn:aws-cn:ssm:cn-north-1:123456789012:parameter/a/b"));
        assert!(is_secret("/app/password"));
        assert!(!is_secret("arn:aws:s3:::bucket"));
        assert!(!is_secret("pass word"));
    }

    #[test]
    fn matchers_and_hosts() {
        assert!(is_matcher("200") && is_matcher("200-299") && is_matcher("200,404"));
        assert!(
            !is_matcher("500") && !is_matcher("299-200") && !is_matcher("200,") && !is_matcher("")
        );
        assert!(is_host("web.example.com") && is_host("*.example.com"));
        assert!(!is_host("localhost") && !is_host("http://x.com") && !is_host("x.com:80"));
    }
}
