//! What stands of previews, and what GitHub says of their pull requests.

use crate::{
    aws::{Reader, explain::Failure},
    config::model::Config,
    context::Context,
    cost::{bill::Size, prices::PriceList},
    error::{Problem, Result},
    event::Events,
    preview::{
        find,
        found::{self, Found},
        list::{self, List},
        standing::{Asker, Standing},
    },
    resource::task_definition,
};
use futures_util::future::try_join_all;
use std::collections::{BTreeMap, BTreeSet};

/// What stands.
#[derive(Debug)]
pub struct Looked {
    /// The way that the calls went.
    pub aws: Reader,
    /// The previews, in the order of their numbers.
    pub found: Vec<Found>,
    /// What is known of each one's pull request, by its number.
    pub standings: BTreeMap<u64, Standing>,
}

/// Looks at both.
pub async fn look(
    config: &Config,
    context: &Context,
    asker: &Result<Asker<'_>, Problem>,
) -> Result<Looked> {
    let aws = context.session.connect(config.region.as_deref()).await?;
    let open = async {
        match asker {
            Ok(asker) => asker.open().await,
            Err(why) => Err(why.clone()),
        }
    };
    let (listed, open) = tokio::join!(find::list(&aws, config), open);
    let found = found::previews(config, &aws.region, &listed?);
    let standings = standings(&found, context, asker, open).await;
    Ok(Looked { aws, found, standings })
}

/// The list says which are open; of one that it does not have GitHub is asked, since the list may have
/// missed it.
async fn standings(
    found: &[Found],
    context: &Context,
    asker: &Result<Asker<'_>, Problem>,
    open: Result<BTreeSet<u64>, Problem>,
) -> BTreeMap<u64, Standing> {
    let here = context.github.as_ref().map(|github| github.repository.as_str());
    let mut standings = BTreeMap::new();
    for preview in found {
        let repository = preview.service.as_ref().and_then(|it| it.ownership.repository.as_ref());
        let standing = match (repository, &open, asker) {
            (Some(other), _, _) if here.is_some_and(|here| !here.eq_ignore_ascii_case(other)) => {
                Standing::Elsewhere(other.clone())
            }
            (_, Err(why), _) | (_, _, Err(why)) => Standing::Unknown(why.clone()),
            (_, Ok(open), _) if open.contains(&preview.number) => Standing::Open,
            (_, _, Ok(asker)) => asker.about(preview.number).await,
        };
        standings.insert(preview.number, standing);
    }
    standings
}

/// What `preview list` tells; changes nothing.
pub async fn list(config: &Config, context: &Context, events: &Events) -> Result<List> {
    let asker = Asker::new(context, events);
    let Looked { aws, found, standings } = look(config, context, &asker).await?;
    let sizes = sizes(&aws, &found).await?;
    let prices = PriceList::own();
    let inputs = list::Inputs {
        found: &found,
        standings: &standings,
        sizes: &sizes,
        prices: prices.of(&aws.region),
        region: &aws.region,
        now: jiff::Timestamp::now().as_second(),
    };
    Ok(list::list(config, &inputs))
}

/// What a task gets, by the revision that is run.
async fn sizes(aws: &Reader, found: &[Found]) -> Result<BTreeMap<String, Option<Size>>, Failure> {
    let services = found.iter().filter_map(|found| found.service.as_ref());
    let revisions: BTreeSet<_> = services.map(|service| &service.task_definition).collect();
    let read = revisions.into_iter().map(|revision| async move {
        let document = task_definition::document(aws, revision).await?;
        Ok((revision.clone(), document.as_ref().and_then(Size::of)))
    });
    Ok(try_join_all(read).await?.into_iter().collect())
}
