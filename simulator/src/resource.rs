//! What a path names: an API, its version, a table and a record.

/// The API that a path is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    /// Records.
    Table,
    /// Counts and sums.
    Stats,
    /// Staging tables.
    Import,
    /// Files.
    Attachment,
    /// Short addresses.
    TinyUrl,
}

/// What a path names: `/api/now[/v1|/v2]/table|stats|import/TABLE[/SYS_ID]`, `/attachment[/...]` or `/tinyurl`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resource<'a> {
    /// The version segment, with its slash; empty where there is none.
    pub version: &'a str,
    /// The API.
    pub api: Api,
    /// The table; of attachments what follows.
    pub table: &'a str,
    /// The record.
    pub sys_id: Option<&'a str>,
}

impl<'a> Resource<'a> {
    /// `None` where no API has the path.
    pub fn of(path: &'a str) -> Option<Self> {
        let rest = path.strip_prefix("/api/now")?;
        let versions = ["/v1", "/v2"].into_iter();
        let mut versioned = versions.filter_map(|version| Some((version, rest.strip_prefix(version)?)));
        let (version, rest) = versioned.find(|(_, rest)| rest.starts_with('/')).unwrap_or(("", rest));
        let mut segments = rest.strip_prefix('/')?.splitn(3, '/');
        let api = match segments.next()? {
            "table" => Api::Table,
            "stats" => Api::Stats,
            "import" => Api::Import,
            "attachment" => Api::Attachment,
            "tinyurl" => Api::TinyUrl,
            _ => return None,
        };
        let table = segments.next();
        let table = if matches!(api, Api::Attachment | Api::TinyUrl) { table.unwrap_or_default() } else { table? };
        Some(Self { version, api, table, sys_id: segments.next() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_an_api_a_table_and_a_record() {
        for (path, expected) in [
            ("/api/now/table/incident", Some(("", Api::Table, "incident", None))),
            ("/api/now/v2/table/incident/1", Some(("/v2", Api::Table, "incident", Some("1")))),
            ("/api/now/v1/stats/task", Some(("/v1", Api::Stats, "task", None))),
            ("/api/now/import/u_staging/insertMultiple", Some(("", Api::Import, "u_staging", Some("insertMultiple")))),
            ("/api/now/attachment", Some(("", Api::Attachment, "", None))),
            ("/api/now/attachment/1/file", Some(("", Api::Attachment, "1", Some("file")))),
            ("/api/now/tinyurl", Some(("", Api::TinyUrl, "", None))),
            ("/api/now/v3/table/incident", None),
            ("/api/now/table", None),
            ("/api/sn_chg/change", None),
            ("/", None),
        ] {
            let found = Resource::of(path).map(|found| (found.version, found.api, found.table, found.sys_id));
            assert_eq!(found, expected, "{path}");
        }
    }
}
