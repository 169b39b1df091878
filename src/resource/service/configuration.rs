//! How ECS is told to bring a new version in place of the old one: its `deploymentConfiguration`, in one
//! normal form for what is wanted and what is there.

use crate::config::model::{EarlySuccess, Percent, Rollout, Shift, ShiftSteps, Strategy};
use aws_sdk_ecs::types::{
    CanaryConfiguration, DeploymentAlarms, DeploymentCircuitBreaker, DeploymentConfiguration,
    DeploymentEarlySuccessCriteria, DeploymentLifecycleHook, DeploymentLifecycleHookTargetType,
    DeploymentLifecycleHookTimeoutConfiguration, LinearConfiguration,
};
use serde::{Serialize, Serializer};
use std::{collections::BTreeSet, time::Duration};

/// ECS's own defaults, for what it does not tell.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html>
const ROLLING: &str = "ROLLING";
const LINEAR: (f64, i32) = (10.0, 6);
const CANARY: (f64, i32) = (5.0, 10);
const PAUSE_IN_MINUTES: i32 = 1440;

/// A service's deployment configuration. Names follow the ECS API.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html>
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Configuration {
    /// `ROLLING`, `BLUE_GREEN`, `LINEAR`, `CANARY`.
    pub strategy: String,
    /// Per cent of the desired count that keep running.
    pub minimum_healthy_percent: u32,
    /// Per cent of the desired count that may run.
    pub maximum_percent: u32,
    /// What becomes of a deployment whose tasks fail.
    pub circuit_breaker: Guard,
    /// CloudWatch alarms that end a deployment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alarms: Option<Alarms>,
    /// How long both versions run once all requests have moved; `None` where requests do not move.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bake_time_in_minutes: Option<u32>,
    /// What moves first, or at once; only `LINEAR` and `CANARY` have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<Step>,
    /// When a rolling update counts as successful.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub early_success: Option<Early>,
    /// Where ECS waits for somebody's word.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub pauses: BTreeSet<PauseHook>,
    /// Hooks that somebody else set up, with their Lambda functions; they stay.
    #[serde(skip)]
    pub other_hooks: Vec<DeploymentLifecycleHook>,
}

/// What a failure of a deployment leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Guard {
    /// Nothing: ECS tries again and again.
    Off,
    /// The deployment ends.
    On,
    /// The deployment ends, and the last version comes back.
    WithRollback,
}

impl Guard {
    const fn of(enable: bool, rollback: bool) -> Self {
        match (enable, rollback) {
            (false, _) => Self::Off,
            (true, false) => Self::On,
            (true, true) => Self::WithRollback,
        }
    }

    const fn is_on(self) -> bool {
        !matches!(self, Self::Off)
    }

    const fn rolls_back(self) -> bool {
        matches!(self, Self::WithRollback)
    }
}

/// CloudWatch alarms that end a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Alarms {
    /// Their names.
    pub names: BTreeSet<String>,
    /// What becomes of the deployment then.
    pub then: Guard,
}

/// One move of requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Step {
    /// Per cent of the requests.
    pub percent: Tenths,
    /// Until the next move.
    pub bake_time_in_minutes: u32,
}

/// A percentage, kept in tenths so that it compares; ECS takes no finer ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tenths(u32);

impl Tenths {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is held between 0 and 1000"
    )]
    fn of(percent: f64) -> Self {
        Self((percent * 10.0).round().clamp(0.0, 1000.0) as u32)
    }

    fn percent(self) -> f64 {
        f64::from(self.0) / 10.0
    }
}

impl Serialize for Tenths {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.percent())
    }
}

/// When a rolling update counts as successful.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Early {
    /// Per cent of the desired count that have to be healthy.
    pub healthy_percent: u32,
    /// `DEFERRED` or `BLOCKING`: whether the old tasks are stopped after the success or before.
    pub cleanup: String,
}

/// A place where ECS waits for somebody's word.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PauseHook {
    /// ECS's lifecycle stages.
    pub at: BTreeSet<String>,
    /// How long it waits.
    pub timeout_in_minutes: u32,
    /// `ROLLBACK` or `CONTINUE`.
    pub on_timeout: String,
}

fn minutes(time: Duration) -> u32 {
    u32::try_from(time.as_secs() / 60).unwrap_or(u32::MAX)
}

fn number(number: Option<i32>, default: i32) -> u32 {
    number.unwrap_or(default).try_into().unwrap_or(0)
}

impl Configuration {
    /// What the file asks for.
    pub fn desired(rollout: &Rollout) -> Self {
        let guard = Guard::of(true, rollout.rollback);
        let alarms = (!rollout.alarms.is_empty())
            .then(|| Alarms { names: rollout.alarms.clone(), then: guard });
        let base = Self {
            strategy: ROLLING.to_owned(),
            minimum_healthy_percent: rollout.minimum_healthy_percent,
            maximum_percent: rollout.maximum_percent,
            circuit_breaker: guard,
            alarms,
            bake_time_in_minutes: None,
            step: None,
            early_success: None,
            pauses: BTreeSet::new(),
            other_hooks: Vec::new(),
        };
        match &rollout.strategy {
            Strategy::Rolling { early_success } => {
                Self { early_success: early_success.map(early), ..base }
            }
            Strategy::Shift(shift) => base.shifting(shift),
        }
    }

    fn shifting(self, shift: &Shift) -> Self {
        let step = |percent: Percent, bake_time| {
            let bake_time_in_minutes = minutes(bake_time);
            Some(Step { percent: Tenths(percent.0), bake_time_in_minutes })
        };
        let (strategy, step) = match shift.steps {
            ShiftSteps::AllAtOnce => ("BLUE_GREEN", None),
            ShiftSteps::Linear { percent, bake_time } => ("LINEAR", step(percent, bake_time)),
            ShiftSteps::Canary { percent, bake_time } => ("CANARY", step(percent, bake_time)),
        };
        let pause = shift.pause.as_ref().map(|pause| PauseHook {
            at: pause.at.clone(),
            timeout_in_minutes: minutes(pause.timeout),
            on_timeout: if pause.continues { "CONTINUE" } else { "ROLLBACK" }.to_owned(),
        });
        Self {
            strategy: strategy.to_owned(),
            bake_time_in_minutes: Some(minutes(shift.bake_time)),
            step,
            pauses: pause.into_iter().collect(),
            ..self
        }
    }

    /// What ECS tells. What it leaves out has ECS's default.
    pub fn observed(found: &DeploymentConfiguration) -> Self {
        let strategy = found.strategy().map_or(ROLLING, |strategy| strategy.as_str()).to_owned();
        let breaker = found.deployment_circuit_breaker();
        let alarms = found.alarms().filter(|alarms| alarms.enable());
        let alarms = alarms.map(|alarms| Alarms {
            names: alarms.alarm_names().iter().cloned().collect(),
            then: Guard::of(true, alarms.rollback()),
        });
        let early = found.early_success_criteria().filter(|early| early.enable());
        let (pauses, others): (Vec<_>, Vec<_>) = found.lifecycle_hooks().iter().partition(|hook| {
            hook.target_type() == Some(&DeploymentLifecycleHookTargetType::Pause)
        });
        Self {
            minimum_healthy_percent: number(found.minimum_healthy_percent(), 100),
            maximum_percent: number(found.maximum_percent(), 200),
            circuit_breaker: breaker
                .map_or(Guard::Off, |breaker| Guard::of(breaker.enable(), breaker.rollback())),
            alarms: alarms.filter(|alarms| !alarms.names.is_empty()),
            bake_time_in_minutes: (strategy != ROLLING)
                .then(|| number(found.bake_time_in_minutes(), 0)),
            step: step(&strategy, found),
            early_success: early.filter(|_| strategy == ROLLING).map(|early| Early {
                healthy_percent: number(early.healthy_percent(), 100),
                cleanup: early
                    .source_service_revision_cleanup()
                    .map_or("BLOCKING", |cleanup| cleanup.as_str())
                    .to_owned(),
            }),
            pauses: pauses.into_iter().map(pause).collect(),
            other_hooks: others.into_iter().cloned().collect(),
            strategy,
        }
    }

    /// Whether requests move from one target group to another.
    pub fn shifts(&self) -> bool {
        self.strategy != ROLLING
    }

    /// What ECS is told; of a service that is there `from` says what has to be taken away, because ECS
    /// keeps what it is not told about.
    pub fn told(&self, from: Option<&Self>) -> DeploymentConfiguration {
        let breaker = DeploymentCircuitBreaker::builder()
            .enable(self.circuit_breaker.is_on())
            .rollback(self.circuit_breaker.rolls_back())
            .build();
        let builder = DeploymentConfiguration::builder()
            .deployment_circuit_breaker(breaker)
            .minimum_healthy_percent(self.minimum_healthy_percent.cast_signed())
            .maximum_percent(self.maximum_percent.cast_signed())
            .set_bake_time_in_minutes(self.bake_time_in_minutes.map(u32::cast_signed))
            .set_alarms(self.told_alarms(from))
            .set_early_success_criteria(self.told_early_success(from));
        let hooks = self.hooks();
        let had_hooks = from.is_some_and(|from| !from.hooks().is_empty());
        let builder =
            builder.set_lifecycle_hooks((had_hooks || !hooks.is_empty()).then_some(hooks));
        let is_other = from.is_some_and(|from| from.strategy != self.strategy);
        let builder = if self.shifts() || is_other {
            builder.strategy(self.strategy.as_str().into())
        } else {
            builder
        };
        match (&self.step, &*self.strategy) {
            (Some(step), "LINEAR") => builder.linear_configuration(
                LinearConfiguration::builder()
                    .step_percent(step.percent.percent())
                    .step_bake_time_in_minutes(step.bake_time_in_minutes.cast_signed())
                    .build(),
            ),
            (Some(step), _) => builder.canary_configuration(
                CanaryConfiguration::builder()
                    .canary_percent(step.percent.percent())
                    .canary_bake_time_in_minutes(step.bake_time_in_minutes.cast_signed())
                    .build(),
            ),
            (None, _) => builder,
        }
        .build()
    }

    fn told_alarms(&self, from: Option<&Self>) -> Option<DeploymentAlarms> {
        let had = from.is_some_and(|from| from.alarms.is_some());
        if self.alarms.is_none() && !had {
            return None;
        }
        let names = self.alarms.iter().flat_map(|alarms| &alarms.names).cloned().collect();
        let then = self.alarms.as_ref().map_or(Guard::Off, |alarms| alarms.then);
        let alarms = DeploymentAlarms::builder()
            .set_alarm_names(Some(names))
            .enable(then.is_on())
            .rollback(then.rolls_back());
        Some(alarms.build().expect("names are given"))
    }

    fn told_early_success(&self, from: Option<&Self>) -> Option<DeploymentEarlySuccessCriteria> {
        let builder = DeploymentEarlySuccessCriteria::builder();
        match &self.early_success {
            Some(early) => Some(
                builder
                    .enable(true)
                    .healthy_percent(early.healthy_percent.cast_signed())
                    .source_service_revision_cleanup(early.cleanup.as_str().into())
                    .build(),
            ),
            None if from.is_some_and(|from| from.early_success.is_some()) => {
                Some(builder.enable(false).build())
            }
            None => None,
        }
    }

    fn hooks(&self) -> Vec<DeploymentLifecycleHook> {
        let pauses = self.pauses.iter().map(|pause| {
            let timeout = DeploymentLifecycleHookTimeoutConfiguration::builder()
                .timeout_in_minutes(pause.timeout_in_minutes.cast_signed())
                .action(pause.on_timeout.as_str().into())
                .build();
            let stages = pause.at.iter().map(|stage| stage.as_str().into()).collect();
            DeploymentLifecycleHook::builder()
                .target_type(DeploymentLifecycleHookTargetType::Pause)
                .set_lifecycle_stages(Some(stages))
                .timeout_configuration(timeout)
                .build()
        });
        pauses.chain(self.other_hooks.iter().cloned()).collect()
    }
}

fn early(early: EarlySuccess) -> Early {
    let EarlySuccess { healthy_percent, is_cleanup_deferred } = early;
    let cleanup = if is_cleanup_deferred { "DEFERRED" } else { "BLOCKING" };
    Early { healthy_percent, cleanup: cleanup.to_owned() }
}

fn step(strategy: &str, found: &DeploymentConfiguration) -> Option<Step> {
    let (percent, time, default) = match strategy {
        "LINEAR" => {
            let step = found.linear_configuration();
            let percent = step.and_then(LinearConfiguration::step_percent);
            (percent, step.and_then(LinearConfiguration::step_bake_time_in_minutes), LINEAR)
        }
        "CANARY" => {
            let step = found.canary_configuration();
            let percent = step.and_then(CanaryConfiguration::canary_percent);
            (percent, step.and_then(CanaryConfiguration::canary_bake_time_in_minutes), CANARY)
        }
        _ => return None,
    };
    let percent = Tenths::of(percent.unwrap_or(default.0));
    Some(Step { percent, bake_time_in_minutes: number(time, default.1) })
}

fn pause(hook: &DeploymentLifecycleHook) -> PauseHook {
    let timeout = hook.timeout_configuration();
    PauseHook {
        at: hook.lifecycle_stages().iter().map(|stage| stage.as_str().to_owned()).collect(),
        timeout_in_minutes: number(
            timeout.and_then(DeploymentLifecycleHookTimeoutConfiguration::timeout_in_minutes),
            PAUSE_IN_MINUTES,
        ),
        on_timeout: timeout
            .and_then(DeploymentLifecycleHookTimeoutConfiguration::action)
            .map_or("ROLLBACK", |action| action.as_str())
            .to_owned(),
    }
}

#[cfg(test)]
mod tests;
