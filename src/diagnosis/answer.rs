//! One answer from all that was seen: the first cause first, what follows from it folded into a count.

use super::{
    cause::Cause,
    ground::{self, Ground},
    line::{EVIDENCE, cut, headline, one_line},
    read::{self, Told},
    reading::Reading,
};
use crate::report::format::plural;

/// Causes that are told in full; more would hide the first.
const SHOWN: usize = 3;

/// Something that was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sign {
    /// Where.
    pub by: By,
    /// The words, as they came.
    pub text: String,
    /// What they mean.
    pub told: Told,
}

/// Where a sign was seen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum By {
    /// The log of a container.
    Log,
    /// A task that stopped, by its id.
    Task(String),
    /// A target of the load balancer, by its address.
    Target(String),
    /// An event of the service.
    Event,
    /// ECS's words about the deployment.
    Deployment,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The cause in one line.
    pub cause: String,
    /// What was found, the most telling first.
    pub found: Vec<String>,
    /// What to do.
    pub help: String,
}

/// Signs that say the same.
struct Group<'a> {
    signs: Vec<&'a Sign>,
    at: usize,
}

impl Group<'_> {
    /// What they say; of several the one that names what is at fault.
    fn reading(&self) -> Option<&Reading> {
        let readings = || self.signs.iter().filter_map(|sign| sign.told.cause());
        readings().find(|reading| reading.resource.is_some()).or_else(|| readings().next())
    }

    fn cause(&self) -> Option<Cause> {
        Some(self.reading()?.cause)
    }

    fn tasks(&self) -> impl Iterator<Item = &str> {
        self.signs.iter().filter_map(|sign| match &sign.by {
            By::Task(id) => Some(id.as_str()),
            _ => None,
        })
    }

    /// A cause before a text that is not known, and a task's words before an event's.
    fn rank(&self) -> (u8, std::cmp::Reverse<usize>, std::cmp::Reverse<usize>, usize) {
        let tasks = self.tasks().count();
        let rank = match (self.cause(), tasks) {
            (Some(cause), _) if !cause.is_vague() => 0,
            (None, 1..) => 1,
            (Some(_), _) => 2,
            (None, 0) => 3,
        };
        (rank, std::cmp::Reverse(tasks), std::cmp::Reverse(self.signs.len()), self.at)
    }
}

/// The answer to what was seen; `None` where nothing failed.
pub fn answer(signs: &[Sign], ground: Option<&Ground>) -> Option<Answer> {
    let mut groups = groups(signs);
    groups.sort_by_key(Group::rank);
    lift(&mut groups);
    let follows = signs.iter().filter(|sign| sign.told == Told::Follows).count();
    let first = groups.first()?;
    let is_folded = |group: &&Group<'_>| match (first.cause(), group.cause()) {
        (Some(first), Some(other)) => first.explains(other),
        _ => false,
    };
    let (folded, others): (Vec<_>, Vec<_>) = groups[1..].iter().partition(is_folded);
    let tasks = |groups: &[&Group<'_>]| groups.iter().map(|it| it.tasks().count()).sum::<usize>();
    let because = tasks(&folded);
    let ours = first.tasks().count() + because;
    let total = ours + tasks(&others);
    let share = match (ours, total) {
        (0, _) => String::new(),
        (1, 1) => " (1 task)".to_owned(),
        _ => format!(" ({ours} of {})", plural(total, "task")),
    };
    let mut found = evidence(first);
    let (cause, help) = if let Some(reading) = first.reading() {
        let said = ground::say(reading, ground);
        let fault = said.fault.filter(|fault| !said.line.contains(fault.as_str()));
        found.splice(0..0, fault.map(|fault| format!("at fault: {fault}")));
        found.extend(said.found);
        (said.line, said.help.join("\n"))
    } else {
        found.push("what this text means is not known".to_owned());
        let broken = ground.map(Ground::broken).unwrap_or_default();
        let broken = broken.iter().take(SHOWN);
        found.extend(broken.map(|what| format!("the model of the VPC finds: {what}")));
        (headline(&first.signs[0].text), UNKNOWN.to_owned())
    };
    for group in others.iter().take(SHOWN - 1) {
        let also = if group.reading().is_some() { "also" } else { "also, and not known" };
        found.extend(evidence(group).into_iter().map(|line| format!("{also}: {line}")));
    }
    let left: usize = others.iter().skip(SHOWN - 1).map(|group| group.signs.len()).sum();
    if left > 0 {
        found.push(format!("and {}", plural(left, "other message")));
    }
    let folded = folded.iter().map(|group| group.signs.len()).sum::<usize>() + follows;
    if folded > 0 {
        let verb = if folded == 1 { "follows" } else { "follow" };
        found.push(format!("left out: {} that {verb} from it", plural(folded, "message")));
    }
    let found = found.iter().map(|line| cut(&one_line(line), EVIDENCE)).collect();
    Some(Answer { cause: format!("{cause}{share}"), found, help })
}

/// What to do where nothing is known.
const UNKNOWN: &str = "look at the service's events and at the stopped tasks in the ECS console, which keeps \
                       them for an hour; `ecs-private-deploy doctor` says whether the tasks can start, and what mends the network";

/// The signs that say something, by what they have in common.
fn groups(signs: &[Sign]) -> Vec<Group<'_>> {
    let mut groups: Vec<(String, Group<'_>)> = Vec::new();
    for (at, sign) in signs.iter().enumerate() {
        let kind = match &sign.told {
            Told::Cause(reading) => reading.kind(),
            Told::Unknown => read::kind(&headline(&sign.text)),
            Told::Follows | Told::Routine => continue,
        };
        match groups.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, group)) => group.signs.push(sign),
            None => groups.push((kind, Group { signs: vec![sign], at })),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

/// Puts first what explains the first.
fn lift(groups: &mut [Group<'_>]) {
    for _ in 0..groups.len() {
        let Some(first) = groups.first().and_then(Group::cause) else { return };
        let explains = |group: &Group<'_>| {
            group.cause().is_some_and(|cause| cause != first && cause.explains(first))
        };
        let Some(at) = groups.iter().position(explains) else { return };
        groups[..=at].rotate_right(1);
    }
}

/// The words that a group stands on: a task's, else the first of the others.
fn evidence(group: &Group<'_>) -> Vec<String> {
    let is_task = |sign: &&&Sign| matches!(sign.by, By::Task(_));
    let tasks = group.tasks().count();
    let sign = group.signs.iter().find(is_task).unwrap_or(&group.signs[0]);
    let text = one_line(&sign.text);
    let line = match &sign.by {
        By::Task(id) if tasks > 1 => format!("{tasks} tasks stopped, {id} the first: {text}"),
        By::Task(id) => format!("task {id} stopped: {text}"),
        By::Target(address) => format!("target {address} is unwell: {text}"),
        By::Event => format!("event: {text}"),
        By::Log => format!("its log says: {text}"),
        By::Deployment => format!("ECS says: {text}"),
    };
    vec![line]
}

#[cfg(test)]
mod tests;
