//! How instances are: what is asked, what counts, and what is told.

use jiff::SignedDuration;
use miosa_domain::Generation;
use miosa_domain::spec::{DesiredRun, HealthCheck, HealthRules, InstanceSpec, Probe};
use miosa_domain::status::{Health, InstanceState, InstanceStatus};
use miosa_runtime::fake::{Call as DriverCall, HttpAnswer};
use miosa_runtime::{ExecEvent, HttpError};

use crate::world::{World, attachment, driver_count, instance, running};

const HOUR_MS: u32 = 3_600_000;
const HOUR_SECONDS: u32 = 3600;

fn command() -> Probe {
    Probe::Command { command: "pg_isready".into() }
}

fn http() -> Probe {
    Probe::Http { port: 8080, path: "/health".into() }
}

fn rules(probe: Probe, retries: u32) -> HealthRules {
    // As often as the agent lets anybody ask.
    let check = HealthCheck { probe, interval_seconds: 0, timeout_seconds: 1, retries };
    HealthRules { check: Some(check), steady_ms: 0 }
}

fn checked(rules: HealthRules) -> InstanceSpec {
    InstanceSpec { health: Some(rules), ..instance(2, 1, vec![]) }
}

fn exit(code: i32, output: &'static str) -> Vec<ExecEvent> {
    vec![ExecEvent::Stdout(output.into()), ExecEvent::Exit { code, timed_out: false }]
}

fn is(health: &Health) -> impl Fn(&InstanceStatus) -> bool {
    move |status| running(status) && status.health == *health
}

fn unhealthy(reason: &str) -> Health {
    Health::Unhealthy { reason: reason.into() }
}

/// Waits until it was asked so many times more.
async fn asked_again(world: &World, call: DriverCall, times: usize) {
    let until = driver_count(world, call) + times;
    let asked = async {
        while driver_count(world, call) < until {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(crate::world::PATIENCE, asked).await.expect("asked again");
}

/// Every health that was told of the running instance from the first that says something, without repetitions. An answer may
/// come before anything is told.
fn told(world: &World, spec: &InstanceSpec) -> Vec<Health> {
    let seen = world.seen();
    let statuses = seen.instance_history.iter().filter(|s| s.id == spec.id && running(s));
    let mut told: Vec<_> = statuses.map(|status| status.health.clone()).collect();
    told.dedup();
    told.into_iter().skip_while(|health| *health == Health::Unknown).collect()
}

/// Without a check it is healthy when it has lived long enough; without rules nobody says anything.
#[tokio::test(flavor = "multi_thread")]
async fn who_lives_is_healthy() {
    let world = World::new().await;
    let i = checked(HealthRules { check: None, steady_ms: 50 });
    let unasked = instance(4, 1, vec![]);
    let patient = InstanceSpec {
        health: Some(HealthRules { check: None, steady_ms: HOUR_MS }),
        ..instance(6, 1, vec![])
    };
    world.ask([], [&i, &unasked, &patient]).await;
    world.instance(&i, "healthy", is(&Health::Healthy)).await;
    assert_eq!(told(&world, &i), [Health::Healthy]);
    for other in [&unasked, &patient] {
        world.instance(other, "running", running).await;
        assert_eq!(told(&world, other), []);
    }
}

/// Bad answers before the first good one say nothing; later, only so many in a row do; one good answer is enough.
#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_asked() {
    let world = World::new().await;
    let i = checked(rules(command(), 3));
    world.driver.answer_every_exec(i.id, exit(2, "starting up\n"));
    world.ask([], [&i]).await;
    asked_again(&world, DriverCall::Exec, 4).await;
    assert_eq!(told(&world, &i), []);
    world.driver.answer_every_exec(i.id, exit(0, "ready\n"));
    world.instance(&i, "healthy", is(&Health::Healthy)).await;

    // Two bad answers, then good ones.
    world.driver.answer_exec(exit(1, ""));
    world.driver.answer_exec(exit(1, ""));
    asked_again(&world, DriverCall::Exec, 4).await;
    assert_eq!(told(&world, &i), [Health::Healthy]);

    world.driver.answer_every_exec(i.id, exit(3, "first line\nthe disk is full\n\n"));
    let reason = unhealthy("the command ended with exit code 3: the disk is full");
    world.instance(&i, "unhealthy", is(&reason)).await;
    world.driver.answer_every_exec(i.id, exit(0, ""));
    world.instance(&i, "healthy again", is(&Health::Healthy)).await;
    world.driver.answer_every_exec(i.id, exit(4, " \n"));
    world.instance(&i, "unhealthy", is(&unhealthy("the command ended with exit code 4"))).await;
    world.driver.answer_every_exec(i.id, vec![ExecEvent::Exit { code: 124, timed_out: true }]);
    world.instance(&i, "unhealthy", is(&unhealthy("the command timed out after 1 s"))).await;
}

/// What an instance answers over HTTP, or that it does not.
#[tokio::test(flavor = "multi_thread")]
async fn http_is_asked() {
    let world = World::new().await;
    let i = checked(rules(http(), 1));
    world.ask([], [&i]).await;
    // Nothing listens yet.
    asked_again(&world, DriverCall::ProbeHttp, 2).await;
    assert_eq!(told(&world, &i), []);
    for good in [200, 204, 302, 399] {
        world.driver.answer_http(i.id, HttpAnswer::Status(good));
        world.instance(&i, "healthy", is(&Health::Healthy)).await;
        for (answer, reason) in [
            (HttpAnswer::Status(503), "port 8080 responded with HTTP status 503"),
            (HttpAnswer::Status(199), "port 8080 responded with HTTP status 199"),
            (HttpAnswer::Status(400), "port 8080 responded with HTTP status 400"),
            (HttpAnswer::Error(HttpError::Refused { port: 8080 }), "nothing listens on port 8080"),
        ] {
            world.driver.answer_http(i.id, answer);
            world.instance(&i, reason, is(&unhealthy(reason))).await;
        }
    }
    world.driver.answer_http(i.id, HttpAnswer::Silence);
    world.instance(&i, "a reason", is(&unhealthy("no response from port 8080 within 1 s"))).await;
}

/// Each first process has to show by itself that it is healthy.
#[tokio::test(flavor = "multi_thread")]
async fn a_restart_begins_anew() {
    let world = World::new().await;
    let mut i = checked(rules(command(), 1));
    world.ask([], [&i]).await;
    world.instance(&i, "healthy", is(&Health::Healthy)).await;
    world.driver.answer_every_exec(i.id, exit(1, ""));
    world.instance(&i, "unhealthy", is(&unhealthy("the command ended with exit code 1"))).await;
    world.driver.end_first_process(i.id, Some(9));
    world.instance(&i, "a restart", |s| s.restart_count == 1 && is(&Health::Unknown)(s)).await;
    asked_again(&world, DriverCall::Exec, 2).await;
    assert_eq!(told(&world, &i).last(), Some(&Health::Unknown));
    world.driver.answer_every_exec(i.id, exit(0, ""));
    world.instance(&i, "healthy", is(&Health::Healthy)).await;

    (i.generation, i.run) = (Generation(2), 2);
    world.driver.answer_every_exec(i.id, exit(1, ""));
    world.ask([], [&i]).await;
    world.instance(&i, "the next run", is(&Health::Unknown)).await;
    (i.generation, i.desired) = (Generation(3), DesiredRun::Stopped);
    world.ask([], [&i]).await;
    let stopped = world.instance(&i, "stopped", |s| s.state == InstanceState::Stopped).await;
    assert_eq!(stopped.health, Health::Unknown);
}

/// What else becomes of the instance does not touch what is known of it; other rules do.
#[tokio::test(flavor = "multi_thread")]
async fn only_other_rules_begin_anew() {
    let world = World::new().await;
    let v = world.with_volume(1).await;
    let mut i = checked(rules(command(), 1));
    world.ask([], [&i]).await;
    world.instance(&i, "healthy", is(&Health::Healthy)).await;
    (i.generation, i.attachments) = (Generation(2), vec![attachment(3, &v)]);
    world.ask([], [&i]).await;
    world.instance(&i, "attached", crate::world::all_attached).await;
    assert_eq!(told(&world, &i), [Health::Healthy]);

    (i.generation, i.health) = (Generation(3), Some(rules(http(), 1)));
    world.ask([], [&i]).await;
    world.instance(&i, "nothing known", is(&Health::Unknown)).await;
    world.driver.answer_http(i.id, HttpAnswer::Status(200));
    world.instance(&i, "healthy", is(&Health::Healthy)).await;
    (i.generation, i.health) = (Generation(4), None);
    world.ask([], [&i]).await;
    world.instance(&i, "nobody asks", is(&Health::Unknown)).await;
}

/// A new agent asks the running instance at once, and knows how long it has lived.
#[tokio::test(flavor = "multi_thread")]
async fn an_adopted_instance_is_asked() {
    let mut world = World::new().await;
    let mut asked = checked(rules(command(), 1));
    let Some(check) = asked.health.as_mut().and_then(|rules| rules.check.as_mut()) else { unreachable!() };
    check.interval_seconds = HOUR_SECONDS;
    let steady = InstanceSpec {
        health: Some(HealthRules { check: None, steady_ms: HOUR_MS }),
        ..instance(4, 1, vec![])
    };
    world.ask([], [&asked, &steady]).await;
    world.instance(&asked, "healthy", is(&Health::Healthy)).await;
    let started_at = world.instance(&steady, "running", running).await.started_at;
    world.kill_agent();
    assert_eq!(driver_count(&world, DriverCall::Exec), 1, "asked again before its time");
    world.start_agent().await;
    asked_again(&world, DriverCall::Exec, usize::from(driver_count(&world, DriverCall::Exec) < 2)).await;
    world.instance(&asked, "healthy", is(&Health::Healthy)).await;
    assert_eq!(world.instance(&steady, "running", running).await.started_at, started_at);
    assert_eq!(told(&world, &steady), []);

    world.kill_agent();
    world.driver.age(steady.id, SignedDuration::from_hours(1));
    world.start_agent().await;
    world.instance(&steady, "healthy", is(&Health::Healthy)).await;
}

/// A question without an answer does not hold up an agent that is to end, nor a stop of the instance.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_an_answer() {
    let mut world = World::new().await;
    let mut i = checked(rules(http(), 1));
    let Some(check) = i.health.as_mut().and_then(|rules| rules.check.as_mut()) else { unreachable!() };
    check.timeout_seconds = HOUR_SECONDS;
    world.driver.answer_http(i.id, HttpAnswer::Silence);
    world.ask([], [&i]).await;
    world.instance(&i, "running", running).await;
    asked_again(&world, DriverCall::ProbeHttp, usize::from(driver_count(&world, DriverCall::ProbeHttp) < 1))
        .await;
    world.stop_agent().await;
    world.start_agent().await;
    (i.generation, i.desired) = (Generation(2), DesiredRun::Stopped);
    world.ask([], [&i]).await;
    world.instance(&i, "stopped", |s| s.state == InstanceState::Stopped).await;
}
