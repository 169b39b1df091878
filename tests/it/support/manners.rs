//! What AWS does and moto does not: it knows a client token again, it has each private name once in a VPC,
//! it makes no second
//! service, cluster or load balancer of a name, nor a second listener on a port, and it counts what stands
//! behind a load balancer.

mod places;

use super::lane::{Request, error, field, forward, message};
use places::Places;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};
use tokio::sync::Mutex;

/// What was made, of all accounts that are asked through it.
#[derive(Debug, Default)]
pub struct Manners(Mutex<BTreeMap<String, Made>>);

/// What was made in one account.
#[derive(Debug, Default)]
struct Made {
    /// The answers to calls with a client token. EC2 knows one again also when the thing is gone.
    /// <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html>
    tokens: BTreeMap<String, (String, Vec<u8>)>,
    /// The endpoints that stand: by id the name that is taken.
    names: BTreeMap<String, String>,
    /// The endpoints that are gone.
    gone: BTreeSet<String>,
    clusters: BTreeMap<String, Vec<u8>>,
    services: BTreeSet<String>,
    /// Load balancers by name, listeners by load balancer and port: the first request and its answer.
    ingress: BTreeMap<String, (String, Vec<u8>)>,
    places: Places,
}

impl Manners {
    /// Asks moto, or answers in its place.
    pub async fn answer(&self, moto: (u16, &str), request: &Request) -> io::Result<Vec<u8>> {
        let things = [
            "VpcEndpoint",
            "VpcEndpoints",
            "Cluster",
            "Service",
            "LoadBalancer",
            "Listener",
            "Rule",
        ];
        let thing =
            ["Create", "Delete"].iter().find_map(|verb| request.operation.strip_prefix(verb));
        if !thing.is_some_and(|thing| things.contains(&thing)) {
            return forward(moto, request).await;
        }
        // One after another, so that what is asked is what is there.
        let mut all = self.0.lock().await;
        let made = all.entry(moto.1.to_owned()).or_default();
        if let Some(answer) = made.known(request) {
            return Ok(answer);
        }
        let answer = forward(moto, request).await?;
        if answer.starts_with(b"HTTP/1.1 200") {
            made.remember(request, &answer);
        }
        Ok(answer)
    }
}

impl Made {
    fn known(&self, request: &Request) -> Option<Vec<u8>> {
        let token = token(request);
        if let Some((body, answer)) = token.and_then(|token| self.tokens.get(&token)) {
            return Some(if *body == request.body {
                answer.clone()
            } else {
                error(&request.service, "IdempotentParameterMismatch", "another request", 400)
            });
        }
        match request.operation.as_str() {
            "CreateVpcEndpoint" => {
                let name = name(request);
                let is_taken = self.names.values().any(|taken| *taken == name);
                let (code, text) = if field(&request.body, "VpcEndpointType") == Some("Gateway") {
                    let text = "route table rtb-0 already has a route with destination-prefix-list-id pl-0";
                    ("RouteAlreadyExists", text)
                } else {
                    let text = "private-dns-enabled cannot be set because there is already a conflicting DNS domain for it in the VPC";
                    ("InvalidParameter", text)
                };
                is_taken.then(|| error("ec2", code, text, 400))
            }
            // "If you attempt to create multiple load balancers with the same settings, each call succeeds."
            // <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html>
            // <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateListener.html>
            "CreateLoadBalancer" | "CreateListener" => {
                let (body, answer) = self.ingress.get(&place(request))?;
                let code = match request.operation.as_str() {
                    "CreateListener" => "DuplicateListener",
                    _ => "DuplicateLoadBalancerName",
                };
                let refused = || error(&request.service, code, "it has other settings", 400);
                Some(if *body == request.body { answer.clone() } else { refused() })
            }
            "DeleteVpcEndpoints" => {
                let id = field(&request.body, "VpcEndpointId.1")?;
                self.gone.contains(id).then(|| not_found(id))
            }
            "CreateRule" => self.places.refusal(request),
            "CreateCluster" => self.clusters.get(&json(request, "clusterName")).cloned(),
            "CreateService" => {
                let text = "Creation of service was not idempotent.";
                let is_there = self.services.contains(&service(request, "serviceName"));
                is_there.then(|| error("ecs", "InvalidParameterException", text, 400))
            }
            _ => None,
        }
    }

    fn remember(&mut self, request: &Request, answer: &[u8]) {
        if let Some(token) = token(request) {
            self.tokens.insert(token, (request.body.clone(), answer.to_vec()));
        }
        match request.operation.as_str() {
            "CreateVpcEndpoint" => {
                let text = String::from_utf8_lossy(answer);
                let id =
                    text.split_once("<vpcEndpointId>").and_then(|(_, rest)| rest.split_once('<'));
                let id = id.expect("moto tells the endpoint's id").0.to_owned();
                self.names.insert(id, name(request));
            }
            "DeleteVpcEndpoints" => {
                let id = field(&request.body, "VpcEndpointId.1").unwrap_or_default().to_owned();
                self.names.remove(&id);
                self.gone.insert(id);
            }
            "CreateCluster" => {
                self.clusters.insert(json(request, "clusterName"), answer.to_vec());
            }
            "DeleteCluster" => {
                let cluster = json(request, "cluster");
                self.clusters.retain(|name, _| cluster.rsplit('/').next() != Some(name.as_str()));
            }
            "CreateLoadBalancer" | "CreateListener" => {
                let first = (request.body.clone(), answer.to_vec());
                self.ingress.insert(place(request), first);
            }
            "DeleteLoadBalancer" | "DeleteListener" => {
                let arn = field(&request.body, "ListenerArn");
                let arn = arn.or_else(|| field(&request.body, "LoadBalancerArn"));
                let arn = arn.unwrap_or_default().replace("%3A", ":").replace("%2F", "/");
                let is_of = |answer: &[u8]| String::from_utf8_lossy(answer).contains(&arn);
                self.ingress.retain(|_, (_, answer)| !is_of(answer));
            }
            "CreateRule" => self.places.taken(request, &String::from_utf8_lossy(answer)),
            "DeleteRule" => self.places.left(request),
            "CreateService" => {
                self.services.insert(service(request, "serviceName"));
            }
            _ => {
                self.services.remove(&service(request, "service"));
            }
        }
    }
}

fn token(request: &Request) -> Option<String> {
    let token = match request.operation.as_str() {
        "CreateVpcEndpoint" => field(&request.body, "ClientToken")?.to_owned(),
        "CreateService" => json(request, "clientToken"),
        _ => return None,
    };
    Some(format!("{} {token}", request.operation))
}

/// What a second endpoint may not have: the service's private name in the VPC, or its route.
fn name(request: &Request) -> String {
    let of = |name| field(&request.body, name).unwrap_or_default().to_owned();
    [of("VpcId"), of("ServiceName")].join(" ")
}

/// The call succeeds and says in a list what it did not do.
fn not_found(id: &str) -> Vec<u8> {
    let error = "<code>InvalidVpcEndpointId.NotFound</code><message>it does not exist</message>";
    let item = format!("<item><resourceId>{id}</resourceId><error>{error}</error></item>");
    let body = format!(
        "<DeleteVpcEndpointsResponse><unsuccessful>{item}</unsuccessful></DeleteVpcEndpointsResponse>"
    );
    message("200 OK", "text/xml", &body)
}

/// What a load balancer or a listener is alone in.
fn place(request: &Request) -> String {
    let of = |name| field(&request.body, name).unwrap_or_default().to_owned();
    [of("Name"), of("LoadBalancerArn"), of("Port")].join(" ")
}

fn service(request: &Request, key: &str) -> String {
    let last = |key| json(request, key).rsplit('/').next().unwrap_or_default().to_owned();
    format!("{}/{}", last("cluster"), last(key))
}

fn json(request: &Request, key: &str) -> String {
    let body: Value = serde_json::from_str(&request.body).unwrap_or_default();
    body[key].as_str().unwrap_or_default().to_owned()
}
