//! Order and duplicates: a pure decision over what the host has seen.
//!
//! `sys_mod_count` orders the versions of a record, and nothing else does once it is known: a date may be of any zone. Where no
//! payload has it, the second of the update orders them, and within one second the payload's digest tells two updates apart.

use crate::bindings::callbacks::{Judgement, Known, Novelty, Version};

/// How many payloads without a count are told apart by their digests.
const MAX_DIGESTS: usize = 16;

/// A count that is this far beyond the last one is told and not believed: a record is not changed so often between two deliveries,
/// and all that comes after a count that is too large would be silent.
const MAX_GAP: u32 = 10_000;

/// What a version is to what the host knows, and what is to be remembered.
pub fn judge(version: &Version, known: &Known) -> Judgement {
    Judgement { novelty: novelty(version, known), remember: remember(version, known) }
}

/// A version with what the last one seen had and this one lacks: payloads with and without a count may come in turns. A count
/// says more than digests do.
fn remember(version: &Version, known: &Known) -> Version {
    let mut merged = version.clone();
    let seen_count = known.version.as_ref().and_then(|seen| seen.mod_count);
    if version.mod_count.is_some_and(|count| count.saturating_sub(seen_count.unwrap_or_default()) > MAX_GAP) {
        merged.mod_count = seen_count;
    }
    if let Some(seen) = known.version.as_ref().filter(|_| version.mod_count.is_none()) {
        merged.mod_count = merged.mod_count.or(seen.mod_count);
        if merged.updated_on.is_empty() {
            merged.updated_on = seen.updated_on.clone();
        }
        let is_of_this_second = seen.updated_on == merged.updated_on;
        let earlier = seen.digests.iter().filter(|digest| is_of_this_second && !version.digests.contains(digest));
        merged.digests.extend(earlier.cloned());
        merged.digests.truncate(MAX_DIGESTS);
    }
    merged
}

fn novelty(version: &Version, known: &Known) -> Novelty {
    let novelty = match &known.version {
        None => Novelty::New,
        Some(seen) => match (version.mod_count, seen.mod_count) {
            (Some(count), Some(seen)) if count > seen => Novelty::New,
            (Some(count), Some(seen)) if count == seen => Novelty::Duplicate,
            (Some(_), Some(_)) => Novelty::Stale,
            (None, None) => by_time(version, seen),
            _ => by_digest(version, seen),
        },
    };
    match (novelty, version.mod_count) {
        // Everything since the last version seen is settled. Otherwise somebody else's change is in between, and this
        // version may be all that tells of it.
        (Novelty::New, Some(count)) if missing(count, known).all(|count| known.settled.contains(&count)) => {
            Novelty::Echo
        }
        (novelty, _) => novelty,
    }
}

/// Whether nothing that others did lies between the last version seen and this one.
pub fn is_next(version: &Version, known: &Known) -> bool {
    version.mod_count.is_some_and(|count| {
        missing(count, known).filter(|earlier| *earlier != count).all(|count| known.settled.contains(&count))
    })
}

/// The versions after the last one seen, up to this one. A record starts at 0.
fn missing(count: u32, known: &Known) -> impl Iterator<Item = u32> {
    let first = known.version.as_ref().map_or(Some(0), |seen| seen.mod_count.map(|seen| seen.saturating_add(1)));
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
        Version { mod_count: Some(count), updated_on: String::new(), digests: Vec::new() }
    }

    fn timed(updated_on: &str, digests: &[&str]) -> Version {
        let digests = digests.iter().map(ToString::to_string).collect();
        Version { mod_count: None, updated_on: updated_on.to_string(), digests }
    }

    #[test]
    fn the_count_orders_versions_and_only_an_unbroken_chain_of_settled_is_an_echo() {
        for (count, seen, own, expected) in [
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
            (u32::MAX, Some(u32::MAX), &[], Novelty::Duplicate),
        ] {
            let known = Known { version: seen.map(counted), settled: own.to_vec() };
            assert_eq!(judge(&counted(count), &known).novelty, expected, "{count} after {seen:?}, settled {own:?}");
        }
    }

    #[test]
    fn a_count_is_judged_by_counts_alone_and_not_believed_where_it_is_far_beyond() {
        let both = |count: Option<u32>, on: &str| Version { mod_count: count, ..timed(on, &[]) };
        for (version, seen, expected) in [
            (both(Some(6), "2026-01-01 00:00:00"), both(Some(5), "2026-12-31 00:00:00"), Novelty::New),
            (both(Some(6), "2026-01-01 00:00:00"), both(None, "2026-12-31 00:00:00"), Novelty::New),
            (both(None, "2026-01-01 00:00:00"), both(Some(5), "2026-12-31 00:00:00"), Novelty::New),
            (both(None, "2026-01-01 00:00:00"), both(None, "2026-12-31 00:00:00"), Novelty::Stale),
        ] {
            let known = Known { version: Some(seen), settled: Vec::new() };
            assert_eq!(judge(&version, &known).novelty, expected, "{version:?}");
        }
        let known = Known { version: Some(counted(5)), settled: Vec::new() };
        let first = judge(&counted(u32::MAX), &Known { version: None, settled: Vec::new() });
        assert_eq!((first.novelty, first.remember.mod_count), (Novelty::New, None), "nothing is known that it follows");
        for (count, remembered) in [(5 + MAX_GAP, 5 + MAX_GAP), (6 + MAX_GAP, 5), (u32::MAX, 5)] {
            let judged = judge(&counted(count), &known);
            assert_eq!((judged.novelty, judged.remember.mod_count), (Novelty::New, Some(remembered)), "{count}");
        }
    }

    #[test]
    fn what_one_payload_lacks_is_kept_from_the_one_before() {
        let known = Known { version: Some(counted(4)), settled: Vec::new() };
        let flat = judge(&timed("", &["a"]), &known);
        assert_eq!(
            (flat.novelty, flat.remember.mod_count, &flat.remember.digests[..]),
            (Novelty::New, Some(4), &["a".to_string()][..])
        );
        let known = Known { version: Some(flat.remember), settled: Vec::new() };
        assert_eq!(judge(&counted(4), &known).novelty, Novelty::Duplicate);
        // After another version the same content is news: somebody set it back.
        let known = Known { version: Some(judge(&counted(5), &known).remember), settled: Vec::new() };
        assert_eq!(judge(&timed("", &["a"]), &known).novelty, Novelty::New);
    }

    #[test]
    fn without_a_count_the_second_decides_and_two_updates_in_it_are_both_kept() {
        let known = Known { version: Some(timed("2026-01-01 00:00:05", &["a", "b"])), settled: Vec::new() };
        for (version, expected) in [
            (timed("2026-01-01 00:00:06", &["a"]), Novelty::New),
            (timed("2026-01-01 00:00:04", &["c"]), Novelty::Stale),
            (timed("2026-01-01 00:00:05", &["b"]), Novelty::Duplicate),
            (timed("2026-01-01 00:00:05", &["c"]), Novelty::New),
            (timed("", &["c"]), Novelty::New),
            (timed("", &["a"]), Novelty::Duplicate),
        ] {
            assert_eq!(judge(&version, &known).novelty, expected, "{version:?}");
        }
    }
}
