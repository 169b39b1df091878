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
    let is_other = |ownership: &Ownership| {
        ownership.is_of(&names.stack) && ownership.preview_of != names.preview_of
    };
    let mut others = found.filter(|(_, ownership)| is_other(ownership));
    others.next().map_or(Ok(()), |(what, ownership)| {
        let help = "give the service that is no preview another name: the previews of `NAME` are called \
                    `NAME-pr-NUMBER`";
        Err(Error::refused(told(&what, ownership.preview_of.as_ref(), names), help))
    })
}

fn told(what: &str, is_of: Option<&PreviewOf>, names: &Names) -> String {
    let preview =
        |of: &PreviewOf| format!("preview of `{}` for pull request {}", of.service, of.number);
    match (is_of, &names.preview_of) {
        (Some(found), _) => format!("{what} belongs to the {}", preview(found)),
        (None, Some(wanted)) => {
            format!("{what} belongs to a service of its own, and not to the {}", preview(wanted))
        }
        (None, None) => format!("{what} belongs to another service"),
    }
}
