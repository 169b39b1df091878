//! One comment per pull request and marker, edited in place.
//!
//! Ours is the oldest comment that begins with the marker and that we wrote. Someone else's is left
//! alone: anybody can write a marker, and a token that may write may also edit what others wrote.

use crate::{
    error::Problem,
    github::{Client, Method, answer::Failure},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

/// GitHub allows 500 new or changed contents an hour, 80 a minute:
/// <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits>.
const PACE: Duration = Duration::from_secs(10);

/// How long the last body may wait once the run has ended; the reporters' last words end a little
/// later, and could no longer say why.
const LAST_WAIT: Duration = Duration::from_secs(8);

/// How often in a row GitHub may fail before the comment is given up.
const ATTEMPTS: u32 = 5;

/// The largest page that GitHub gives.
const PAGE: usize = 100;

/// Sends the first body and then the newest one, not more often than GitHub likes, and the last one
/// when the sender is gone. An error ends it; what it says is for the user.
pub async fn keep(
    client: &Client,
    number: u64,
    marker: &str,
    mut bodies: watch::Receiver<String>,
) -> Result<(), Problem> {
    let mut sticky = Sticky { client, number, marker, me: None, known: None, created: None };
    let mut sent: Option<String> = None;
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
        let body = bodies.borrow_and_update().clone();
        match sticky.put(&body).await {
            Ok(()) => {
                sent = Some(body);
                (failures, later) = (0, None);
                paced = Instant::now() + PACE;
            }
            Err(Failure::Later { wait, problem }) if failures + 1 < ATTEMPTS => {
                // Longer each time, as GitHub asks for.
                later = Some((Instant::now() + wait * 2_u32.pow(failures), problem));
                failures += 1;
            }
            Err(failure) => return Err(given_up(number, failure.into_problem())),
        }
    }
}

async fn closed(bodies: &mut watch::Receiver<String>) {
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
    /// Makes our comment say this.
    async fn put(&mut self, body: &str) -> Result<(), Failure> {
        if let Some(id) = self.known {
            match self.edit(id, body).await {
                // Someone deleted it.
                Err(Failure::Missing(_)) => self.known = None,
                result => return result,
            }
        }
        let mut oldest = self.find().await?;
        let fresh = oldest.is_none();
        if fresh {
            let created = self.create(body).await?;
            self.created = Some(created);
            // Another run may have done the same in between: then the older one stays.
            oldest = self.find().await?;
        }
        let known = oldest.or(self.created);
        if let Some(created) = self.created.filter(|id| Some(*id) != known) {
            self.delete(created).await?;
        }
        let made_now = fresh && self.created == known;
        self.created = None;
        self.known = known;
        match known {
            Some(id) if !made_now => self.edit(id, body).await,
            _ => Ok(()),
        }
    }

    /// The oldest comment that is ours.
    async fn find(&mut self) -> Result<Option<u64>, Failure> {
        let marked = self.marked().await?;
        if marked.is_empty() {
            return Ok(None);
        }
        let me = match self.me {
            Some(me) => me,
            None => *self.me.insert(self.who().await?),
        };
        Ok(marked.iter().filter(|comment| is_by(me, comment)).map(|comment| comment.id).min())
    }

    /// Every comment that begins with the marker, whoever wrote it.
    async fn marked(&self) -> Result<Vec<Comment>, Failure> {
        let mut marked = Vec::new();
        for page in 1.. {
            let path = format!("/{}/comments?per_page={PAGE}&page={page}", self.number);
            let path = self.client.path(&path);
            let answer = self.client.ask(Method::Get, &path, None).await?;
            let comments: Vec<Comment> = parse(answer.body)?;
            marked.extend(comments.into_iter().filter(|comment| is_marked(self.marker, comment)));
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

    async fn create(&mut self, body: &str) -> Result<u64, Failure> {
        let path = self.client.path(&format!("/{}/comments", self.number));
        let body = json!({ "body": body });
        let made: Comment = parse(self.client.ask(Method::Post, &path, Some(&body)).await?.body)?;
        // The answer names the author, also where it is an app.
        self.me = made.user.map(|user| Me::User(user.id)).or(self.me);
        Ok(made.id)
    }

    async fn edit(&self, id: u64, body: &str) -> Result<(), Failure> {
        let path = self.client.path(&format!("/comments/{id}"));
        let body = json!({ "body": body });
        self.client.ask(Method::Patch, &path, Some(&body)).await.map(drop)
    }

    async fn delete(&self, id: u64) -> Result<(), Failure> {
        let path = self.client.path(&format!("/comments/{id}"));
        match self.client.ask(Method::Delete, &path, None).await {
            Ok(_) | Err(Failure::Missing(_)) => Ok(()),
            Err(failure) => Err(failure),
        }
    }
}

fn is_marked(marker: &str, comment: &Comment) -> bool {
    comment.body.as_ref().and_then(|body| body.lines().next()).is_some_and(|line| line == marker)
}

fn is_by(me: Me, Comment { user, .. }: &Comment) -> bool {
    user.as_ref().is_some_and(|user| match me {
        Me::User(id) => user.id == id,
        Me::App => user.kind == "Bot",
    })
}

fn parse<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, Failure> {
    serde_json::from_value(value).map_err(|why| {
        Failure::Never(Problem::new(format!("GitHub's answer has another form: {why}")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comment(body: &str, id: u64, kind: &str) -> Comment {
        Comment { id: 1, body: Some(body.into()), user: Some(User { id, kind: kind.into() }) }
    }

    #[test]
    fn a_comment_is_ours_by_its_first_line_and_its_author() {
        let marker = "<!-- ecs-private-deploy:web -->";
        let ours = |body| is_marked(marker, &comment(body, 1, "Bot"));
        assert!(ours("<!-- ecs-private-deploy:web -->\r\nx") && ours(marker));
        assert!(!ours("> <!-- ecs-private-deploy:web -->") && !ours(""));
        assert!(!ours("<!-- ecs-private-deploy:web:prod -->\nx"));

        let by = |me, id, kind| is_by(me, &comment("", id, kind));
        assert!(by(Me::User(7), 7, "User") && by(Me::User(7), 7, "Bot"));
        assert!(!by(Me::User(7), 8, "User") && !by(Me::User(7), 8, "Bot"));
        assert!(by(Me::App, 8, "Bot") && !by(Me::App, 8, "User"));
        assert!(!is_by(Me::App, &Comment { id: 1, body: None, user: None }));
    }
}
