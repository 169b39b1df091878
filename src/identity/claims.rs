//! What GitHub's OIDC token says, and the subjects that a trust policy has to take for it. Pure.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::Value;

/// The token's claims that a trust policy asks for.
/// <https://docs.github.com/en/actions/reference/security/oidc>
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claims {
    /// `iss`: who has given it, without `https://`; a policy's condition keys begin with it.
    pub issuer: String,
    /// `sub`: what the job is.
    pub subject: String,
    /// `aud`: whom it is for.
    pub audience: String,
    /// The subjects of this very job: the token's own, and the same in the other of GitHub's two forms,
    /// the classic one first. One where the repository's owner has chosen a form of his own.
    pub subjects: Vec<String>,
}

impl Claims {
    /// Reads the token without checking who has signed it, which is AWS's to do.
    pub fn of(token: &str) -> Option<Self> {
        let payload = token.split('.').nth(1)?;
        let payload = BASE64_URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
        let claims: Value = serde_json::from_slice(&payload).ok()?;
        let text = |name: &str| claims[name].as_str().unwrap_or_default();
        let subject = text("sub").to_owned();
        let issuer = text("iss").trim_start_matches("https://").trim_end_matches('/');
        Some(Self {
            issuer: issuer.to_owned(),
            audience: text("aud").to_owned(),
            subjects: subjects(&subject, &claims),
            subject,
        })
    }

    /// The two lines of a trust policy's `StringEquals` that take this token.
    pub fn conditions(&self) -> [String; 2] {
        let Self { issuer, audience, subjects, .. } = self;
        let json = |value: Value| value.to_string();
        let subjects = match subjects.as_slice() {
            [one] => json(one.as_str().into()),
            all => {
                let all: Vec<_> = all.iter().map(|one| json(one.as_str().into())).collect();
                format!("[{}]", all.join(", "))
            }
        };
        let key = |claim: &str| json(format!("{issuer}:{claim}").into());
        [
            format!("{}: {subjects}", key("sub")),
            format!("{}: {}", key("aud"), json(audience.as_str().into())),
        ]
    }
}

/// `repo:octo/web:ref:refs/heads/main` is `repo:octo@1/web@2:ref:refs/heads/main` in the form that names
/// cannot be taken over in, which repositories made, renamed or moved since July 2026 have.
/// <https://github.blog/changelog/2026-04-23-immutable-subject-claims-for-github-actions-oidc-tokens/>
fn subjects(subject: &str, claims: &Value) -> Vec<String> {
    let text = |name: &str| claims[name].as_str().filter(|text| !text.is_empty());
    let forms = || {
        let (repository, rest) = subject.strip_prefix("repo:")?.split_once(':')?;
        let (owner, name) = text("repository")?.split_once('/')?;
        let owner_id = text("repository_owner_id")?;
        let id = text("repository_id")?;
        let (classic, immutable) =
            (format!("{owner}/{name}"), format!("{owner}@{owner_id}/{name}@{id}"));
        let is_known = repository == classic || repository == immutable;
        is_known.then(|| [classic, immutable].map(|form| format!("repo:{form}:{rest}")).into())
    };
    forms().unwrap_or_else(|| vec![subject.to_owned()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn token(subject: &str) -> String {
        let claims = json!({
            "iss": "https://token.actions.githubusercontent.com",
            "sub": subject,
            "aud": "sts.amazonaws.com",
            "repository": "octo/web",
            "repository_id": "99",
            "repository_owner_id": "42",
        });
        let payload = BASE64_URL_SAFE_NO_PAD.encode(claims.to_string());
        format!("eyJhbGciOiJSUzI1NiJ9.{payload}.c2lnbmVk")
    }

    fn conditions(subject: &str) -> String {
        Claims::of(&token(subject)).expect("it is a token").conditions().join("\n")
    }

    #[test]
    fn both_forms_of_the_subject_whichever_the_token_has() {
        let classic = "repo:octo/web:pull_request";
        let immutable = "repo:octo@42/web@99:pull_request";
        assert_eq!(conditions(classic), conditions(immutable));
        insta::assert_snapshot!(conditions(classic), @r#"
        "token.actions.githubusercontent.com:sub": ["repo:octo/web:pull_request", "repo:octo@42/web@99:pull_request"]
        "token.actions.githubusercontent.com:aud": "sts.amazonaws.com"
        "#);
        insta::assert_snapshot!(conditions("repo:octo/web:environment:pr%3Aod"), @r#"
        "token.actions.githubusercontent.com:sub": ["repo:octo/web:environment:pr%3Aod", "repo:octo@42/web@99:environment:pr%3Aod"]
        "token.actions.githubusercontent.com:aud": "sts.amazonaws.com"
        "#);
    }

    #[test]
    fn a_subject_of_the_owners_own_form_is_taken_as_it_is() {
        for subject in ["repository_owner_id:42:job:x", "repo:other/web:ref:x", "repo:octo/web", ""]
        {
            let claims = Claims::of(&token(subject)).expect("it is a token");
            assert_eq!(claims.subjects, [subject]);
        }
        insta::assert_snapshot!(conditions("\"a\n"), @r#"
        "token.actions.githubusercontent.com:sub": "\"a\n"
        "token.actions.githubusercontent.com:aud": "sts.amazonaws.com"
        "#);
    }

    #[test]
    fn what_is_no_token_has_no_claims() {
        let no_json = format!("a.{}.c", BASE64_URL_SAFE_NO_PAD.encode("["));
        for text in ["", "a", "a.b", "a.%.c", "..", &no_json] {
            assert_eq!(Claims::of(text), None, "{text}");
        }
        // As some servers write it, with padding.
        let padded = format!("a.{}.c", base64::prelude::BASE64_URL_SAFE.encode("{\"sub\":\"x\"}"));
        assert_eq!(Claims::of(&padded).expect("a token").subject, "x");
    }
}
