//! What is a preview's own, and what it leaves alone.

use super::{super::states::same, FILE, Ground, Previews};
use aws_sdk_ecs::types::CapacityProviderStrategyItem;
use ecs_private_deploy::exit;
use futures_util::{StreamExt as _, stream};
use std::collections::BTreeSet;

/// What went wrong, as the annotation has it.
fn told(stderr: &str) -> String {
    let error = stderr.lines().find_map(|line| line.strip_prefix("::error "));
    let (_, text) = error.and_then(|error| error.split_once("::")).expect("an error");
    text.replace("%0A", "\n")
}

#[tokio::test]
async fn it_uses_what_fits_of_its_main_service_and_has_the_rest_for_itself() {
    let ground = Ground::new().await;
    let previews = Previews::new(&ground, 0, "parts").await;
    let main = previews.site.standing().await;
    previews.set([42], true);
    previews.up(42).await;
    let (iam, ecs) = (&previews.site.account.iam, &previews.site.account.ecs);
    let roles = async || {
        let found = iam.list_roles().send().await.expect("roles");
        let names = found.roles().iter().map(|role| role.role_name().to_owned());
        names.filter(|name| name.starts_with("web")).collect::<BTreeSet<_>>()
    };
    let groups = async || {
        let found = ecs.describe_services().cluster("shared").services("web-pr-42").send().await;
        let found = found.expect("services");
        let network = found.services()[0].network_configuration().expect("a network");
        network.awsvpc_configuration().expect("a VPC").security_groups().to_vec()
    };
    let of_main = ["web-eu-central-1-execution", "web-eu-central-1-task"].map(str::to_owned);
    assert_eq!(roles().await, of_main.clone().into());
    let shared = groups().await;

    // It gets its own where the pull request asks for something else.
    let task = "task: { port: 9090, secrets: { KEY: /web/key } }";
    let file = FILE.replace("task: { port: 8080 }", task);
    previews.site.write_as("ecs-deploy.yml", "web", &file);
    previews.up(42).await;
    assert_ne!(groups().await, shared);
    let mut own = BTreeSet::from(of_main);
    own.insert("web-pr-42-eu-central-1-execution".to_owned());
    assert_eq!(roles().await, own);

    previews.down(42).await.ends_with(exit::OK);
    same(&main, &previews.site.standing().await);
}

/// What moto does not keep of the service is shown where its requests are.
#[tokio::test]
async fn the_cluster_is_made_ready_for_spot_and_keeps_what_it_has() {
    let ground = Ground::new().await;
    let previews = Previews::new(&ground, 0, "spot").await;
    previews.set([42], true);
    let ecs = &previews.site.account.ecs;
    let put = ecs.put_cluster_capacity_providers().cluster("shared").capacity_providers("FARGATE");
    let item = CapacityProviderStrategyItem::builder().capacity_provider("FARGATE").weight(2);
    let item = item.build().expect("the provider is given");
    put.default_capacity_provider_strategy(item.clone()).send().await.expect("it is put");
    let spot = FILE.replace("com' }", "com', spot: true }");
    previews.site.write_as("ecs-deploy.yml", "web", &spot);
    let calls = previews.up(42).await;
    let last = |name: &str| calls.iter().filter(|call| *call == name).count();
    assert_eq!(last("ecs:PutClusterCapacityProviders"), 1);
    let clusters = ecs.describe_clusters().clusters("shared").send().await.expect("clusters");
    let cluster = &clusters.clusters()[0];
    assert_eq!(cluster.capacity_providers(), ["FARGATE", "FARGATE_SPOT"]);
    assert_eq!(cluster.default_capacity_provider_strategy(), [item]);
}

/// A run that is killed at any point is taken down completely, and takes nothing of the main service along.
#[tokio::test]
async fn a_half_made_one_goes_completely() {
    let ground = Ground::new().await;
    let whole = Previews::new(&ground, 0, "whole").await;
    whole.set([42], true);
    // Everything of its own.
    let task = "task: { port: 9090, secrets: { KEY: /web/key } }";
    let file = FILE.replace("task: { port: 8080 }", task);
    whole.site.write_as("ecs-deploy.yml", "web", &file);
    let calls = whole.up(42).await.len();
    let before = Previews::new(&ground, 1, "before").await;
    let main = before.site.standing().await;
    stream::iter((calls / 3..=calls).step_by(2))
        .map(|last| {
            let (ground, main, file) = (&ground, &main, &file);
            async move {
                let name: &'static str = format!("half{last}").leak();
                let half = Previews::new(ground, 100 + last, name).await;
                half.set([42], true);
                half.site.write_as("ecs-deploy.yml", "web", file);
                let lane = half.site.ending(last).await;
                let program = half.program(&["preview", "up", "--pr", "42"], &lane);
                let _ = program.run_until(lane.ended()).await;
                half.down(42).await.ends_with(exit::OK);
                same(main, &half.site.standing().await);
            }
        })
        .buffer_unordered(4)
        .collect::<()>()
        .await;
}

#[tokio::test]
async fn the_main_service_does_not_go_under_its_previews() {
    let ground = Ground::new().await;
    let previews = Previews::new(&ground, 0, "under").await;
    previews.set([7, 42], true);
    previews.up(7).await;
    previews.up(42).await;
    let before = previews.site.standing().await;
    let refused = previews.run(&["destroy", "--yes"]).await.ends_with(exit::REFUSED);
    insta::assert_snapshot!(told(&refused.stderr), @r"
    2 previews of `web` still stand and use what it would take down: of pull request 7, 42
      help: take them down first: ecs-private-deploy preview down --pr 7, preview down --pr 42
    ");
    same(&before, &previews.site.standing().await);
    // Also where the file says nothing of previews any more.
    let file = FILE.split("preview:").next().expect("it begins");
    previews.site.write_as("ecs-deploy.yml", "web", file);
    previews.run(&["destroy", "--yes"]).await.ends_with(exit::REFUSED);
    same(&before, &previews.site.standing().await);
}

#[tokio::test]
async fn a_service_of_its_name_is_left_alone() {
    let ground = Ground::new().await;
    let previews = Previews::new(&ground, 0, "namesake").await;
    let file = "task: { port: 8080 }\ncluster: shared\n\
                load-balancer: { name: shared, host: other.example.com }\n";
    previews.site.write_as("other.yml", "web-pr-42", file);
    previews.run(&["deploy", "--config", "other.yml"]).await.ends_with(exit::OK);
    let before = previews.site.standing().await;
    previews.set([42], true);
    let lane = previews.site.counted().await;
    let up = previews.program(&["preview", "up", "--pr", "42"], &lane).run().await;
    insta::assert_snapshot!(told(&up.ends_with(exit::REFUSED).stderr), @r"
    service `web-pr-42` belongs to a service of its own, and not to the preview of `web` for pull request 42
      help: give the service that is no preview another name: the previews of `NAME` are called `NAME-pr-NUMBER`
    ");
    let down = previews.down(42).await.ends_with(exit::REFUSED);
    assert!(down.stderr.contains("belongs to a service of its own"), "{}", down.stderr);
    same(&before, &previews.site.standing().await);
}
