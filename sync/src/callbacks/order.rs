//! Order and duplicates: a pure decision over what was seen of a record.
//!
//! `sys_mod_count` orders the versions of a record, and nothing else does once it is known: a date may be of any zone. Where no
//! payload has it, the second of the update orders them, and within one second the payload's digest tells two updates apart.

use super::seen::{MAX_MISSING, Seen, Source, Version};

/// What a version is to what was seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Novelty {
    /// Later than anything seen.
    New,
    /// Overtaken by a later one, and not told.
    Late(u32),
    /// Seen before.
    Duplicate,
    /// Older than what was seen.
    Stale,
    /// Nothing but settled versions since the last one seen.
    Echo,
}

/// What a version is. `settled` are the counts that need no attention: those that own writes returned, and those that the rules
/// left out. Others of the same user are real changes.
pub fn judge(version: &Version, seen: &Seen, settled: &[u32], source: Source) -> Novelty {
    let is_missing = |count: u32| seen.missing.contains(&count) && !settled.contains(&count);
    let novelty = match &seen.version {
        None => Novelty::New,
        Some(last) => match (version.mod_count, last.mod_count) {
            (Some(count), Some(last)) if count > last => Novelty::New,
            (Some(count), Some(last)) if count == last && !(source == Source::Delivery && is_missing(count)) => {
                Novelty::Duplicate
            }
            // Counts only grow: what was seen so far beyond the table's own was no version of it.
            (Some(count), Some(last)) if source == Source::Table && last - count > MAX_MISSING => Novelty::New,
            (Some(count), Some(_)) if is_missing(count) => Novelty::Late(count),
            (Some(_), Some(_)) => Novelty::Stale,
            (None, None) => by_time(version, last),
            _ => by_digest(version, last),
        },
    };
    match (novelty, version.mod_count) {
        // Everything since the last version seen is settled. Otherwise somebody else's change is in between, and this
        // version may be all that tells of it.
        (Novelty::New, Some(count)) if is_next(version, seen, settled) && settled.contains(&count) => Novelty::Echo,
        (novelty, _) => novelty,
    }
}

/// Whether nothing that others did lies between the last version seen and this one.
pub fn is_next(version: &Version, seen: &Seen, settled: &[u32]) -> bool {
    version.mod_count.is_some_and(|count| {
        let mut between = since_last(count, seen).filter(|earlier| *earlier != count);
        since_last(count, seen).next().is_some() && between.all(|count| settled.contains(&count))
    })
}

/// The versions after the last one seen, up to this one. A record starts at 0.
fn since_last(count: u32, seen: &Seen) -> impl Iterator<Item = u32> {
    let first = seen.version.as_ref().map_or(Some(0), |last| last.mod_count.map(|last| last.saturating_add(1)));
    // Where the last version had no count, all may be missing.
    first.unwrap_or_default()..=count
}

/// Where only one of two payloads has a count, their dates say nothing.
fn by_digest(version: &Version, seen: &Version) -> Novelty {
    let same = version.digests.first().is_some_and(|digest| seen.digests.first() == Some(digest));
    if same { Novelty::Duplicate } else { Novelty::New }
}

fn by_time(version: &Version, seen: &Version) -> Novelty {
    if version.updated_on.is_empty() || seen.updated_on.is_empty() {
        return by_digest(version, seen);
    }
    match version.updated_on.cmp(&seen.updated_on) {
        std::cmp::Ordering::Greater => Novelty::New,
        std::cmp::Ordering::Less => Novelty::Stale,
        std::cmp::Ordering::Equal => {
            let is_seen = |digest: &String| seen.digests.contains(digest);
            if version.digests.iter().any(is_seen) { Novelty::Duplicate } else { Novelty::New }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(count: u32) -> Version {
        Version { mod_count: Some(count), ..Version::default() }
    }

    fn timed(updated_on: &str, digests: &[&str]) -> Version {
        let digests = digests.iter().map(ToString::to_string).collect();
        Version { mod_count: None, updated_on: updated_on.to_string(), digests }
    }

    fn seen(version: Option<Version>) -> Seen {
        Seen { version, ..Seen::default() }
    }

    #[test]
    fn the_count_orders_versions_and_only_an_unbroken_chain_of_settled_is_an_echo() {
        for (count, last, own, expected) in [
            (0, None, &[][..], Novelty::New),
            (5, None, &[], Novelty::New),
            (0, None, &[0], Novelty::Echo),
            (1, None, &[0, 1], Novelty::Echo),
            (1, None, &[1], Novelty::New),
            (5, Some(4), &[], Novelty::New),
            (5, Some(4), &[5], Novelty::Echo),
            (5, Some(3), &[5], Novelty::New),
            (5, Some(3), &[4, 5], Novelty::Echo),
            (5, Some(5), &[5], Novelty::Duplicate),
            (4, Some(5), &[4], Novelty::Stale),
            (4, Some(5), &[], Novelty::Stale),
            (u32::MAX, Some(u32::MAX), &[], Novelty::Duplicate),
        ] {
            let judged = judge(&counted(count), &seen(last.map(counted)), own, Source::Delivery);
            assert_eq!(judged, expected, "{count} after {last:?}, settled {own:?}");
        }
    }

    #[test]
    fn a_version_that_was_overtaken_is_told_once() {
        let seen = seen(Some(counted(3))).with_version(&counted(7), &[5], Source::Delivery);
        for (count, settled, expected) in [
            (4, &[][..], Novelty::Late(4)),
            (5, &[5], Novelty::Stale),
            (6, &[], Novelty::Late(6)),
            (6, &[6], Novelty::Stale),
            (3, &[], Novelty::Stale),
        ] {
            assert_eq!(
                judge(&counted(count), &seen, settled, Source::Delivery),
                expected,
                "{count}, settled {settled:?}"
            );
        }
        assert_eq!(judge(&counted(4), &seen.with_late(4), &[], Source::Delivery), Novelty::Stale);
    }

    #[test]
    fn a_count_is_judged_by_counts_alone_and_not_believed_where_it_is_far_beyond() {
        let both = |count: Option<u32>, on: &str| Version { mod_count: count, ..timed(on, &[]) };
        for (version, last, expected) in [
            (both(Some(6), "2026-01-01 00:00:00"), both(Some(5), "2026-12-31 00:00:00"), Novelty::New),
            (both(Some(6), "2026-01-01 00:00:00"), both(None, "2026-12-31 00:00:00"), Novelty::New),
            (both(None, "2026-01-01 00:00:00"), both(Some(5), "2026-12-31 00:00:00"), Novelty::New),
            (both(None, "2026-01-01 00:00:00"), both(None, "2026-12-31 00:00:00"), Novelty::Stale),
        ] {
            assert_eq!(judge(&version, &seen(Some(last)), &[], Source::Delivery), expected, "{version:?}");
        }
        let after = |count: u32, last: Option<u32>, source: Source| {
            let seen = seen(last.map(counted)).with_version(&counted(count), &[], source);
            seen.version.unwrap().mod_count
        };
        assert_eq!(after(u32::MAX, None, Source::Delivery), None, "nothing is known that it follows");
        for (count, remembered) in [(10_005, 10_005), (10_006, 5), (u32::MAX, 5)] {
            assert_eq!(after(count, Some(5), Source::Delivery), Some(remembered), "{count}");
            assert_eq!(after(count, Some(5), Source::Table), Some(count), "{count}");
        }
    }

    #[test]
    fn a_count_that_somebody_made_up_silences_a_record_until_its_table_is_read() {
        let seen = seen(Some(counted(9_000)));
        for (count, source, expected) in [
            (6, Source::Delivery, Novelty::Stale),
            (6, Source::Table, Novelty::New),
            (8_990, Source::Table, Novelty::Stale),
        ] {
            assert_eq!(judge(&counted(count), &seen, &[], source), expected, "{count} {source:?}");
        }
        let healed = seen.with_version(&counted(6), &[], Source::Table);
        assert_eq!(healed.version, Some(counted(6)));
    }

    #[test]
    fn what_one_payload_lacks_is_kept_from_the_one_before() {
        let with = |last: Version, version: &Version| seen(Some(last)).with_version(version, &[], Source::Delivery);
        let flat = with(counted(4), &timed("", &["a"]));
        let version = flat.version.clone().unwrap();
        assert_eq!((version.mod_count, &version.digests[..]), (Some(4), &["a".to_string()][..]));
        assert_eq!(judge(&counted(4), &flat, &[], Source::Delivery), Novelty::Duplicate);
        // After another version the same content is news: somebody set it back.
        let later = flat.with_version(&counted(5), &[], Source::Delivery);
        assert_eq!(judge(&timed("", &["a"]), &later, &[], Source::Delivery), Novelty::New);
    }

    #[test]
    fn without_a_count_the_second_decides_and_two_updates_in_it_are_both_kept() {
        let seen = seen(Some(timed("2026-01-01 00:00:05", &["a", "b"])));
        for (version, expected) in [
            (timed("2026-01-01 00:00:06", &["a"]), Novelty::New),
            (timed("2026-01-01 00:00:04", &["c"]), Novelty::Stale),
            (timed("2026-01-01 00:00:05", &["b"]), Novelty::Duplicate),
            (timed("2026-01-01 00:00:05", &["c"]), Novelty::New),
            (timed("", &["c"]), Novelty::New),
            (timed("", &["a"]), Novelty::Duplicate),
        ] {
            assert_eq!(judge(&version, &seen, &[], Source::Delivery), expected, "{version:?}");
        }
    }
}
