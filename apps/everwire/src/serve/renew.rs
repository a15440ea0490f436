//! `everwire cluster renew`.

use everwire_chat_server::{ClusterSettings, renew_cluster};

use crate::args::RenewedCluster;
use crate::exit::{Exit, Failure};
use crate::term::complain;

pub(crate) async fn renew(args: RenewedCluster) -> Result<Exit, Failure> {
    let mut settings = ClusterSettings::new(args.cluster);
    settings.credentials = args.cluster_credentials;
    settings.ca = args.cluster_ca;
    let epoch = renew_cluster(&settings).await.map_err(|error| super::not_a_node(&error))?;
    complain(&format!("the cluster has begun the epoch {epoch}; start its nodes with empty data folders"));
    Ok(Exit::Done)
}
