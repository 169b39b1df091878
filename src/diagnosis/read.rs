//! Reads what AWS says: the stage that failed, the reason behind it, and what it names.
//!
//! A text that was cut, or whose order is lost, gives the same cause or none: each row of the table wants
//! several words in their order, and a name that the text may end inside of does not count.

use super::{
    cause::Cause,
    extract::{self, Dial},
    health,
    line::{bare, normal},
    reading::{Reading, Service},
    wordings::{FOLLOWS, ROUTINE, WORDINGS, Wording},
};
use crate::network::net::Net;
use std::net::IpAddr;

/// What a text turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// A cause.
    Cause(Box<Reading>),
    /// A consequence, of which the cause stands elsewhere.
    Follows,
    /// Nothing that failed.
    Routine,
    /// It is not known.
    Unknown,
}

impl Told {
    /// The cause, where it is one.
    pub fn cause(&self) -> Option<&Reading> {
        match self {
            Self::Cause(reading) => Some(reading),
            Self::Follows | Self::Routine | Self::Unknown => None,
        }
    }

    fn of(cause: Cause) -> Self {
        Self::Cause(Box::new(Reading::new(cause)))
    }
}

/// A stopped task's reason, a container's, an event of the service, a deployment's reason.
pub fn read(text: &str) -> Told {
    let text = normal(text);
    let lower = text.to_ascii_lowercase();
    if let Some((name, code, reason)) = own(&text) {
        return Told::Cause(Box::new(exit(name, code, reason)));
    }
    let reading =
        answered(&text).or_else(|| health::unhealthy(&text)).or_else(|| worded(&text, &lower));
    if let Some(reading) = reading {
        return Told::Cause(Box::new(reading));
    }
    let rest = bare(text.trim_end_matches('.')).to_ascii_lowercase();
    match rest.as_str() {
        // <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages-list.html>
        "internal error" if lower.contains("unable to place a task. reason: ") => {
            return Told::of(Cause::ZoneUnsupported);
        }
        "essential container in task exited" => return Told::of(Cause::Ended),
        _ => {}
    }
    let is = |words: &[&str]| words.iter().any(|words| lower.contains(words));
    if is(FOLLOWS) {
        Told::Follows
    } else if is(ROUTINE) {
        Told::Routine
    } else {
        Told::Unknown
    }
}

/// Whether ECS stopped a task because a deployment or scaling wanted it so.
pub fn is_routine(reason: &str) -> bool {
    ["Scaling activity initiated by", "Service scaling down", "Deployment completed"]
        .iter()
        .any(|start| reason.starts_with(start))
}

/// Whether an event that is not known sounds like something that keeps tasks from running.
pub fn sounds_bad(message: &str) -> bool {
    const SIGNS: [&str; 7] =
        ["unable to", "unhealthy", "failed", "error", "throttled", "limit", "unavailable"];
    let message = message.to_lowercase();
    SIGNS.iter().any(|sign| message.contains(sign))
}

/// The end of a container: by its code, and by ECS's words where there are any.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html>
/// <https://docs.docker.com/engine/containers/run/#exit-status>
pub fn exit(container: &str, code: i32, reason: &str) -> Reading {
    let reason = normal(reason);
    let told = worded(&reason, &reason.to_ascii_lowercase());
    let cause = match (told.map(|told| told.cause), code) {
        (Some(cause), _) if cause.is_end() || cause == Cause::ImagePlatform => cause,
        (_, 0) => Cause::Finished,
        (_, 126 | 127) => Cause::CommandMissing,
        (_, 137) => Cause::Killed,
        (_, 139) => Cause::Segfault,
        (_, 143) => Cause::Terminated,
        _ => Cause::Crashed,
    };
    Reading { resource: Some(container.to_owned()), exit_code: Some(code), ..Reading::new(cause) }
}

/// A line of a container's log; of these only the one that a process leaves that could not begin.
pub fn log_line(container: &str, code: Option<i32>, line: &str) -> Option<Reading> {
    let is_format = normal(line).to_ascii_lowercase().contains("exec format error");
    is_format.then(|| Reading {
        resource: Some(container.to_owned()),
        exit_code: code,
        ..Reading::new(Cause::ImagePlatform)
    })
}

/// What two texts about the same failure have in common: ids, addresses, times and counts differ from task
/// to task.
pub fn kind(text: &str) -> String {
    if let Told::Cause(reading) = read(text) {
        return reading.kind();
    }
    let line = normal(text).to_ascii_lowercase();
    let is_name =
        |word: &&str| !word.contains(|c: char| c.is_ascii_digit() || matches!(c, '/' | '@'));
    line.split(' ').filter(is_name).take(20).collect::<Vec<_>>().join(" ")
}

/// What the first of these texts that says enough advises.
pub fn advice<'a>(texts: impl IntoIterator<Item = &'a str>) -> Option<&'static str> {
    texts.into_iter().find_map(|text| Some(read(text).cause()?.cause.advice()))
}

/// This program's own words for a container's end.
fn own(text: &str) -> Option<(&str, i32, &str)> {
    let (name, rest) = text.strip_prefix("container `")?.split_once("` exited with code ")?;
    let (code, reason) = rest.split_once(": ").unwrap_or((rest, ""));
    Some((name, code.parse().ok()?, reason))
}

fn worded(text: &str, lower: &str) -> Option<Reading> {
    let row = WORDINGS.iter().find(|row| fits(row, lower))?;
    let mut reading = Reading {
        service: row.about,
        is_pull: lower.contains("cannotpullcontainer") || lower.contains("pull the image"),
        dial: extract::dial(text),
        host: extract::host(text).map(str::to_owned),
        action: extract::behind(text, &["is not authorized to perform: "]).map(str::to_owned),
        role: role(text),
        ..Reading::new(row.cause)
    };
    if reading.cause == Cause::Unreachable && row.about.is_none() {
        reading.service = asked(&reading, text, lower);
    }
    reading.resource = resource(reading.cause, text);
    Some(reading)
}

fn fits(row: &Wording, lower: &str) -> bool {
    row.stage.iter().any(|stage| {
        lower.find(stage).is_some_and(|at| {
            let rest = &lower[at + stage.len()..];
            row.then.is_empty() || row.then.iter().any(|then| rest.contains(then))
        })
    })
}

/// The wordings of the image's fetch, which stands in the URL: who was asked, and for what.
fn asked(reading: &Reading, text: &str, lower: &str) -> Option<Service> {
    if !reading.is_pull {
        return Service::of_host(reading.host.as_deref()?);
    }
    let is_copy = COPY.iter().any(|copy| lower.contains(copy));
    // A redirect from the registry to the bucket is told with the first address's name.
    let by_address = match reading.dial {
        Some(Dial::To(address)) if is_copy && !is_private(address) => Some(Service::S3),
        _ => None,
    };
    let Some(host) = reading.host.as_deref() else {
        let is_outside = image(text).is_some_and(|image| is_elsewhere(&image));
        return if is_outside { Some(Service::Outside) } else { by_address };
    };
    match Service::of_host(host) {
        Some(Service::EcrDkr) => {
            let path = extract::path(text)?;
            let is_manifest = path == "/v2/" || path.contains("/manifests/");
            if is_manifest { Some(Service::EcrDkr) } else { by_address }
        }
        Some(service) => Some(service),
        None => Some(Service::Outside),
    }
}

/// Whether an image is in a registry that is not AWS's; Docker Hub's have no host.
fn is_elsewhere(image: &str) -> bool {
    let host = image.split('/').next().unwrap_or_default();
    Service::of_host(host).is_none()
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => Net::host(address).is_private(),
        IpAddr::V6(_) => false,
    }
}

/// The registry or the bucket answered, but with a refusal.
fn answered(text: &str) -> Option<Reading> {
    let status = extract::status(text)?;
    let lower = text.to_ascii_lowercase();
    lower.contains("cannotpullcontainer").then_some(())?;
    let host = extract::host(text);
    let cause = match status {
        403 if is_of_layers(host, text, &lower)? => Cause::LayersRefused,
        401 | 403 => Cause::ImageDenied,
        404 => Cause::ImageMissing,
        429 => Cause::ImageThrottled,
        _ => return None,
    };
    Some(Reading {
        service: (cause == Cause::LayersRefused).then_some(Service::S3),
        is_pull: true,
        host: host.map(str::to_owned),
        resource: image(text),
        ..Reading::new(cause)
    })
}

/// Whether the layers are what was asked for, and not the manifest; `None` where neither is told. The bucket's
/// answer stands behind the registry's address, which led there.
fn is_of_layers(host: Option<&str>, text: &str, lower: &str) -> Option<bool> {
    let Some(host) = host else {
        let is_copy = COPY.iter().any(|copy| lower.contains(copy));
        let is_manifest = lower.contains("failed to resolve ref");
        return (is_copy || is_manifest).then_some(is_copy);
    };
    match Service::of_host(host) {
        Some(Service::S3) => Some(true),
        Some(_) => {
            let path = extract::path(text)?;
            let is_layer = path.contains("/blobs/");
            (is_layer || path.contains("/manifests/")).then_some(is_layer)
        }
        None => Some(false),
    }
}

/// The image's fetch past its manifest.
const COPY: [&str; 2] = [
    "failed to copy: httpreaderseeker: failed open",
    "failed to copy: httpreadseeker: failed open",
];

fn image(text: &str) -> Option<String> {
    let marks = [
        "failed to resolve ref ",
        "failed to resolve reference ",
        "The task cannot pull ",
        "pull access denied for ",
        "manifest for ",
        ": repository ",
    ];
    let image = extract::behind(text, &marks)?;
    image.contains(['/', ':', '.']).then(|| image.to_owned())
}

/// Who is refused: `User: arn:aws:sts::1:assumed-role/NAME/session`, as the role's name.
fn role(text: &str) -> Option<String> {
    let user = extract::behind(text, &["User: "])?;
    let session = user.split_once(":assumed-role/").map(|(_, session)| session);
    Some(session.and_then(|it| it.split('/').next()).unwrap_or(user).to_owned())
}

/// What is at fault, as AWS calls it.
fn resource(cause: Cause, text: &str) -> Option<String> {
    let on = || extract::last(text, "on resource: ");
    match cause {
        Cause::Unreachable
        | Cause::LayersRefused
        | Cause::ImageMissing
        | Cause::ImageDenied
        | Cause::ImagePlatform
        | Cause::ImageThrottled
        | Cause::ImageBroken => return image(text),
        Cause::SecretMissing
        | Cause::SecretKeyMissing
        | Cause::SecretMalformed
        | Cause::SecretDenied => {
            let arn = || extract::word(text, "arn:").filter(|arn| arn.contains(":secret"));
            on().or_else(|| extract::last(text, "invalid ssm parameters: ")).or_else(arn)
        }
        Cause::LogDenied | Cause::Denied => on(),
        Cause::RoleTrust => extract::within(text, "assume the role '", '\''),
        Cause::NoInterface => extract::word(text, "subnet-"),
        Cause::Volume => {
            extract::word(text, "fs-").map(|host| host.split_once('.').map_or(host, |(id, _)| id))
        }
        Cause::TargetHealth => extract::within(text, "(target-group ", ')'),
        _ => None,
    }
    .map(str::to_owned)
}
