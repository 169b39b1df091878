//! What becomes of the URL of a request on its way through a rule.

use aws_sdk_elasticloadbalancingv2::types::{
    RewriteConfig, RuleTransform, TransformTypeEnum, UrlRewriteConfig,
};
use serde::Serialize;

/// ELB's rewrite of a URL: path and query together.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-transforms.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rewrite {
    /// What is replaced.
    pub regex: String,
    /// What stands in its place; `$1` is the first group.
    pub replace: String,
}

/// Transforms that this program never makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Other;

impl Rewrite {
    /// Takes the path off: of `/pr-42/a?b` the service sees `/a?b`, of `/pr-42` it sees `/`.
    pub fn off(path: &str) -> Self {
        let mut escaped = String::new();
        for symbol in path.chars() {
            if r"\.+*?()|[]{}^$".contains(symbol) {
                escaped.push('\\');
            }
            escaped.push(symbol);
        }
        Self { regex: format!("^{escaped}/?(.*)$"), replace: "/$1".to_owned() }
    }

    /// Reads a rule's transforms: none, or one of a URL.
    pub fn read(transforms: &[RuleTransform]) -> Result<Option<Self>, Other> {
        let [transform] = transforms else {
            return if transforms.is_empty() { Ok(None) } else { Err(Other) };
        };
        let rewrites = transform.url_rewrite_config().map(UrlRewriteConfig::rewrites);
        let Some([rewrite]) = rewrites else { return Err(Other) };
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        Ok(Some(Self { regex: text(rewrite.regex()), replace: text(rewrite.replace()) }))
    }

    /// The shape in which ELB takes it.
    pub fn transform(&self) -> RuleTransform {
        let rewrite = RewriteConfig::builder().regex(&self.regex).replace(&self.replace).build();
        RuleTransform::builder()
            .r#type(TransformTypeEnum::UrlRewrite)
            .url_rewrite_config(UrlRewriteConfig::builder().rewrites(rewrite).build())
            .build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use regex_lite::Regex;

    #[test]
    fn the_path_is_taken_off_and_nothing_else() {
        let arrives = |path: &str, url: &str| {
            let rewrite = Rewrite::off(path);
            let regex = Regex::new(&rewrite.regex).expect("it is one");
            regex.replace(url, rewrite.replace).into_owned()
        };
        for (url, seen) in [
            ("/pr-42", "/"),
            ("/pr-42/", "/"),
            ("/pr-42?a=/pr-42/b", "/?a=/pr-42/b"),
            ("/pr-42/?a=$1", "/?a=$1"),
            ("/pr-42/pr-42/x.css?y", "/pr-42/x.css?y"),
            ("/pr-42//x", "//x"),
            ("/x/pr-42/y", "/x/pr-42/y"),
        ] {
            assert_eq!(arrives("/pr-42", url), seen, "{url}");
        }
        assert_eq!(arrives("/a.b$+/42", "/a.b$+/42/c"), "/c");
        assert_eq!(arrives("/a.b$+/42", "/acb$+/42/c"), "/acb$+/42/c");
    }

    #[test]
    fn what_is_written_is_read_again() {
        let rewrite = Rewrite::off("/pr-42");
        assert_eq!(Rewrite::read(&[rewrite.transform()]), Ok(Some(rewrite.clone())));
        assert_eq!(Rewrite::read(&[]), Ok(None));
        assert_eq!(Rewrite::read(&[rewrite.transform(), rewrite.transform()]), Err(Other));
        let host = RuleTransform::builder().r#type(TransformTypeEnum::HostHeaderRewrite).build();
        assert_eq!(Rewrite::read(&[host]), Err(Other));
    }
}
