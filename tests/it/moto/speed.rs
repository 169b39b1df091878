//! How many calls the program makes one after another.

use super::stack::Stack;
use crate::support::{counts::count, program::Program, rounds::Rounds};
use aws_config::SdkConfig;
use ecs_private_deploy::exit;

#[tokio::test]
async fn a_deploy_with_nothing_to_do_takes_four_rounds_of_reads() {
    let stack = Stack::new().await;
    // A rule of its own is the longest way: load balancer, listeners, rules, whose they are.
    stack.write_more("load-balancer: { host: web.example.com }");
    let program = |config: &SdkConfig| Program::new(stack.folder(), &["deploy"], config);
    program(&stack.moto.config()).run().await.ends_with(exit::OK);
    stack.moto.calls();

    let rounds = Rounds::before(stack.moto.port()).await;
    let url = format!("http://127.0.0.1:{}", rounds.port);
    let config = stack.moto.config().to_builder().endpoint_url(url).build();
    let ended = program(&config).run_as(|process| rounds.of(process)).await.ends_with(exit::OK);
    assert!(ended.stderr.contains("nothing to do"), "{}", ended.stderr);
    let rounds = rounds.all();
    count(&format!("a deploy with nothing to do: {} calls one after another", rounds.len()));
    assert!(rounds.len() <= 4, "{rounds:#?}");
    let first = rounds.first().expect("it asked");
    assert!(first.contains(&"GetCallerIdentity".to_owned()) && first.len() > 5, "{first:?}");
    assert_eq!(stack.moto.writes(), Vec::<String>::new());
}
