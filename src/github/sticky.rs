//! One comment per pull request and marker, edited in place.
//!
//! Ours is the oldest comment that begins with the marker and that we wrote. Someone else's is left
//! alone: anybody can write a marker, and a token that may write may also edit what others wrote.

pub mod marks;

use crate::{
    error::Problem,
    github::{
        Client, Method,
        answer::Failure,
        parse,
        patience::{ATTEMPTS, LAST_WAIT, longer},
    },
};
use serde::Deserialize;
use serde_json::json;
use std::{collections::BTreeSet, time::Duration};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

/// GitHub allows 500 new or changed contents an hour, 80 a minute:
/// <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits>.
const PACE: Duration = Duration::from_secs(10);

/// The largest page that GitHub gives.
const PAGE: usize = 100;

/// What the comment is to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// The marker's line, the line of the run that writes, and the rest.
    pub text: String,
    /// Whether the comment is made where there is none.
    pub creates: bool,
    /// Whether it is left as it is where another run wrote it last: that one knows better.
    pub yields: bool,
}

/// Sends the first body and then the newest one, not more often than GitHub likes, and the last one
/// when the sender is gone.
///
/// # Errors
/// GitHub refuses it, or asks to wait for too long; what the problem says is for the user.
pub async fn keep(
    client: &Client,
    number: u64,
    marker: &str,
    mut bodies: watch::Receiver<Body>,
) -> Result<(), Problem> {
    let mut sticky =
        Sticky { client, number, marker, me: None, known: None, created: None, is_new: false };
    let mut sent: Option<Body> = None;
    let mut paced = Instant::now();
    let mut later: Option<(Instant, Problem)> = None;
    let (mut open, mut failures) = (true, 0);
    loop {
        if sent.as_ref() == Some(&*bodies.borrow()) {
            if !open {
                return Ok(());
            }
            open = bodies.changed().await.is_ok();
            continue;
        }
        if open {
            let next = later.as_ref().map_or(paced, |(until, _)| paced.max(*until));
            tokio::select! {
                () = sleep_until(next) => {}
                () = closed(&mut bodies) => open = false,
            }
        }
        // The last body waits for nothing but GitHub's word.
        if !open && let Some((until, problem)) = &later {
            if *until > Instant::now() + LAST_WAIT {
                return Err(given_up(number, problem.clone()));
            }
            sleep_until(*until).await;
        }
        if !open && std::mem::take(&mut sticky.is_new) {
            // GitHub may have listed the comment of another run too late to be seen after this one's.
            sticky.known = None;
        }
        let body = bodies.borrow_and_update().clone();
        match sticky.put(&body).await {
            Ok(()) => {
                sent = Some(body);
                (failures, later) = (0, None);
                paced = Instant::now() + PACE;
            }
            Err(Failure::Later { wait, problem }) if failures + 1 < ATTEMPTS => {
                later = Some((Instant::now() + longer(wait, failures), problem));
                failures += 1;
            }
            Err(failure) => return Err(given_up(number, failure.into_problem())),
        }
    }
}

async fn closed(bodies: &mut watch::Receiver<Body>) {
    while bodies.changed().await.is_ok() {}
}

fn given_up(number: u64, problem: Problem) -> Problem {
    let what = format!("the comment on pull request {number} is given up: {}", problem.what);
    Problem { what, ..problem }
}

/// What is known of our comment.
struct Sticky<'a> {
    client: &'a Client,
    number: u64,
    marker: &'a str,
    me: Option<Me>,
    known: Option<u64>,
    /// The comment that this run made, until it is known to be the only one.
    created: Option<u64>,
    /// Whether this run made the comment, and has not looked for a second one since.
    is_new: bool,
}

/// Whose token this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Me {
    /// The user of this id, which a bot also has.
    User(u64),
    /// An app whose name the token does not tell.
    App,
}

#[derive(Debug, Deserialize)]
struct Comment {
    id: u64,
    body: Option<String>,
    user: Option<User>,
}

#[derive(Debug, Deserialize)]
struct User {
    id: u64,
    #[serde(rename = "type")]
    kind: String,
}

impl Sticky<'_> {
    /// Makes our comment say this, and the only one that says it.
    async fn put(&mut self, body: &Body) -> Result<(), Failure> {
        if let Some(id) = self.known {
            match self.edit_known(id, body).await {
                // Someone deleted it.
                Err(Failure::Missing(_)) => self.known = None,
                result => return result,
            }
        }
        let mut ours = self.find().await?;
        let mut made_now = false;
        if ours.is_empty() && self.created.is_none() {
            if !body.creates {
                return Ok(());
            }
            self.created = Some(self.create(&body.text).await?);
            (made_now, self.is_new) = (true, true);
            // Another run may have done the same in between: then the older one stays.
            ours = self.find().await?;
        }
        let Some(known) = ours.first().map(|comment| comment.id).or(self.created) else {
            return Ok(());
        };
        let made = self.created.into_iter();
        let others: BTreeSet<_> = ours.iter().map(|comment| comment.id).chain(made).collect();
        for id in others.into_iter().filter(|id| *id != known) {
            self.delete(id).await?;
        }
        let made_now = made_now && self.created == Some(known);
        self.created = None;
        self.known = Some(known);
        let is_others =
            ours.first().is_some_and(|found| marks::is_others(&body.text, found.body.as_deref()));
        if made_now || (body.yields && is_others) {
            return Ok(());
        }
        self.edit(known, &body.text).await
    }

    /// Edits our comment, whose number is known.
    async fn edit_known(&self, id: u64, body: &Body) -> Result<(), Failure> {
        if body.yields {
            let path = self.client.issue(&format!("/comments/{id}"));
            let found: Comment = parse(self.client.ask(Method::Get, &path, None).await?.body)?;
            if marks::is_others(&body.text, found.body.as_deref()) {
                return Ok(());
            }
        }
        self.edit(id, &body.text).await
    }

    /// The comments that are ours, the oldest first. There is more than one where two runs made it at the
    /// same time, or one was killed before it could look.
    async fn find(&mut self) -> Result<Vec<Comment>, Failure> {
        let mut marked = self.marked().await?;
        if marked.is_empty() {
            return Ok(marked);
        }
        let me = match self.me {
            Some(me) => me,
            None => *self.me.insert(self.who().await?),
        };
        marked.retain(|comment| is_by(me, comment));
        marked.sort_by_key(|comment| comment.id);
        // Which app is ours is not known, so it is the one that wrote first.
        let author = marked.first().and_then(author);
        marked.retain(|comment| self::author(comment) == author);
        Ok(marked)
    }

    /// Every comment that begins with the marker, whoever wrote it.
    async fn marked(&self) -> Result<Vec<Comment>, Failure> {
        let mut marked = Vec::new();
        for page in 1.. {
            let path = format!("/{}/comments?per_page={PAGE}&page={page}", self.number);
            let path = self.client.issue(&path);
            let answer = self.client.ask(Method::Get, &path, None).await?;
            let comments: Vec<Comment> = parse(answer.body)?;
            marked.extend(
                comments
                    .into_iter()
                    .filter(|comment| marks::is_marked(self.marker, comment.body.as_deref())),
            );
            if !answer.has_more {
                break;
            }
        }
        Ok(marked)
    }

    /// Whose token this is. GitHub tells a user; it refuses to tell the token of an app's
    /// installation, as `GITHUB_TOKEN` is one
    /// (<https://docs.github.com/en/rest/authentication/endpoints-available-for-github-app-installation-access-tokens>).
    async fn who(&self) -> Result<Me, Failure> {
        match self.client.ask(Method::Get, "/user", None).await {
            Ok(user) => Ok(Me::User(parse::<User>(user.body)?.id)),
            Err(Failure::Forbidden(_) | Failure::Missing(_)) => Ok(Me::App),
            Err(failure) => Err(failure),
        }
    }

    async fn create(&mut self, text: &str) -> Result<u64, Failure> {
        let path = self.client.issue(&format!("/{}/comments", self.number));
        let body = json!({ "body": text });
        let made: Comment = parse(self.client.ask(Method::Post, &path, Some(&body)).await?.body)?;
        // The answer names the author, also where it is an app.
        self.me = made.user.map(|user| Me::User(user.id)).or(self.me);
        Ok(made.id)
    }

    async fn edit(&self, id: u64, text: &str) -> Result<(), Failure> {
        let path = self.client.issue(&format!("/comments/{id}"));
        let body = json!({ "body": text });
        self.client.ask(Method::Patch, &path, Some(&body)).await.map(drop)
    }

    async fn delete(&self, id: u64) -> Result<(), Failure> {
        let path = self.client.issue(&format!("/comments/{id}"));
        match self.client.ask(Method::Delete, &path, None).await {
            Ok(_) | Err(Failure::Missing(_)) => Ok(()),
            Err(failure) => Err(failure),
        }
    }
}

fn is_by(me: Me, Comment { user, .. }: &Comment) -> bool {
    user.as_ref().is_some_and(|user| match me {
        Me::User(id) => user.id == id,
        Me::App => user.kind == "Bot",
    })
}

fn author(comment: &Comment) -> Option<u64> {
    comment.user.as_ref().map(|user| user.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_is_ours_by_its_author() {
        let by = |me, id, kind: &str| {
            let user = Some(User { id, kind: kind.into() });
            is_by(me, &Comment { id: 1, body: None, user })
        };
        assert!(by(Me::User(7), 7, "User") && by(Me::User(7), 7, "Bot"));
        assert!(!by(Me::User(7), 8, "User") && !by(Me::User(7), 8, "Bot"));
        assert!(by(Me::App, 8, "Bot") && !by(Me::App, 8, "User"));
        assert!(!is_by(Me::App, &Comment { id: 1, body: None, user: None }));
    }
}
