//! Whether what is placed finds addresses. EC2 keeps five of each subnet.
//! <https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html>

use super::lab::{Lab, Scene, set};
use ecs_private_deploy::network::addresses::{Demand, Line, check};

topologies!(every_subnet_has_its_addresses:
    a_block_of_28_with_room,
    a_block_of_28_that_is_full,
    a_block_of_28_that_fits_the_tasks_and_not_the_endpoints,
    a_block_of_28_under_a_load_balancer,
    an_endpoint_beside_a_full_subnet,
);

/// A /28 in zone `a`, of whose eleven addresses so many are taken.
async fn small(scene: &Scene<'_>, taken: usize) -> String {
    let subnet = scene.lab.account.subnet(&scene.vpc, "a", "10.42.20.0/28").await;
    for _ in 0..taken {
        let request = scene.ec2().create_network_interface().subnet_id(&subnet);
        request.send().await.expect("an interface");
    }
    scene.call(&subnet, "small")
}

fn two_tasks(subnets: &[&str]) -> Demand {
    Demand {
        task_subnets: set(subnets),
        desired_count: 2,
        maximum_percent: 200,
        ..Demand::default()
    }
}

async fn told(scene: &Scene<'_>, demand: &Demand) -> String {
    let topology = scene.read(&scene.config()).await;
    let mut text = match check(&topology.subnets, demand) {
        Ok(lines) => lines.iter().map(Line::to_string).collect::<Vec<_>>().join("\n"),
        Err(problem) => problem.to_string(),
    };
    for (id, name) in scene.names.borrow().iter() {
        text = text.replace(id, name);
    }
    text
}

async fn a_block_of_28_with_room(lab: &Lab) {
    let scene = lab.scene().await;
    let small = small(&scene, 0).await;
    insta::assert_snapshot!(told(&scene, &two_tasks(&[&small])).await, @"small in eu-central-1a (10.42.20.0/28): 11 free, 4 for tasks, 7 left");
}

async fn a_block_of_28_that_is_full(lab: &Lab) {
    let scene = lab.scene().await;
    let small = small(&scene, 11).await;
    insta::assert_snapshot!(told(&scene, &two_tasks(&[&small, &scene.b])).await, @"
    small has not enough addresses
      small in eu-central-1a (10.42.20.0/28): 0 free, 2 for tasks, 2 short
      help: it fits in eu-central-1b: free addresses, use larger subnets, or lower `rollout.desired-count`
            a in eu-central-1a has 251 free
            public in eu-central-1a has 251 free
    ");
}

async fn a_block_of_28_that_fits_the_tasks_and_not_the_endpoints(lab: &Lab) {
    let scene = lab.scene().await;
    let small = small(&scene, 7).await;
    let tasks = two_tasks(&[&small]);
    insta::assert_snapshot!(told(&scene, &tasks).await, @"small in eu-central-1a (10.42.20.0/28): 4 free, 4 for tasks, 0 left");
    let demand = Demand { endpoints: vec![set(&[&small]); 3], ..tasks };
    insta::assert_snapshot!(told(&scene, &demand).await, @"
    small has not enough addresses
      small in eu-central-1a (10.42.20.0/28): 4 free, 3 for endpoints, 4 for tasks, 3 short
      help: it fits in no zone: free addresses, use larger subnets, or lower `rollout.desired-count`
            a in eu-central-1a has 251 free
            public in eu-central-1a has 251 free
            b in eu-central-1b has 251 free
    ");
}

/// It needs a /27, whatever is free.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html#subnets-load-balancer>
async fn a_block_of_28_under_a_load_balancer(lab: &Lab) {
    let scene = lab.scene().await;
    let small = small(&scene, 0).await;
    let demand = Demand { load_balancer: set(&[&small]), ..Demand::default() };
    insta::assert_snapshot!(told(&scene, &demand).await, @"
    small has not enough addresses
      small in eu-central-1a (10.42.20.0/28): 11 free, 8 for the load balancer, a /28 where a load balancer needs a /27
      help: it fits in no zone: free addresses, use larger subnets, or lower `rollout.desired-count`
            a in eu-central-1a has 251 free
            public in eu-central-1a has 251 free
            b in eu-central-1b has 251 free
    ");
}

/// One that is to be made stands where an address is left, and serves both zones from there.
async fn an_endpoint_beside_a_full_subnet(lab: &Lab) {
    let mut scene = lab.scene().await;
    let small = small(&scene, 11).await;
    scene.task.subnets = set(&[&small]);
    scene.names.borrow_mut().sort_by_key(|(_, name)| name == "small");
    let told = scene.told().await;
    let fix = told.lines().find(|line| line.contains("ecr.api --vpc")).expect("an endpoint");
    assert!(!fix.contains("small"), "{fix}");
    assert!(fix.contains("--subnet-ids a ") || fix.contains("--subnet-ids public "), "{fix}");
    assert!(told.starts_with("ecr.api, ecr.dkr, s3, logs: Route\n"), "{told}");
}
