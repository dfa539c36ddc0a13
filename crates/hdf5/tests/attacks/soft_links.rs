//! Soft links: each is short, and the way that it leads is not.

use super::{Image, header, message};

/// A link message whose target is of the class, with the information.
fn link(name: &str, class: u8, information: &[u8]) -> Vec<u8> {
    let mut body = vec![1, 8, class, u8::try_from(name.len()).unwrap()];
    body.extend(name.bytes());
    body.extend(u16::try_from(information.len()).unwrap().to_le_bytes());
    body.extend(information);
    // Messages of version 1 headers are as long as a multiple of 8.
    body.resize(body.len().next_multiple_of(8), 0);
    message(0x06, 0, &body)
}

/// A root group of these links.
fn root(links: &[Vec<u8>]) -> Vec<u8> {
    let mut image = Image::new();
    image.push(&header(&links.concat()));
    image.done()
}

/// As many links as fill the file, each of what `target` says of its number.
fn many(size: usize, target: impl Fn(usize) -> String) -> Vec<Vec<u8>> {
    let one = link("00000", 1, target(1).as_bytes()).len();
    (0..size / one)
        .map(|number| link(&format!("{number:05}"), 1, target(number).as_bytes()))
        .collect()
}

/// Links to one link whose path goes in a circle for as long as a path may be.
pub(super) fn over_a_long_one(size: usize) -> Vec<u8> {
    let long = "./".repeat(32_000) + "nowhere";
    let mut links = many(size - 70_000, |_| "x".to_owned());
    links.push(link("x", 1, long.as_bytes()));
    root(&links)
}

/// Each link goes over the next one, over and over.
pub(super) fn over_one_another(size: usize) -> Vec<u8> {
    let mut links = many(size, |number| format!("{:05}/.", number + 1).repeat(40));
    links.push(link("zero", 1, b"/"));
    root(&links)
}

/// Each link is short, and leads over one to another file with a long name.
pub(super) fn out_of_the_file(size: usize) -> Vec<u8> {
    let mut links = many(size - 70_000, |_| "x".to_owned());
    let long = [&[0][..], "f".repeat(60_000).as_bytes(), b"\0/\0"].concat();
    links.push(link("x", 64, &long));
    root(&links)
}
