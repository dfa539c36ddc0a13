//! Writes a file of the old style (superblock 0, symbol tables, object headers of version 1) whose
//! structures lie far apart: a group "g" with datasets "d0000", "d0001", ...

/// Bytes from one structure to the next.
const APART: usize = 4096;
/// Entries of a symbol table node: twice the K of leaves.
const LEAF: usize = 8;
const UNDEFINED: u64 = u64::MAX;

#[derive(Default)]
struct Image(Vec<u8>);

impl Image {
    /// Room for a structure of this size, far from the others.
    fn place(&mut self, size: usize) -> u64 {
        let at = self.0.len().next_multiple_of(APART);
        self.0.resize(at + size, 0);
        at as u64
    }

    fn put(&mut self, at: u64, bytes: &[u8]) {
        let at = usize::try_from(at).unwrap();
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
    }

    fn add(&mut self, bytes: &[u8]) -> u64 {
        let at = self.place(bytes.len());
        self.put(at, bytes);
        at
    }
}

fn words(words: &[u64]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// An object header of version 1; each body is padded to 8 bytes.
fn header(messages: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (kind, message) in messages {
        let size = message.len().next_multiple_of(8);
        body.extend(kind.to_le_bytes());
        body.extend(u16::try_from(size).unwrap().to_le_bytes());
        body.extend([0; 4]);
        body.extend(message);
        body.resize(body.len() + size - message.len(), 0);
    }
    let mut out = vec![1, 0];
    out.extend(u16::try_from(messages.len()).unwrap().to_le_bytes());
    out.extend(1_u32.to_le_bytes());
    out.extend(u32::try_from(body.len()).unwrap().to_le_bytes());
    out.extend([0; 4]);
    out.extend(body);
    out
}

/// A number of two bytes that was never written.
fn dataset() -> Vec<u8> {
    let space = vec![1, 0, 0, 0, 0, 0, 0, 0];
    let kind = vec![0x10, 8, 0, 0, 2, 0, 0, 0, 0, 0, 16, 0];
    let fill = vec![2, 2, 2, 0];
    let layout = [&[3, 1][..], &words(&[UNDEFINED, 2])].concat();
    header(&[(1, space), (3, kind), (5, fill), (8, layout)])
}

/// A member of a group: its header, and of a group its B-tree and heap.
struct Member {
    name: String,
    header: u64,
    table: Option<(u64, u64)>,
}

/// The entry of a symbol table for a member, with its name in the heap.
struct Entry {
    name: u64,
    header: u64,
    table: Option<(u64, u64)>,
}

impl Entry {
    fn bytes(&self) -> Vec<u8> {
        let mut out = words(&[self.name, self.header]);
        out.extend(u64::from(self.table.is_some()).to_le_bytes());
        let (btree, heap) = self.table.unwrap_or_default();
        out.extend(words(&[btree, heap]));
        out
    }
}

/// A node of a B-tree of groups, with room for as many children as there may be.
fn tree(level: u8, room: usize, children: &[(u64, u64)]) -> Vec<u8> {
    let mut out = b"TREE\0".to_vec();
    out.push(level);
    out.extend(u16::try_from(children.len()).unwrap().to_le_bytes());
    out.extend(words(&[UNDEFINED, UNDEFINED, 0]));
    for (child, last) in children {
        out.extend(words(&[*child, *last]));
    }
    out.resize(32 + room * 16, 0);
    out
}

/// Writes a group with members of these names, sorted; gives its B-tree and its heap.
fn table(image: &mut Image, internal_k: u16, members: &[Member]) -> (u64, u64) {
    let mut names = vec![0; 8];
    let mut leaves = Vec::new();
    for members in members.chunks(LEAF) {
        let mut leaf = b"SNOD\x01\0".to_vec();
        leaf.extend(u16::try_from(members.len()).unwrap().to_le_bytes());
        let mut last = 0;
        for member in members {
            last = names.len() as u64;
            names.extend(member.name.as_bytes());
            names.resize((names.len() + 1).next_multiple_of(8), 0);
            let entry = Entry {
                name: last,
                header: member.header,
                table: member.table,
            };
            leaf.extend(entry.bytes());
        }
        leaves.push((image.add(&leaf), last));
    }
    let room = usize::from(internal_k) * 2;
    let (mut level, mut nodes) = (0, leaves);
    while nodes.len() > room {
        let above = nodes.chunks(room).map(|children| {
            let last = children.last().map_or(0, |child| child.1);
            (image.add(&tree(level, room, children)), last)
        });
        nodes = above.collect();
        level += 1;
    }
    let btree = image.add(&tree(level, room, &nodes));
    let segment = image.add(&names);
    let mut heap = b"HEAP\0\0\0\0".to_vec();
    // No free space: 1 stands for the end of its list.
    heap.extend(words(&[names.len() as u64, 1, segment]));
    (btree, image.add(&heap))
}

/// The file. `internal_k` is half of the children that a B-tree node has room for.
pub(crate) fn file(datasets: usize, internal_k: u16) -> Vec<u8> {
    let mut image = Image::default();
    let superblock = image.place(96);
    let members: Vec<_> = (0..datasets)
        .map(|k| Member {
            name: format!("d{k:04}"),
            header: image.add(&dataset()),
            table: None,
        })
        .collect();
    let below = table(&mut image, internal_k, &members);
    let group = |table: (u64, u64)| header(&[(0x11, words(&[table.0, table.1]))]);
    let header = image.add(&group(below));
    let group_itself = Member {
        name: "g".to_owned(),
        header,
        table: Some(below),
    };
    let top = table(&mut image, internal_k, &[group_itself]);
    let root = image.add(&group(top));
    let mut out = b"\x89HDF\r\n\x1a\n".to_vec();
    out.extend([0, 0, 0, 0, 0, 8, 8, 0]);
    out.extend(u16::try_from(LEAF / 2).unwrap().to_le_bytes());
    out.extend(internal_k.to_le_bytes());
    out.extend([0; 4]);
    out.extend(words(&[0, UNDEFINED, image.0.len() as u64, UNDEFINED]));
    let entry = Entry {
        name: 0,
        header: root,
        table: Some(top),
    };
    out.extend(entry.bytes());
    image.put(superblock, &out);
    image.0
}
