//! Files made so that reading them costs far more than their size, were it not for limits.

pub(crate) mod filtered;
mod soft_links;

/// A file under construction: a version 0 superblock whose root header is at 96.
struct Image(Vec<u8>);

/// Makes a file of about the size given.
pub(crate) type Attack = fn(usize) -> Vec<u8>;

pub(crate) fn all() -> Vec<(&'static str, Attack)> {
    vec![
        ("overlapping object headers", overlapping_headers),
        ("overlapping continuation blocks", overlapping_continuations),
        ("groups in one another", deep_groups),
        ("small groups", small_groups),
        ("many links to one group", many_links),
        ("a symbol table of many groups", shared_symbol_table),
        ("a chunk index of many datasets", shared_chunk_index),
        ("implicit chunks of one byte", implicit_chunks),
        ("one long name of many external files", external_files),
        ("a large datatype of many attributes", shared_datatype),
        ("soft links over a long one", soft_links::over_a_long_one),
        ("soft links over one another", soft_links::over_one_another),
        ("soft links out of the file", soft_links::out_of_the_file),
        (
            "attributes whose messages are scattered",
            continuation_chain,
        ),
        ("heaps that unfold", filtered::heaps),
        ("one object of a heap that unfolds", filtered::objects),
    ]
}

const UNDEFINED: u64 = u64::MAX;

fn words(words: &[u64]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// A message of a version 1 object header.
fn message(kind: u16, flags: u8, body: &[u8]) -> Vec<u8> {
    let size = u16::try_from(body.len()).unwrap();
    let mut bytes = kind.to_le_bytes().to_vec();
    bytes.extend(size.to_le_bytes());
    bytes.extend([flags, 0, 0, 0]);
    bytes.extend(body);
    bytes
}

/// A link message to a hard link, with the number as its name.
fn link(number: usize, target: usize) -> Vec<u8> {
    let name = format!("{number:x}");
    let mut body = vec![1, 0, u8::try_from(name.len()).unwrap()];
    body.extend(name.bytes());
    body.extend(words(&[target as u64]));
    message(0x06, 0, &body)
}

/// A version 1 object header.
fn header(messages: &[u8]) -> Vec<u8> {
    let mut bytes = vec![1, 0, 0, 0, 1, 0, 0, 0];
    bytes.extend(u32::try_from(messages.len()).unwrap().to_le_bytes());
    bytes.extend([0; 4]);
    bytes.extend(messages);
    bytes
}

impl Image {
    fn new() -> Self {
        let mut bytes = b"\x89HDF\r\n\x1a\n\0\0\0\0\0\x08\x08\0\x04\0\x10\0\0\0\0\0".to_vec();
        bytes.extend(words(&[0, UNDEFINED, 0, UNDEFINED, 0, 96, 0, 0, 0]));
        assert_eq!(bytes.len(), 96);
        Self(bytes)
    }

    fn push(&mut self, bytes: &[u8]) -> usize {
        let at = self.0.len();
        self.0.extend(bytes);
        at
    }

    /// Ends the file, with the right end in the superblock.
    fn done(mut self) -> Vec<u8> {
        let end = self.0.len() as u64;
        self.0[40..48].copy_from_slice(&end.to_le_bytes());
        self.0
    }
}

/// A root group whose links take half of the file, to objects in the rest.
fn root_with(size: usize, target: impl Fn(usize, usize) -> usize) -> Image {
    let mut links = Vec::new();
    let count = size / 2 / 24;
    let start = 96 + 16 + (0..count).map(|k| link(k, 0).len()).sum::<usize>();
    for k in 0..count {
        links.extend(link(k, target(start, k)));
    }
    let mut image = Image::new();
    image.push(&header(&links));
    image
}

/// At every eighth byte a header of half a megabyte begins, full of messages of 8 bytes.
fn overlapping_headers(size: usize) -> Vec<u8> {
    let mut image = root_with(size, |start, k| start + 8 * k);
    image.push(&[1, 0, 8, 0, 0, 0, 0, 0].repeat(size / 8));
    image.done()
}

/// One header with many continuation messages, each to all of the rest of the file, but for its
/// first bytes.
fn overlapping_continuations(size: usize) -> Vec<u8> {
    let count = size / 2 / 24;
    let rest = 96 + 16 + count * 24;
    let end = rest + count * 16;
    let mut messages = Vec::new();
    for k in 0..count {
        let start = rest + k * 16;
        messages.extend(message(
            0x10,
            0,
            &words(&[start as u64, (end - start) as u64]),
        ));
    }
    let mut image = Image::new();
    image.push(&header(&messages));
    image.push(&message(0x0C, 0, &[0; 8]).repeat(count));
    image.done()
}

/// Each group has one member, a group.
fn deep_groups(size: usize) -> Vec<u8> {
    let mut image = Image::new();
    while image.0.len() < size {
        let next = image.0.len() + 16 + link(0, 0).len();
        image.push(&header(&link(0, next)));
    }
    image.push(&header(&[]));
    image.done()
}

/// As many groups as fit, without anything in them.
fn small_groups(size: usize) -> Vec<u8> {
    let mut image = root_with(size, |start, k| start + 16 * k);
    let count = size / 2 / 24;
    image.push(&header(&[]).repeat(count));
    image.done()
}

fn many_links(size: usize) -> Vec<u8> {
    let mut image = root_with(2 * size, |start, _| start);
    image.push(&header(&[]));
    image.done()
}

/// Each group has a B-tree of its own, which leads to the same symbol table nodes and heap.
fn shared_symbol_table(size: usize) -> Vec<u8> {
    let group = 16 + 24 + 24 + 24;
    let groups = size / 4 / (group + 24);
    let mut links = Vec::new();
    let start = 96 + 16 + (0..groups).map(|k| link(k, 0).len()).sum::<usize>();
    for k in 0..groups {
        links.extend(link(k, start + k * group));
    }
    let mut image = Image::new();
    image.push(&header(&links));
    let leaf = start + groups * group;
    let entries = (size / 2 / 40).min(60_000);
    let heap = leaf + 8 + entries * 40;
    for k in 0..groups {
        let tree = (start + k * group + 40) as u64;
        image.push(&header(&message(0x11, 0, &words(&[tree, heap as u64]))));
        image.push(b"TREE\0\0\x01\0");
        image.push(&words(&[UNDEFINED, UNDEFINED, 0, leaf as u64, 0]));
    }
    image.0.truncate(start + groups * group);
    image.push(b"SNOD\x01\0");
    image.push(&u16::try_from(entries).unwrap().to_le_bytes());
    for k in 0..entries {
        image.push(&words(&[8 * k as u64, 96, 0, 0, 0]));
    }
    image.push(b"HEAP\0\0\0\0");
    image.push(&words(&[8 * entries as u64, UNDEFINED, heap as u64 + 32]));
    for k in 0..entries {
        image.push(format!("{k:07x}\0").as_bytes());
    }
    image.done()
}

/// What a dataset of bytes has, besides its layout.
fn dataset(rows: u64, chunk_layout: &[u8]) -> Vec<u8> {
    let mut space = vec![1, 1, 0, 0, 0, 0, 0, 0];
    space.extend(words(&[rows]));
    let mut messages = message(0x01, 0, &space);
    messages.extend(message(0x03, 0, &[0x10, 0, 0, 0, 1, 0, 0, 0, 0, 0, 8, 0]));
    messages.extend(message(0x08, 0, chunk_layout));
    header(&messages)
}

/// Each dataset has a B-tree of its own, with the same leaf.
fn shared_chunk_index(size: usize) -> Vec<u8> {
    let layout = |tree: usize| {
        let mut layout = vec![3, 2, 2];
        layout.extend(words(&[tree as u64]));
        layout.extend([1, 0, 0, 0, 1, 0, 0, 0]);
        layout
    };
    let rows = (size / 2 / 32).min(60_000);
    let one = dataset(rows as u64, &layout(0)).len() + 72;
    let count = size / 2 / (one + 24);
    let start = 96 + 16 + (0..count).map(|k| link(k, 0).len()).sum::<usize>();
    let mut links = Vec::new();
    for k in 0..count {
        links.extend(link(k, start + k * one));
    }
    let mut image = Image::new();
    image.push(&header(&links));
    let leaf = start + count * one;
    for k in 0..count {
        let tree = start + (k + 1) * one - 72;
        image.push(&dataset(rows as u64, &layout(tree)));
        image.push(b"TREE\x01\x01\x01\0");
        image.push(&words(&[UNDEFINED, UNDEFINED, 1, 0, 0, leaf as u64, 1, 0]));
    }
    assert_eq!(image.0.len(), leaf);
    image.push(b"TREE\x01\0");
    image.push(&u16::try_from(rows).unwrap().to_le_bytes());
    image.push(&words(&[UNDEFINED, UNDEFINED]));
    for k in 0..rows {
        image.push(&words(&[1, k as u64, 0, 96]));
    }
    image.push(&words(&[1, rows as u64, 0]));
    image.done()
}

/// Each dataset has as many chunks as the file has bytes.
fn implicit_chunks(size: usize) -> Vec<u8> {
    let layout = |k: usize| {
        let mut layout = vec![4, 2, 0, 2, 1, 1, 1, 2];
        layout.extend(words(&[k as u64]));
        layout
    };
    let one = dataset(0, &layout(0)).len();
    let mut image = root_with(size, |start, k| start + one * (k % (size / 2 / one)));
    for k in 0..size / 2 / one {
        image.push(&dataset(size as u64 / 2, &layout(k)));
    }
    image.done()
}

/// A dataset whose external files have one name, as long as the file.
fn external_files(size: usize) -> Vec<u8> {
    let slots = 2000_u16;
    let external = |heap: usize| {
        let mut body = vec![1, 0, 0, 0];
        body.extend([slots.to_le_bytes(), slots.to_le_bytes()].concat());
        body.extend(words(&[heap as u64]));
        body.extend(words(&[0, 0, 1]).repeat(usize::from(slots)));
        message(0x07, 0, &body)
    };
    let messages = |heap: usize| {
        let contiguous = [&[3, 1][..], &words(&[UNDEFINED, 2000])].concat();
        let mut messages = dataset(2000, &contiguous)[16..].to_vec();
        messages.extend(external(heap));
        messages
    };
    let mut image = Image::new();
    let member = 96 + 16 + link(0, 0).len();
    image.push(&header(&link(0, member)));
    let heap = member + 16 + messages(0).len();
    image.push(&header(&messages(heap)));
    image.push(b"HEAP\0\0\0\0");
    image.push(&words(&[size as u64, UNDEFINED, heap as u64 + 32]));
    image.push(&vec![0xFF; size - 1]);
    image.push(&[0]);
    image.done()
}

/// Attributes that share a compound of thousands of fields.
pub(crate) fn shared_datatype(size: usize) -> Vec<u8> {
    let fields = 3000_u16;
    let mut compound = vec![0x36];
    compound.extend(fields.to_le_bytes());
    compound.push(0);
    compound.extend(u32::from(fields).to_le_bytes());
    for k in 0..fields {
        compound.extend(format!("{k:x}\0").as_bytes());
        compound.extend(k.to_le_bytes());
        compound.extend([0x10, 0, 0, 0, 1, 0, 0, 0, 0, 0, 8, 0]);
    }
    let mut messages = Vec::new();
    let datatype = message(0x03, 0, &compound);
    let at = 96 + 16;
    let count = size / 2 / 44;
    let total: usize = (0..count).map(|k| attribute(k, 0).len()).sum();
    for k in 0..count {
        messages.extend(attribute(k, at + total));
    }
    let mut image = Image::new();
    image.push(&header(&messages));
    image.push(&header(&datatype));
    image.done()
}

/// An attribute without elements, whose datatype is that of the object at `datatype`.
fn attribute(number: usize, datatype: usize) -> Vec<u8> {
    let name = format!("{number:x}\0");
    let mut body = vec![3, 1, u8::try_from(name.len()).unwrap(), 0, 10, 0, 4, 0, 0];
    body.extend(name.bytes());
    body.extend([3, 2]);
    body.extend(words(&[datatype as u64]));
    body.extend([2, 0, 0, 2]);
    message(0x0C, 0, &body)
}

/// A header whose blocks have one message each: where the next is.
fn continuation_chain(size: usize) -> Vec<u8> {
    let count = size / 24;
    let mut image = Image::new();
    let next = |image: &Image| image.0.len() + 40;
    let at = next(&image) as u64;
    image.push(&header(&message(0x10, 0, &words(&[at, 24]))));
    for _ in 1..count {
        let at = image.0.len() as u64 + 24;
        image.push(&message(0x10, 0, &words(&[at, 24])));
    }
    image.push(&message(0, 0, &[0; 16]));
    image.done()
}
