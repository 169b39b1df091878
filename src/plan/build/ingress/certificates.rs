//! The certificate of a preview's host.

use super::Inputs;
use crate::{
    address::{Address, Kind, Known},
    error::{Error, Problem, Result},
    plan::{Plan, change::Change},
    resource::{Action, listener_certificate},
    world::certificates::{self, Certificates, Read},
};

/// ACM's word for a certificate that can be used.
const ISSUED: &str = "ISSUED";

/// Refuses a preview whose host no certificate covers, and plans the one that the file gives for previews.
/// It stays as long as the main service does: each preview needs it, and the one that is made at the moment
/// would lose it to the last one that goes.
pub(super) fn ensure(inputs: &Inputs<'_>, listener: &Known, plan: &mut Plan) -> Result<()> {
    let Inputs { config, world, .. } = *inputs;
    let Some(host) = certificates::host(config) else { return Ok(()) };
    let given = config.preview.as_ref().and_then(|preview| preview.certificate.as_ref());
    check(host, given, &world.certificates, plan)?;
    let Some(given) = given else { return Ok(()) };
    let https = world.listeners.iter().find(|found| Some(&*found.arn) == listener.now());
    let default = match https {
        Some(found) => found.settings.certificate.as_ref(),
        None => config.load_balancer.certificate.as_ref(),
    };
    let stands = default == Some(given) || world.certificates.further.contains(given);
    let settings =
        listener_certificate::Settings { listener: listener.clone(), certificate: given.clone() };
    let address = Address::new(Kind::ListenerCertificate, listener_certificate::id_of(given));
    let change = (!stands).then(|| Change::ListenerCertificate(Action::Create(settings)));
    plan.add(address, change, "it covers the hosts of previews");
    Ok(())
}

fn check(
    host: &str,
    given: Option<&String>,
    certificates: &Certificates,
    plan: &mut Plan,
) -> Result<()> {
    let read = &certificates.read;
    if let Some((arn, Read::Missing)) = given.and_then(|given| read.get_key_value(given)) {
        let help =
            "give in `preview.certificate` the ARN of one that ACM has in this region and account";
        return Err(Error::refused(format!("certificate {arn} does not exist"), help));
    }
    if let Some((arn, Read::Found { status, .. })) =
        given.and_then(|given| read.get_key_value(given))
        && status != ISSUED
    {
        let help = "ELB takes none but an issued one: validate it in ACM, or give another one";
        return Err(Error::refused(format!("certificate {arn} is {status}"), help));
    }
    if read.is_empty() || read.values().any(|read| read.covers(host) == Some(true)) {
        return Ok(());
    }
    let unread = |read: &Read| matches!(read, Read::Unread(_));
    if read.values().any(unread) {
        let why = read.values().filter_map(|read| match read {
            Read::Unread(why) => Some(why.as_str()),
            _ => None,
        });
        plan.warnings.push(format!(
            "whether a certificate covers {host} is not known: {}",
            why.collect::<Vec<_>>().join("; ")
        ));
        return Ok(());
    }
    let mut problem = Problem::new(format!("no certificate covers the preview's host `{host}`"));
    for (arn, read) in read {
        problem = problem.found(match read {
            Read::Found { covers, status } if status == ISSUED => {
                format!("{arn} covers {}", covers.join(", "))
            }
            Read::Found { covers, status } => {
                format!("{arn} covers {} and is {status}", covers.join(", "))
            }
            Read::Missing | Read::Unread(_) => format!("{arn} does not exist"),
        });
    }
    let domain = host.split_once('.').map_or(host, |(_, domain)| domain);
    Err(Error::Refused(problem.help(format!(
        "request one: aws acm request-certificate --domain-name '*.{domain}' --validation-method DNS, and \
         give its ARN as `preview.certificate`"
    ))))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "pr-42.preview.example.com";

    fn found(covers: &str, status: &str) -> Read {
        Read::Found { covers: vec![covers.to_owned()], status: status.to_owned() }
    }

    /// What is told of these, by ARN; `own` is the file's for previews.
    fn told(all: [(&str, Read); 2]) -> String {
        let read = all.into_iter().map(|(arn, read)| (arn.to_owned(), read)).collect();
        let certificates = Certificates { read, ..Certificates::default() };
        let mut plan = Plan::default();
        match check(HOST, Some(&"own".to_owned()), &certificates, &mut plan) {
            Ok(()) if plan.warnings.is_empty() => "ok".to_owned(),
            Ok(()) => format!("warning: {}", plan.warnings.join("\n")),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn one_of_them_has_to_cover_the_host() {
        let main = || ("main", found("web.example.com", "ISSUED"));
        let denied = || Read::Unread("acm:DescribeCertificate was refused".to_owned());
        let cases = [
            told([main(), ("own", found("*.preview.example.com", "ISSUED"))]),
            told([("main", found(HOST, "ISSUED")), ("own", found("x.example.com", "ISSUED"))]),
            told([main(), ("own", found("*.example.com", "ISSUED"))]),
            told([main(), ("own", found("*.preview.example.com", "PENDING_VALIDATION"))]),
            told([("main", found(HOST, "EXPIRED")), ("own", found("x.example.com", "ISSUED"))]),
            told([main(), ("own", Read::Missing)]),
            told([main(), ("own", denied())]),
            told([("main", denied()), ("own", found("*.preview.example.com", "ISSUED"))]),
        ];
        insta::assert_snapshot!(cases.join("\n"), @r"
        ok
        ok
        no certificate covers the preview's host `pr-42.preview.example.com`
          main covers web.example.com
          own covers *.example.com
          help: request one: aws acm request-certificate --domain-name '*.preview.example.com' --validation-method DNS, and give its ARN as `preview.certificate`
        certificate own is PENDING_VALIDATION
          help: ELB takes none but an issued one: validate it in ACM, or give another one
        no certificate covers the preview's host `pr-42.preview.example.com`
          main covers pr-42.preview.example.com and is EXPIRED
          own covers x.example.com
          help: request one: aws acm request-certificate --domain-name '*.preview.example.com' --validation-method DNS, and give its ARN as `preview.certificate`
        certificate own does not exist
          help: give in `preview.certificate` the ARN of one that ACM has in this region and account
        warning: whether a certificate covers pr-42.preview.example.com is not known: acm:DescribeCertificate was refused
        ok
        ");
        let (none, mut plan) = (Certificates::default(), Plan::default());
        assert!(check(HOST, None, &none, &mut plan).is_ok() && plan.warnings.is_empty());
    }
}
