//! Suggestions for words that were probably mistyped.

/// What people write who come from other tools, and what it is called here.
const SYNONYMS: &[(&str, &[&str])] = &[
    ("ip", &["address"]),
    ("ip_address", &["address"]),
    ("ipv4", &["address"]),
    ("ipv6", &["address"]),
    ("mac_address", &["mac"]),
    ("cidr", &["subnet", "prefixes", "pool"]),
    ("prefix", &["subnet", "prefixes"]),
    ("net", &["network"]),
    ("subnetwork", &["subnet"]),
    ("port", &["transport"]),
    ("ports", &["transport"]),
    ("protocols", &["carries", "serves"]),
    ("services", &["serves", "carries"]),
    ("level", &["target_level", "purdue"]),
    ("rate", &["limit"]),
    ("rate_limit", &["limit"]),
    ("permit", &["allow"]),
    ("accept", &["allow"]),
    ("drop", &["deny"]),
    ("reject", &["deny"]),
    ("block", &["deny"]),
    ("host", &["device"]),
    ("node", &["device"]),
    ("firewall", &["gateway"]),
    ("router", &["gateway"]),
    ("segment", &["network"]),
    ("subnet", &["network"]),
    ("rule", &["policy"]),
    ("rules", &["policy"]),
    ("import", &["use"]),
    ("module", &["template"]),
];

/// The candidate nearest to `word`, if one is near enough to be a slip of the fingers, or is another word for it.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (word.chars().count() / 3).max(1);
    let known = SYNONYMS.iter().find(|(other, _)| *other == word).map_or(&[][..], |(_, known)| known);
    let plain = plain(word);
    candidates
        .into_iter()
        .filter(|candidate| *candidate != word)
        .filter_map(|candidate| {
            let slip =
                if same_stem(&plain, candidate) { Some(0) } else { distance(&plain, candidate, limit) };
            let other_word = || known.iter().position(|other| *other == candidate).map(|at| limit + 1 + at);
            Some((slip.filter(|distance| *distance <= limit).or_else(other_word)?, candidate))
        })
        .min()
        .map(|(_, candidate)| candidate)
}

/// Lower case, without what separates the parts of a name.
fn plain(word: &str) -> String {
    word.chars().filter(|part| !matches!(part, '_' | '-')).flat_map(char::to_lowercase).collect()
}

/// Singular and plural, a verb and its third person: `subnet` and `subnets`, `carry` and `carries`.
fn same_stem(plain_word: &str, candidate: &str) -> bool {
    let stem = |word: &str| {
        let word = word.strip_suffix("ies").map_or_else(|| word.to_owned(), |stem| format!("{stem}y"));
        word.strip_suffix('s').unwrap_or(&word).to_owned()
    };
    let candidate = plain(candidate);
    candidate.len() > 3 && plain_word.len() > 3 && stem(plain_word) == stem(&candidate)
}

/// Slips of case cost nothing, swapped neighbours one; nothing where it is above the limit.
fn distance(plain_word: &str, candidate: &str, limit: usize) -> Option<usize> {
    let candidate = plain(candidate);
    (candidate.len().abs_diff(plain_word.len()) <= limit)
        .then(|| strsim::osa_distance(plain_word, &candidate))
}

/// "did you mean `x`?", where something is near enough.
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(word, candidates).map(|candidate| format!("did you mean `{candidate}`?"))
}
