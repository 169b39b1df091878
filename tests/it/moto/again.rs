//! What is made again after it was taken down.

use super::{ground::Ground, states::same};
use ecs_private_deploy::exit;

/// EC2 knows the token of a deleted endpoint again, and answers with the deleted one. Here the group that the
/// token is made of stays, because another service uses the other endpoints.
#[tokio::test]
async fn an_endpoint_whose_group_has_stayed() {
    let ground = Ground::new().await;
    let site = ground.site(0).await;
    let arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:web-a1b2c3";
    let shared = "load-balancer: { name: shared, host: HOST.example.com }\ncluster: shared\n";
    let other = format!("task: {{ port: 8080 }}\n{}", shared.replace("HOST", "other"));
    let web = format!(
        "task: {{ port: 8080, secrets: {{ KEY: '{arn}' }} }}\n{}",
        shared.replace("HOST", "web")
    );
    site.write_as("other.yml", "other", &other);
    site.write_as("web.yml", "web", &web);
    site.run(&["deploy", "--config", "other.yml"]).await.ends_with(exit::OK);
    let without = site.standing().await;
    site.run(&["deploy", "--config", "web.yml"]).await.ends_with(exit::OK);
    let with = site.standing().await;
    for _ in 0..2 {
        site.run(&["destroy", "--yes", "--config", "web.yml"]).await.ends_with(exit::OK);
        same(&without, &site.standing().await);
        site.run(&["deploy", "--config", "web.yml"]).await.ends_with(exit::OK);
        same(&with, &site.standing().await);
    }
}
