//! Every version of every campaign, for ever.

use airdrops_types::{CampaignId, CampaignVersion, Timestamp};

use super::column::{corrupt, from_json, from_text, hex, json};
use crate::StoreError;
use crate::sql::{Sql, params};

pub(crate) fn store(sql: &mut dyn Sql, versions: &[CampaignVersion]) -> Result<(), StoreError> {
    for version in versions {
        let stored = sql.execute(
            "INSERT INTO definitions (campaign, version, at, author, digest, definition, source)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (campaign, version) DO NOTHING",
            &params![
                version.campaign.as_str(),
                version.version,
                version.at,
                version.by.as_str(),
                hex(version.digest),
                json("definition", &version.definition)?,
                version.source.as_deref(),
            ],
        )?;
        if stored == 0 {
            return Err(StoreError::Contradiction(format!(
                "version {} of campaign {} is stored already, and a version never changes",
                version.version, version.campaign
            )));
        }
    }
    Ok(())
}

/// By campaign and version.
pub(crate) fn load(
    sql: &mut dyn Sql,
    latest_only: bool,
) -> Result<Vec<CampaignVersion>, StoreError> {
    let condition = if latest_only {
        " WHERE version = (SELECT max(newer.version) FROM definitions AS newer
             WHERE newer.campaign = definitions.campaign)"
    } else {
        ""
    };
    sql.all(
        &format!(
            "SELECT campaign, version, at, author, digest, definition, source
             FROM definitions{condition} ORDER BY campaign, version"
        ),
        &[],
        |row| {
            Ok(CampaignVersion {
                campaign: CampaignId::new(row.text(0)?),
                version: u32::try_from(row.int(1)?).map_err(|error| corrupt("version", &error))?,
                at: Timestamp(row.int(2)?),
                by: row.text(3)?.to_owned(),
                digest: from_text("digest", row.text(4)?)?,
                definition: from_json("definition", row.text(5)?)?,
                source: row.opt_text(6)?.map(str::to_owned),
            })
        },
    )
}
