//! Which links of a record lead to one file.

use percent_encoding::percent_decode_str;

use crate::link::{Link, LinkKind};

/// Links of one name, put together where they lead to one file: one over https and one into a bucket are
/// two ways to it. Several over https are several files, whatever their names. A link into a bucket is then
/// of that one over https with which it has more than the name in common; of none, where several have
/// equally much.
pub(crate) fn grouped<'a>(links: &[&'a Link]) -> Vec<Vec<&'a Link>> {
    let of_kind = |kind: LinkKind| distinct(links.iter().filter(|link| link.kind == kind));
    let mut web = of_kind(LinkKind::Data);
    let buckets = of_kind(LinkKind::DirectData);
    if web.len() <= 1 && buckets.len() <= 1 {
        return vec![links.to_vec()];
    }
    let mut taken = vec![false; web.len()];
    let mut alone = Vec::new();
    for bucket in buckets {
        match partner(&bucket, &web).filter(|place| taken.get(*place) == Some(&false)) {
            Some(place) => {
                if let (Some(group), Some(taken)) = (web.get_mut(place), taken.get_mut(place)) {
                    group.extend(bucket);
                    *taken = true;
                }
            }
            None => alone.push(bucket),
        }
    }
    web.extend(alone);
    web
}

/// The same links once, those that differ in nothing but http and https together.
fn distinct<'a, 'b>(links: impl Iterator<Item = &'b &'a Link>) -> Vec<Vec<&'a Link>>
where
    'a: 'b,
{
    let mut found: Vec<Vec<&Link>> = Vec::new();
    for &link in links {
        let same = found.iter_mut().find(|group| {
            let first = group.first();
            first.is_some_and(|first| rest(&first.url) == rest(&link.url))
        });
        match same {
            Some(group) => group.push(link),
            None => found.push(vec![link]),
        }
    }
    found
}

/// The place of the only link over https that has most in common with one into a bucket.
fn partner(bucket: &[&Link], web: &[Vec<&Link>]) -> Option<usize> {
    let own = parts(bucket.first()?);
    let common = |group: &Vec<&Link>| {
        let other = group.first().map(|link| parts(link)).unwrap_or_default();
        let pairs = own.iter().rev().zip(other.iter().rev());
        pairs.take_while(|(one, other)| one == other).count()
    };
    let counts: Vec<usize> = web.iter().map(common).collect();
    let most = counts.iter().copied().max().filter(|most| *most > 1)?;
    let mut best = counts.iter().enumerate().filter(|(_, one)| **one == most);
    match (best.next(), best.next()) {
        (Some((place, _)), None) => Some(place),
        _ => None,
    }
}

fn rest(url: &str) -> &str {
    url.split_once("://").map_or(url, |(_, rest)| rest)
}

/// The parts of a URL's path. That of a bucket is not percent-encoded and has no query.
fn parts(link: &Link) -> Vec<String> {
    let rest = rest(&link.url);
    if link.kind == LinkKind::DirectData {
        return rest.split('/').map(str::to_owned).collect();
    }
    let path = rest.split(['?', '#']).next().unwrap_or_default();
    let decoded = |part| percent_decode_str(part).decode_utf8_lossy().into_owned();
    path.split('/').map(decoded).collect()
}

#[cfg(test)]
mod tests {
    use super::grouped;
    use crate::link::{Link, LinkKind};

    fn groups(urls: &[&str]) -> Vec<Vec<String>> {
        let links: Vec<Link> = urls
            .iter()
            .map(|url| Link::new(url, LinkKind::of(url, "GET DATA", "")))
            .collect();
        let links: Vec<&Link> = links.iter().collect();
        let urls = |group: Vec<&Link>| group.into_iter().map(|link| link.url.clone()).collect();
        grouped(&links).into_iter().map(urls).collect()
    }

    #[test]
    fn ways_to_one_file_and_files_of_one_name() {
        // One of each kind is one file, wherever it lies.
        let both = ["s3://b/0.nc", "https://h/x/0.nc"];
        assert_eq!(groups(&both), [both]);
        let twice = ["http://h/0.nc", "https://h/0.nc", "s3://b/0.nc"];
        assert_eq!(groups(&twice), [twice]);
        let two = ["https://h/x/0.nc", "https://h/y/0.nc"];
        assert_eq!(groups(&two), [[two[0]], [two[1]]]);
        let queries = ["https://h/get?file=0.nc", "https://h/get?file=1.nc"];
        assert_eq!(groups(&queries), [[queries[0]], [queries[1]]]);
        // Folders tell which are the same.
        let (x, y) = ("s3://b/x/0.nc", "s3://b/y/0.nc");
        assert_eq!(groups(&[two[0], y, two[1], x]), [[two[0], x], [two[1], y]]);
        assert_eq!(groups(&[x, y]), [[x], [y]]);
        // Where they do not, none is guessed.
        let unlike = "s3://b/0.nc";
        assert_eq!(
            groups(&[two[0], two[1], unlike]),
            [[two[0]], [two[1]], [unlike]]
        );
    }
}
