//! Whether what carries a stack's name is that stack's: somebody may have a file of a service `web-pr-42`,
//! which is also what the preview of `web` for pull request 42 is called.

use crate::{
    config::model::PreviewOf,
    error::{Error, Result},
    names::Names,
    tags::Ownership,
    world::World,
};

/// Refuses to touch what another stack of the same name has made.
pub fn check(names: &Names, world: &World) -> Result<()> {
    let groups = [&world.target_group, &world.alternate_target_group];
    let groups = groups.into_iter().flatten();
    let services = [&world.service, &world.draining].into_iter().flatten();
    let found = services
        .map(|found| (format!("service `{}`", names.stack), &found.ownership))
        .chain(groups.map(|found| (format!("target group {}", found.arn), &found.ownership)))
        .chain(
            world
                .log_groups
                .iter()
                .map(|(name, found)| (format!("log group `{name}`"), &found.ownership)),
        );
    let preview_of = names.preview_of.as_ref();
    let mut others = found.filter(|(_, ownership)| is_other(ownership, &names.stack, preview_of));
    others.next().map_or(Ok(()), |(what, ownership)| {
        let help = "give the service that is no preview another name: the previews of `NAME` are called \
                    `NAME-pr-NUMBER`";
        Err(Error::refused(told(&what, ownership.preview_of.as_ref(), preview_of), help))
    })
}

fn is_other(found: &Ownership, stack: &str, preview_of: Option<&PreviewOf>) -> bool {
    found.is_of(stack) && found.preview_of.as_ref() != preview_of
}

fn told(what: &str, is_of: Option<&PreviewOf>, wanted: Option<&PreviewOf>) -> String {
    let preview =
        |of: &PreviewOf| format!("preview of `{}` for pull request {}", of.service, of.number);
    match (is_of, wanted) {
        (Some(found), _) => format!("{what} belongs to the {}", preview(found)),
        (None, Some(wanted)) => {
            format!("{what} belongs to a service of its own, and not to the {}", preview(wanted))
        }
        (None, None) => format!("{what} belongs to another service"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tags::{PREVIEW_OF, PULL_REQUEST, STACK};

    #[test]
    fn each_sort_of_stranger_is_told() {
        let own = [(STACK, "web-pr-42")];
        let preview = [(STACK, "web-pr-42"), (PREVIEW_OF, "web"), (PULL_REQUEST, "42")];
        let wanted = PreviewOf { service: "web".to_owned(), number: 42 };
        let found = |tags: &[(&'static str, &'static str)]| Ownership::read(tags.iter().copied());
        let told = |tags: &[_], preview_of: Option<&PreviewOf>| {
            told("service `web-pr-42`", found(tags).preview_of.as_ref(), preview_of)
        };
        insta::assert_snapshot!(
            [told(&preview, None), told(&own, Some(&wanted))].join("\n"),
            @r"
        service `web-pr-42` belongs to the preview of `web` for pull request 42
        service `web-pr-42` belongs to a service of its own, and not to the preview of `web` for pull request 42
        "
        );
        assert!(!is_other(&found(&preview), "web-pr-42", Some(&wanted)));
        assert!(!is_other(&found(&own), "web-pr-42", None));
        assert!(is_other(&found(&own), "web-pr-42", Some(&wanted)));
        assert!(!is_other(&found(&[]), "web-pr-42", Some(&wanted)), "nobody's");
    }
}
