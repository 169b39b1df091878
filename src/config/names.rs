//! Names, by the rules of the services that they go to.

use sha2::{Digest as _, Sha256};

/// The name, or where it is longer than `max` bytes its beginning and eight hex digits of its SHA-256:
/// always the same for the same name. It never ends with a hyphen.
pub fn fit(name: &str, max: usize) -> String {
    if name.len() <= max {
        return name.to_owned();
    }
    let digest = Sha256::digest(name.as_bytes());
    let digest = digest.first_chunk().copied().map_or(0, u32::from_be_bytes);
    let mut kept = name;
    while kept.len() + 9 > max {
        let last = kept.char_indices().next_back().map_or(0, |(index, _)| index);
        kept = &kept[..last];
    }
    format!("{}-{digest:08x}", kept.trim_end_matches('-'))
}

/// The name that a load balancer has where the file gives none.
pub(super) fn load_balancer_of(service: &str) -> String {
    let name = service.replace('_', "-");
    let name = name.trim_matches('-');
    let name = if name.starts_with("internal-") { format!("ecs-{name}") } else { name.to_owned() };
    fit(&name, 32)
}

fn only(text: &str, more: &[u8]) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || more.contains(&byte))
}

/// Why ECS refuses the name of a service, a cluster, a family or a container.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html>
pub(super) fn ecs(name: &str) -> Result<(), String> {
    if name.len() > 255 {
        return Err(format!("ECS takes 255 characters, this has {}", name.len()));
    }
    if !only(name, b"_-") {
        return Err("ECS takes letters, digits, hyphens and underscores".to_owned());
    }
    Ok(())
}

/// Why ECR refuses the name of a repository.
/// <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html>
pub(super) fn repository(name: &str) -> Result<(), String> {
    if !(2..=256).contains(&name.len()) {
        return Err(format!("ECR takes 2 to 256 characters, this has {}", name.len()));
    }
    let is_word = |word: &str| {
        !word.is_empty()
            && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    let is_part = |part: &str| part.split(['.', '_', '-']).all(is_word);
    if !name.split('/').all(is_part) {
        return Err("ECR takes lower-case letters and digits, with single `.`, `_`, `-` or `/` between them".to_owned());
    }
    Ok(())
}

/// Why ELB refuses the name of a load balancer.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html>
pub(super) fn load_balancer(name: &str) -> Result<(), String> {
    if name.len() > 32 {
        return Err(format!("ELB takes 32 characters, this has {}", name.len()));
    }
    if !only(name, b"-") {
        return Err("ELB takes letters, digits and hyphens".to_owned());
    }
    if name.starts_with('-') || name.ends_with('-') {
        return Err("ELB takes no hyphen at the beginning or the end".to_owned());
    }
    if name.starts_with("internal-") {
        return Err("ELB keeps names that begin with `internal-` to itself".to_owned());
    }
    Ok(())
}

/// Why CloudWatch refuses the name of a log group.
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html>
pub(super) fn log_group(name: &str) -> Result<(), String> {
    if name.len() > 512 {
        return Err(format!("CloudWatch takes 512 characters, this has {}", name.len()));
    }
    if name.starts_with("aws/") {
        return Err("CloudWatch keeps names that begin with `aws/` to itself".to_owned());
    }
    if !only(name, b"._-/#") {
        return Err("CloudWatch takes letters, digits and `.`, `_`, `-`, `/`, `#`".to_owned());
    }
    Ok(())
}

/// Why this cannot name an environment variable. ECS itself takes nearly everything.
pub(super) fn variable(name: &str) -> Result<(), String> {
    let is_bad = |symbol: char| symbol == '=' || symbol.is_whitespace() || symbol.is_control();
    if name.is_empty() || name.contains(is_bad) {
        return Err("a variable's name has no `=` and no blanks".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_too_long_keeps_its_beginning() {
        assert_eq!(fit("web", 32), "web");
        let long = "a".repeat(23) + "-" + &"b".repeat(40);
        let fitted = fit(&long, 32);
        assert!(
            fitted.len() <= 32 && fitted.starts_with(&"a".repeat(23)) && !fitted.contains("--")
        );
        assert_eq!(fitted, fit(&long, 32));
        assert_ne!(fitted, fit(&(long + "c"), 32));
        assert!(fit(&"ä".repeat(40), 32).len() <= 32);
    }

    #[test]
    fn a_load_balancer_gets_a_name_that_elb_takes() {
        for service in ["web", "my_web", "internal-api", "-x-", &"s".repeat(200)] {
            assert_eq!(load_balancer(&load_balancer_of(service)), Ok(()), "{service}");
        }
    }

    #[test]
    fn what_the_services_refuse() {
        assert!(ecs("a b").is_err() && ecs(&"a".repeat(256)).is_err() && ecs("a_b-C1").is_ok());
        assert!(repository("team/web").is_ok() && repository("Web").is_err());
        assert!(
            repository("a--b").is_err() && repository("a/").is_err() && repository("a").is_err()
        );
        assert!(load_balancer("-a").is_err() && load_balancer("a_b").is_err());
        assert!(log_group("/ecs/web").is_ok() && log_group("a b").is_err());
        assert!(variable("A_1").is_ok() && variable("A=1").is_err() && variable("").is_err());
    }
}
