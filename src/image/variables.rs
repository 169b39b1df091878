//! The environment of the child process: an allow-list, so that neither AWS credentials nor GitHub's
//! tokens reach the build.

use std::collections::BTreeMap;

/// What docker and buildx read: where the engine is and which builder to use, how to reach both, and
/// where a program finds its things. Names that buildx turns into build arguments (`BUILDKIT_…`,
/// `SOURCE_DATE_EPOCH`) are not among them: a build argument in the file does that.
const PASSED: [&str; 24] = [
    "ALL_PROXY",
    "BUILDKIT_NO_CLIENT_TOKEN",
    "BUILDX_BUILDER",
    "BUILDX_CONFIG",
    "DOCKER_API_VERSION",
    "DOCKER_AUTH_CONFIG",
    "DOCKER_CERT_PATH",
    "DOCKER_CONTEXT",
    "DOCKER_CUSTOM_HEADERS",
    "DOCKER_HOST",
    "DOCKER_TLS",
    "DOCKER_TLS_VERIFY",
    "EXPERIMENTAL_BUILDKIT_SOURCE_POLICY",
    "FTP_PROXY",
    "HOME",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "KUBECONFIG",
    "NO_PROXY",
    "PATH",
    "SSH_AUTH_SOCK",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "XDG_RUNTIME_DIR",
];

/// What this program sets itself.
pub(super) const DOCKER_CONFIG: &str = "DOCKER_CONFIG";
/// Likewise, so that what a killed client leaves behind goes with the run's folder.
pub(super) const TMPDIR: &str = "TMPDIR";

/// The part of the environment that the child gets.
pub(super) fn passed(environment: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let passed = environment.iter().filter(|(name, _)| is_passed(name));
    passed.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Whether the child itself reads the variable, so that a build argument of that name would change
/// what docker does and not only what is built.
pub(super) fn is_reserved(name: &str) -> bool {
    is_passed(name) || name == DOCKER_CONFIG || name == TMPDIR
}

fn is_passed(name: &str) -> bool {
    let lower_case_proxy = name.ends_with("_proxy") && !name.contains(char::is_uppercase);
    PASSED.contains(&name) || lower_case_proxy && PASSED.contains(&name.to_uppercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_of_the_run_do_not_pass() {
        let given = [
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
            "ACTIONS_RUNTIME_TOKEN",
            "GITHUB_TOKEN",
            "INPUT_GITHUB-TOKEN",
            "DOCKER_PASSWORD",
            "DOCKER_CONFIG",
            "TMPDIR",
            "PATH",
            "DOCKER_HOST",
            "https_proxy",
            "HTTPS_PROXY",
            "my_proxy",
        ];
        let environment = given.iter().map(|&name| (name.to_owned(), "x".to_owned())).collect();
        let names: Vec<_> = passed(&environment).into_keys().collect();
        assert_eq!(names, ["DOCKER_HOST", "HTTPS_PROXY", "PATH", "https_proxy"]);
    }
}
