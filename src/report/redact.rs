//! Takes secrets and control characters out of everything that is told, in this one place.
//!
//! Control characters go first: an escape sequence in the middle of a secret would hide it.

use crate::{
    address::Address,
    error::Problem,
    event::{Event, Outcome, Outputs, Span, Verdict},
    network::addresses::Line,
    plan::view::{Row, View},
    secret::Secrets,
};
use serde_json::Value;

/// The event as it may be told.
pub fn event(event: &Event, secrets: &Secrets) -> Event {
    Redactor { secrets, keeps_hidden: false }.event(event)
}

/// The same for the steps that come after: what is only hidden from people stays.
pub fn event_for_outputs(event: &Event, secrets: &Secrets) -> Event {
    Redactor { secrets, keeps_hidden: true }.event(event)
}

/// The plan as it may be told.
pub fn plan(plan: &View, secrets: &Secrets) -> View {
    Redactor { secrets, keeps_hidden: false }.plan(plan)
}

/// The problem as it may be told.
pub fn problem(problem: &Problem, secrets: &Secrets) -> Problem {
    Redactor { secrets, keeps_hidden: false }.problem(problem)
}

struct Redactor<'a> {
    secrets: &'a Secrets,
    keeps_hidden: bool,
}

impl Redactor<'_> {
    fn event(&self, event: &Event) -> Event {
        let r = self;
        match event {
            Event::Phase(phase) => Event::Phase(*phase),
            Event::Planned(plan) => Event::Planned(r.plan(plan).into()),
            Event::StepStarted(address) => Event::StepStarted(r.address(address)),
            Event::TaskStarted { address, task, is_new } => Event::TaskStarted {
                address: r.address(address),
                task: r.text(task),
                is_new: *is_new,
            },
            Event::StepDone { address, id, took } => {
                Event::StepDone { address: r.address(address), id: r.text(id), took: *took }
            }
            Event::StepFailed { address, problem } => {
                Event::StepFailed { address: r.address(address), problem: r.problem(problem) }
            }
            Event::StepSkipped { address, waits_for } => {
                Event::StepSkipped { address: r.address(address), waits_for: r.address(waits_for) }
            }
            Event::Line { source, text } => {
                Event::Line { source: *source, text: r.text(text).replace('\n', " ") }
            }
            Event::Warning(text) => Event::Warning(r.text(text)),
            Event::Rollout(state) => {
                let mut state = state.clone();
                state.deployment = r.text(&state.deployment);
                state.stage = r.option(state.stage.as_ref());
                for (word, _) in state.tasks.iter_mut().chain(&mut state.targets) {
                    *word = r.text(word);
                }
                Event::Rollout(state)
            }
            Event::Swept(outcome) => Event::Swept(Box::new(r.outcome(outcome))),
            Event::Finished(outcome) => Event::Finished(Box::new(r.outcome(outcome))),
        }
    }

    fn text(&self, text: &str) -> String {
        let text = clean(text);
        if self.keeps_hidden {
            self.secrets.redact_for_outputs(&text)
        } else {
            self.secrets.redact(&text)
        }
    }

    fn texts(&self, texts: &[String]) -> Vec<String> {
        texts.iter().map(|text| self.text(text)).collect()
    }

    fn option(&self, text: Option<&String>) -> Option<String> {
        text.map(|text| self.text(text))
    }

    fn address(&self, address: &Address) -> Address {
        Address::new(address.kind, self.text(&address.name))
    }

    fn problem(&self, Problem { what, found, help }: &Problem) -> Problem {
        Problem {
            what: self.text(what),
            found: self.texts(found),
            help: self.option(help.as_ref()),
        }
    }

    fn value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(items) => items.iter().map(|item| self.value(item)).collect(),
            Value::Object(fields) => {
                fields.iter().map(|(key, value)| (self.text(key), self.value(value))).collect()
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }

    fn plan(&self, plan: &View) -> View {
        let View { steps, unchanged, warnings, cost, addresses, picture } = plan;
        let step = |step: &Row| Row {
            reason: self.text(&step.reason),
            before: self.value(&step.before),
            after: self.value(&step.after),
            ..step.clone()
        };
        View {
            steps: steps.iter().map(|(address, s)| (self.address(address), step(s))).collect(),
            unchanged: *unchanged,
            warnings: self.texts(warnings),
            cost: self.option(cost.as_ref()),
            addresses: addresses.iter().map(|line| self.line(line)).collect(),
            picture: self.option(picture.as_ref()),
        }
    }

    fn line(&self, line: &Line) -> Line {
        Line {
            subnet: self.text(&line.subnet),
            zone: self.text(&line.zone),
            cidr: self.text(&line.cidr),
            too_small: self.option(line.too_small.as_ref()),
            ..*line
        }
    }

    fn verdict(&self, verdict: &Verdict) -> Verdict {
        match verdict {
            Verdict::Succeeded => Verdict::Succeeded,
            Verdict::RolledBack(problem) => Verdict::RolledBack(self.problem(problem)),
            Verdict::Failed(problem) => Verdict::Failed(self.problem(problem)),
            Verdict::Stopped(problem) => Verdict::Stopped(self.problem(problem)),
            Verdict::Superseded { by, whose } => {
                Verdict::Superseded { by: self.text(by), whose: self.problem(whose) }
            }
            Verdict::TimedOut(problem) => Verdict::TimedOut(self.problem(problem)),
        }
    }

    fn outputs(&self, outputs: &Outputs) -> Outputs {
        let Outputs {
            url,
            image,
            image_digest,
            task_definition_arn,
            service_arn,
            cluster_arn,
            load_balancer_dns,
            changed,
        } = outputs;
        Outputs {
            url: self.option(url.as_ref()),
            image: self.option(image.as_ref()),
            image_digest: self.option(image_digest.as_ref()),
            task_definition_arn: self.option(task_definition_arn.as_ref()),
            service_arn: self.option(service_arn.as_ref()),
            cluster_arn: self.option(cluster_arn.as_ref()),
            load_balancer_dns: self.option(load_balancer_dns.as_ref()),
            changed: *changed,
        }
    }

    fn outcome(&self, outcome: &Outcome) -> Outcome {
        let Outcome {
            command,
            service,
            preview,
            neutral,
            plan,
            verdict,
            error,
            changed,
            is_cancelled,
            outputs,
            cost,
            timeline,
            exit_code,
        } = outcome;
        Outcome {
            command: *command,
            service: self.text(service),
            preview: *preview,
            neutral: neutral.as_ref().map(|neutral| self.problem(neutral)),
            plan: plan.as_ref().map(|plan| self.plan(plan).into()),
            verdict: verdict.as_ref().map(|verdict| self.verdict(verdict)),
            error: error.as_ref().map(|error| self.problem(error)),
            changed: *changed,
            is_cancelled: *is_cancelled,
            outputs: self.outputs(outputs),
            cost: self.option(cost.as_ref()),
            timeline: timeline
                .iter()
                .map(|span| Span { name: self.text(&span.name), ..span.clone() })
                .collect(),
            exit_code: *exit_code,
        }
    }
}

/// The text without what moves a cursor, colours, rings, or turns the reading direction; lines and
/// tabs stay.
fn clean(text: &str) -> String {
    let text = anstream::adapter::strip_str(text).to_string().replace("\r\n", "\n");
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars()
        .map(|c| if c == '\r' { ' ' } else { c })
        .filter(|c| matches!(c, '\n' | '\t') || !(c.is_control() || turns(*c)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{address::Kind, event::Source, secret::Secret};
    use serde_json::json;
    use std::time::Duration;

    const SECRET: &str = "hunter2";

    fn redacted(told: &Event) -> String {
        let secrets = Secrets::default();
        secrets.add(&Secret::new(SECRET));
        format!("{:?}", event(told, &secrets))
    }

    #[test]
    fn no_field_of_any_event_keeps_a_secret() {
        let s = || SECRET.to_owned();
        let problem = || Problem::new(SECRET).found(SECRET).help(SECRET);
        let address = || Address::new(Kind::Service, SECRET);
        let step = Row {
            reason: s(),
            action: "create",
            before: json!({ SECRET: [SECRET] }),
            after: json!(SECRET),
        };
        let plan = View {
            steps: [(address(), step)].into_iter().collect(),
            unchanged: 0,
            cost: Some(s()),
            warnings: vec![s()],
            addresses: vec![Line {
                subnet: s(),
                zone: s(),
                cidr: s(),
                free: 1,
                endpoints: 1,
                tasks: 1,
                load_balancer: 1,
                too_small: Some(s()),
            }],
            picture: Some(s()),
        };
        let outputs = Outputs {
            url: Some(s()),
            image: Some(s()),
            image_digest: Some(s()),
            task_definition_arn: Some(s()),
            service_arn: Some(s()),
            cluster_arn: Some(s()),
            load_balancer_dns: Some(s()),
            changed: true,
        };
        let outcome = |verdict| {
            Event::Finished(Box::new(Outcome {
                service: s(),
                plan: Some(plan.clone().into()),
                verdict: Some(verdict),
                error: Some(problem()),
                neutral: Some(problem()),
                outputs: outputs.clone(),
                cost: Some(s()),
                timeline: vec![Span { name: s(), start: Duration::ZERO, end: Duration::ZERO }],
                ..Outcome::default()
            }))
        };
        let events = [
            Event::Planned(plan.clone().into()),
            Event::StepStarted(address()),
            Event::TaskStarted { address: address(), task: s(), is_new: true },
            Event::StepDone { address: address(), id: s(), took: Duration::ZERO },
            Event::StepFailed { address: address(), problem: problem() },
            Event::StepSkipped { address: address(), waits_for: address() },
            Event::Line { source: Source::Build, text: s() },
            Event::Warning(s()),
            outcome(Verdict::RolledBack(problem())),
            outcome(Verdict::Failed(problem())),
            outcome(Verdict::Stopped(problem())),
            outcome(Verdict::Superseded { by: s(), whose: problem() }),
            outcome(Verdict::TimedOut(problem())),
            Event::Swept(Box::new(Outcome { error: Some(problem()), ..Outcome::default() })),
        ];
        for told in events {
            let text = redacted(&told);
            assert!(text.contains("***") && !text.contains(SECRET), "{text}");
        }
    }

    #[test]
    fn what_is_hidden_from_people_reaches_the_outputs() {
        let secrets = Secrets::default();
        secrets.add(&Secret::new(SECRET));
        secrets.hide(&Secret::new("123456789012"));
        let told = Event::Warning(format!("{SECRET} of 123456789012"));
        assert!(secrets.hides() && secrets.all().len() == 2);
        let text = |event: Event| format!("{event:?}");
        assert_eq!(text(event(&told, &secrets)), r#"Warning("*** of ***")"#);
        assert_eq!(text(event_for_outputs(&told, &secrets)), r#"Warning("*** of 123456789012")"#);
    }

    #[test]
    fn control_characters_go_and_cannot_hide_a_secret() {
        let line = |text: &str| Event::Line { source: Source::Build, text: text.to_owned() };
        insta::assert_snapshot!(
            redacted(&line("\u{1b}[31mhun\u{1b}[0mter2\u{7}\u{202e}\r10%\r\n::error::x")),
            @r#"Line { source: Build, text: "*** 10% ::error::x" }"#
        );
    }
}
