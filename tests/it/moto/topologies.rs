//! VPCs as a person makes them, each with its known truth: built in moto call by call, read from its
//! answers, judged. The truth is AWS's documentation's; a link stands where it is not obvious.
//!
//! Where moto has no such thing, what EC2 says of it is put into moto's answers on their way (`relay`):
//! blackholes, regional NAT gateways, VPC Block Public Access, shared subnets, endpoints that are not
//! available, zones that a service does not serve, private DNS that is switched on later.

/// One test a file, so that its topologies share one moto; each is a function, and all are listed.
macro_rules! topologies {
    ($test:ident: $($topology:ident),+ $(,)?) => {
        topologies!($test by start: $($topology),+);
    };
    ($test:ident by $start:ident: $($topology:ident),+ $(,)?) => {
        pub(super) const TOPOLOGIES: &[&str] = &[$(stringify!($topology)),+];

        #[tokio::test]
        async fn $test() {
            let lab = super::lab::Lab::$start().await;
            $(
                println!("{}", stringify!($topology));
                Box::pin($topology(&lab)).await;
            )+
        }
    };
}

mod acls;
mod addresses;
mod dns;
mod endpoints;
mod groups;
mod lab;
mod make;
mod policies;
mod reads;
mod routes;
mod told;

#[test]
fn there_are_more_than_forty() {
    let files = [
        acls::TOPOLOGIES,
        addresses::TOPOLOGIES,
        dns::TOPOLOGIES,
        endpoints::TOPOLOGIES,
        groups::TOPOLOGIES,
        policies::TOPOLOGIES,
        reads::TOPOLOGIES,
        routes::TOPOLOGIES,
    ];
    let all = files.concat();
    crate::support::counts::count(&format!("VPCs with a known truth: {}", all.len()));
    assert!(all.len() > 40, "{}: {}", all.len(), all.join(", "));
}
