//! The tags that say what is ours. Nothing else is remembered between runs.

use crate::{
    address::Address,
    config::{
        model::{Config, PreviewOf},
        names::fit,
    },
    context::Context,
};
use std::collections::BTreeMap;

/// The stack that made the thing. A thing without it is somebody else's: it is used where it fits,
/// and never changed or deleted beyond what was added to it.
pub const STACK: &str = "ecs-private-deploy:stack";
/// The thing's address in the plan of the stack that made it.
pub const ADDRESS: &str = "ecs-private-deploy:address";
/// Followed by a stack's name: that stack uses this shared thing. The last one to go deletes it.
const USER: &str = "ecs-private-deploy:user:";
/// Followed by an id, with the stack's name as the value: what was added to a thing of somebody
/// else's, so that the last stack's `destroy` takes exactly that out again.
const ADDED: &str = "ecs-private-deploy:added:";

/// With the name of a load balancer as the value: this one was made because that one is full. It stands
/// as long as a preview stands behind it.
pub const OVERFLOW_OF: &str = "ecs-private-deploy:overflow-of";
/// The main service of which the thing's stack is a preview.
pub const PREVIEW_OF: &str = "ecs-private-deploy:preview-of";
/// The number of the pull request that the preview is for.
pub const PULL_REQUEST: &str = "ecs-private-deploy:pull-request";
/// The repository of that pull request, `owner/name`, where it is known.
pub const REPOSITORY: &str = "ecs-private-deploy:repository";

/// What EC2 takes of a key and of a value, less than the others do.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Tag.html>
const KEY_LENGTH: usize = 127;
const VALUE_LENGTH: usize = 255;

/// The tags of one thing, in the order of their keys.
pub type Tags = BTreeMap<String, String>;

/// In whose name things are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stack {
    /// The stack whose own things they are.
    pub name: String,
    /// The stack that shared things are registered for: the same, or a preview's main service.
    pub main: String,
    /// What else own things carry: a preview's say of what it is one.
    pub marks: Tags,
}

impl From<String> for Stack {
    fn from(name: String) -> Self {
        Self { main: name.clone(), name, marks: Tags::new() }
    }
}

impl Stack {
    /// The stack of the file, in this run.
    pub fn of(config: &Config, context: &Context) -> Self {
        let Some(PreviewOf { service, number }) = &config.preview_of else {
            return config.service.clone().into();
        };
        let mut marks = Tags::from([
            (PREVIEW_OF.into(), service.clone()),
            (PULL_REQUEST.into(), number.to_string()),
        ]);
        let repository = context.github.as_ref().map(|github| value(&github.repository));
        marks.extend(repository.map(|repository| (REPOSITORY.into(), repository)));
        Self { name: config.service.clone(), main: service.clone(), marks }
    }
}

/// The tags of a thing that belongs to one stack alone.
pub fn own(stack: &Stack, address: &Address) -> Tags {
    let mut tags = of(&stack.name, address);
    tags.extend(stack.marks.clone());
    tags
}

/// The tags of a thing that a preview leaves to its main service, and everybody else has for itself.
pub fn of_main(stack: &Stack, address: &Address) -> Tags {
    of(&stack.main, address)
}

fn of(stack: &str, address: &Address) -> Tags {
    Tags::from([(STACK.into(), stack.into()), (ADDRESS.into(), value(&address.to_string()))])
}

/// The text in the characters and the length that every service takes: a log group's name may have
/// others, and be longer.
fn value(text: &str) -> String {
    let takes = |symbol: char| symbol.is_ascii_alphanumeric() || " _.:/=+-@".contains(symbol);
    let text: String =
        text.chars().map(|symbol| if takes(symbol) { symbol } else { '-' }).collect();
    fit(&text, VALUE_LENGTH)
}

/// The stack's name as the end of a key.
fn user_name(stack: &str) -> String {
    fit(stack, KEY_LENGTH - USER.len())
}

/// The tags of a thing that stacks share.
pub fn shared(stack: &Stack, address: &Address) -> Tags {
    let mut tags = of_main(stack, address);
    tags.extend(user(&stack.main));
    tags
}

/// The tags of a load balancer that takes what another one, which is full, cannot. It has no users: it
/// stands as long as a preview stands behind it.
pub fn overflow(stack: &Stack, address: &Address, of: &str) -> Tags {
    let mut tags = of_main(stack, address);
    tags.insert(OVERFLOW_OF.into(), of.into());
    tags
}

/// The tag by which a stack says that it uses a shared thing.
pub fn user(stack: &str) -> Tags {
    Tags::from([(format!("{USER}{}", user_name(stack)), "true".into())])
}

/// The tags by which a stack says what it added to a thing of somebody else's.
pub fn added<'a>(stack: &str, ids: impl IntoIterator<Item = &'a String>) -> Tags {
    ids.into_iter().map(|id| (format!("{ADDED}{id}"), stack.to_owned())).collect()
}

/// Whose a thing is, as its tags say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ownership {
    /// The stack that made it; `None` where somebody else did.
    pub stack: Option<String>,
    /// The stacks that use it.
    pub users: Vec<String>,
    /// What was added to it: the id and the stack that added it.
    pub added: Vec<(String, String)>,
    /// The load balancer that is full, where this one was made for what it cannot take.
    pub overflow_of: Option<String>,
    /// Of what it is a part of a preview, where it is.
    pub preview_of: Option<PreviewOf>,
    /// The repository of the pull request, where it is known.
    pub repository: Option<String>,
}

impl Ownership {
    /// Reads the tags.
    pub fn read<'a>(tags: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut ownership = Self::default();
        let (mut main, mut number) = (None, None);
        for (key, value) in tags {
            if key == STACK {
                ownership.stack = Some(value.to_owned());
            } else if key == OVERFLOW_OF {
                ownership.overflow_of = Some(value.to_owned());
            } else if let Some(user) = key.strip_prefix(USER) {
                ownership.users.push(user.to_owned());
            } else if let Some(id) = key.strip_prefix(ADDED) {
                ownership.added.push((id.to_owned(), value.to_owned()));
            } else if key == PREVIEW_OF {
                main = Some(value.to_owned());
            } else if key == PULL_REQUEST {
                number = value.parse().ok();
            } else if key == REPOSITORY {
                ownership.repository = Some(value.to_owned());
            }
        }
        ownership.preview_of =
            main.zip(number).map(|(service, number)| PreviewOf { service, number });
        ownership.users.sort();
        ownership.added.sort();
        ownership
    }

    /// Whether this program made it, for whichever stack.
    pub const fn is_managed(&self) -> bool {
        self.stack.is_some()
    }

    /// Whether it was made for this stack.
    pub fn is_of(&self, stack: &str) -> bool {
        self.stack.as_deref() == Some(stack)
    }

    /// Whether this stack has said that it uses it.
    pub fn is_used_by(&self, stack: &str) -> bool {
        let stack = user_name(stack);
        self.users.contains(&stack)
    }

    /// Whether other stacks use it.
    pub fn has_other_users(&self, stack: &str) -> bool {
        let stack = user_name(stack);
        self.users.iter().any(|user| *user != stack)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Kind;

    #[test]
    fn no_tag_is_longer_or_other_than_the_services_take() {
        let stack = "s".repeat(255);
        let group = Address::new(Kind::LogGroup, format!("#{}", "g".repeat(511)));
        let tags = shared(&stack.clone().into(), &group);
        for (key, value) in &tags {
            assert!(key.len() <= KEY_LENGTH && value.len() <= VALUE_LENGTH, "{key} {value}");
        }
        assert!(tags[ADDRESS].starts_with("log-group/-ggg"));
        let ownership =
            Ownership::read(tags.iter().map(|(key, value)| (key.as_str(), value.as_str())));
        assert!(ownership.is_of(&stack) && ownership.is_used_by(&stack));
        assert!(!ownership.has_other_users(&stack));
        assert!(ownership.has_other_users("web"));
    }
    #[test]
    fn a_preview_s_own_things_say_whose_it_is_and_shared_ones_are_its_main_service_s() {
        let main = crate::config::sample("service: web\n");
        let config = crate::preview::config(&main, 42);
        let stack = Stack::of(&config, &Context::default());
        let read = |tags: &Tags| {
            Ownership::read(tags.iter().map(|(key, value)| (key.as_str(), value.as_str())))
        };
        let address = Address::new(Kind::Service, "web-pr-42");
        let ownership = read(&own(&stack, &address));
        assert!(ownership.is_of("web-pr-42") && ownership.users.is_empty());
        let expected = PreviewOf { service: "web".to_owned(), number: 42 };
        assert_eq!(ownership.preview_of, Some(expected));
        let ownership = read(&shared(&stack, &address));
        assert!(ownership.is_of("web") && ownership.is_used_by("web"));
        assert_eq!(ownership.preview_of, None);
        assert_eq!(Stack::of(&main, &Context::default()), "web".to_owned().into());
    }
}
