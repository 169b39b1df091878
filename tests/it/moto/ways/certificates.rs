use super::{Preview, same};
use crate::moto::stack::Stack;

const BY_HOST: &str = "preview: { host: 'pr-{number}.preview.example.com' }";

async fn request(stack: &Stack, names: &[&str]) -> String {
    let acm = aws_sdk_acm::Client::new(&stack.moto.config());
    let request = acm.request_certificate().domain_name(names[0]);
    let more = names[1..].iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    let request = request.set_subject_alternative_names((!more.is_empty()).then_some(more));
    let made = request.send().await.expect("a certificate");
    made.certificate_arn().expect("an ARN").to_owned()
}

/// The certificates that the HTTPS listener has, the default one first.
async fn on_listener(stack: &Stack) -> Vec<String> {
    let elb = &stack.account.elb;
    let found = elb.describe_load_balancers().names("web").send().await.expect("it is there");
    let arn = found.load_balancers()[0].load_balancer_arn().expect("an ARN").to_owned();
    let found = elb.describe_listeners().load_balancer_arn(arn).send().await.expect("listeners");
    let https = found.listeners().iter().find(|found| found.port() == Some(443)).expect("HTTPS");
    let request = elb.describe_listener_certificates();
    let request = request.listener_arn(https.listener_arn().expect("an ARN"));
    let found = request.send().await.expect("certificates");
    let arns = found.certificates().iter().filter_map(|found| found.certificate_arn());
    arns.map(str::to_owned).collect()
}

#[tokio::test]
async fn a_host_that_no_certificate_covers_is_refused() {
    let stack = Stack::new().await;
    let main = request(&stack, &["web.example.com", "*.example.com"]).await;
    let balancer = format!("load-balancer: {{ host: web.example.com, certificate: '{main}' }}\n");
    stack.write_more(&format!("{balancer}{BY_HOST}"));
    stack.converge().await;
    let before = stack.account.everything().await;
    let told = Preview::of(&stack, 42).refused().await;
    insta::assert_snapshot!(told.replace(&main, "THE-CERTIFICATE"), @r"
    no certificate covers the preview's host `pr-42.preview.example.com`
      THE-CERTIFICATE covers *.example.com, web.example.com
      help: request one: aws acm request-certificate --domain-name '*.preview.example.com' --validation-method DNS, and give its ARN as `preview.certificate`
    ");

    let unknown = "arn:aws:acm:eu-central-1:123456789012:certificate/none";
    let own = BY_HOST.replace(" }", &format!(", certificate: '{unknown}' }}"));
    stack.write_more(&format!("{balancer}{own}"));
    insta::assert_snapshot!(Preview::of(&stack, 42).refused().await, @"
    certificate arn:aws:acm:eu-central-1:123456789012:certificate/none does not exist
      help: give in `preview.certificate` the ARN of one that ACM has in this region and account
    ");
    same(&before, &stack.account.everything().await);

    // A path is under the service's own host.
    stack.write_more(&format!("{balancer}preview: {{ path: '/pr-{{number}}' }}"));
    let preview = Preview::of(&stack, 42);
    preview.up().await;
    assert_eq!(preview.url().await, "https://web.example.com/pr-42/");
}

#[tokio::test]
async fn the_previews_certificate_is_put_onto_the_listener_and_goes_with_the_main_service() {
    let stack = Stack::new().await;
    let main = request(&stack, &["web.example.com"]).await;
    let own = request(&stack, &["*.preview.example.com"]).await;
    let balancer = format!("load-balancer: {{ host: web.example.com, certificate: '{main}' }}\n");
    let block = BY_HOST.replace(" }", &format!(", certificate: '{own}' }}"));
    stack.write_more(&format!("{balancer}{block}"));
    let before = stack.account.everything().await;
    stack.converge().await;
    // Another service shares the listener, so that it stays.
    let text = std::fs::read_to_string(stack.file()).expect("the file");
    let other =
        text.replace("service: web\n", "service: api\n").replace("web.example", "api.example");
    let other = other.replace("load-balancer: { ", "load-balancer: { name: web, ");
    std::fs::write(stack.file(), &other).expect("the file");
    stack.converge().await;
    std::fs::write(stack.file(), &text).expect("the file");
    let shared = stack.account.everything().await;

    let preview = Preview::of(&stack, 42);
    let id = own.rsplit('/').next().expect("an id");
    let address = format!("listener-certificate/{id}");
    assert!(preview.up().await.contains(&address));
    assert_eq!(on_listener(&stack).await, [main.clone(), own.clone()]);
    assert_eq!(preview.url().await, "https://pr-42.preview.example.com");
    let again = preview.plan().await.unwrap_or_else(|error| panic!("{error}"));
    assert!(again.steps.is_empty(), "{:?}", again.steps.keys());
    assert!(!Preview::of(&stack, 43).up().await.contains(&address));

    preview.down().await;
    Preview::of(&stack, 43).down().await;
    assert_eq!(on_listener(&stack).await, [main.clone(), own.clone()], "the next one needs it");
    let plan = stack.teardown().await;
    assert!(plan.steps.keys().any(|found| found.to_string() == address), "{:?}", plan.steps.keys());
    stack.apply(&plan).await;
    assert_eq!(on_listener(&stack).await, std::slice::from_ref(&main));
    assert_ne!(shared, stack.account.everything().await);
    std::fs::write(stack.file(), &other).expect("the file");
    let plan = stack.teardown().await;
    stack.apply(&plan).await;
    same(&before, &stack.account.everything().await);
}

#[tokio::test]
async fn a_certificate_that_covers_already_is_enough() {
    let stack = Stack::new().await;
    let main = request(&stack, &["web.example.com", "*.preview.example.com"]).await;
    let balancer = format!("load-balancer: {{ host: web.example.com, certificate: '{main}' }}\n");
    stack.write_more(&format!("{balancer}{BY_HOST}"));
    stack.converge().await;
    let steps = Preview::of(&stack, 42).up().await;
    assert!(!steps.iter().any(|step| step.starts_with("listener")), "{steps:?}");
    assert_eq!(on_listener(&stack).await, [main]);
}
