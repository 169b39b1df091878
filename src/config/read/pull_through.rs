//! What the `image` section says of other registries.

use crate::{
    config::{
        finding::Finding,
        image_uri,
        model::PullThrough,
        section::{At, Section},
        values,
    },
    image::upstream::{self, SECRETS},
};

/// The hosts that ECR logs in to with a secret.
const WITH_SECRETS: [&str; 3] = ["docker.io", "ghcr.io", "registry.gitlab.com"];

/// Reads it.
pub(super) fn read(section: &Section<'_>, findings: &mut Vec<Finding>) -> PullThrough {
    let is_ensured = section.text("pull-through").is_some_and(|at| at.value == "ensure");
    let given = section.map("credentials");
    if !is_ensured && let Some(entry) = section.entry("credentials") {
        let what = "`image.credentials` without `pull-through: ensure`";
        let finding = Finding::new(entry.key_span.clone(), what);
        findings.push(finding.help("add `pull-through: ensure`, or take the credentials out"));
    }
    let mut credentials = std::collections::BTreeMap::new();
    for (host, At { value, span }) in given {
        At { value: host.as_str(), span: span.clone() }.must("the registry", is_known, findings);
        let Some(value) = value else {
            let finding = Finding::new(span, format!("`{host}` has no credentials"));
            findings.push(finding.help("give the name or the ARN of a secret, or take it out"));
            continue;
        };
        let rule = if image_uri::host(&host).is_some() { is_role } else { is_secret };
        value.must("the credentials", rule, findings);
        credentials.insert(host, value.value);
    }
    PullThrough { is_ensured, credentials }
}

fn is_known(host: &str) -> Result<(), String> {
    if WITH_SECRETS.contains(&host) || image_uri::host(host).is_some() {
        return Ok(());
    }
    Err(if upstream::hosts().any(|known| known == host) {
        "ECR pulls from it without credentials".to_owned()
    } else {
        format!("ECR takes some for {}, and for ECR of other accounts", WITH_SECRETS.join(", "))
    })
}

/// <https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-creating-secret.html>
fn is_secret(text: &str) -> Result<(), String> {
    let of_arn = values::is_arn(text, "secretsmanager", &format!("secret:{SECRETS}"));
    let of_name = text.strip_prefix(SECRETS).is_some_and(|name| {
        !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/_+=.@-".contains(&byte))
    });
    (of_arn || of_name).then_some(()).ok_or_else(|| {
        format!("neither the name nor the ARN of a secret whose name begins with `{SECRETS}`")
    })
}

fn is_role(text: &str) -> Result<(), String> {
    let is_well = values::is_arn(text, "iam", "role/");
    is_well
        .then_some(())
        .ok_or_else(|| "not the ARN of a role: `arn:aws:iam::ACCOUNT:role/NAME`".to_owned())
}
