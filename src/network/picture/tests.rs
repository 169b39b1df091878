use super::*;

#[test]
fn print_all() {
    use crate::network::{diagnose::diagnose, scene::*};
    let dir = std::path::Path::new("/tmp/mermaid/in");
    std::fs::create_dir_all(dir).expect("dir");
    let put = |name: &str, vpc: &Topology, task: &Task| {
        let d = diagnose(vpc, task, &plain());
        let subnets = set(&["pub", "pubb"]);
        let lb = LoadBalancer { name: "web", subnets: &subnets, is_internet_facing: true };
        let p = Picture { vpc, task, findings: &d.findings, load_balancer: Some(lb) };
        std::fs::write(dir.join(name), mermaid(&p)).expect("write");
    };
    put("complete", &complete(), &task());
    put("bare", &bare(), &task());
    put("nat", &with_nat(), &task());
}
