//! Decoding of the chunks that `measure_libhdf5.py` left in the directory `CHUNKREF_BENCH_CHUNKS`.

use std::path::Path;
use std::{env, fs};

use bytes::Bytes;
use chunkref_filters::{Filter, Pipeline};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// The pipeline, decoded length and stored bytes of a file.
fn chunk(path: &Path) -> Option<(Pipeline, usize, Bytes)> {
    let bytes = fs::read(path).ok()?;
    let mut parts = bytes.splitn(3, |&byte| byte == b'\n');
    let filters: Option<Vec<_>> = std::str::from_utf8(parts.next()?)
        .ok()?
        .split(';')
        .map(|filter| {
            let (id, parameters) = filter.split_once(':')?;
            let parameters: Result<Vec<u32>, _> = parameters
                .split(',')
                .filter(|number| !number.is_empty())
                .map(str::parse)
                .collect();
            Some(Filter::from_hdf5(id.parse().ok()?, &parameters.ok()?))
        })
        .collect();
    let length = std::str::from_utf8(parts.next()?).ok()?.parse().ok()?;
    let stored = Bytes::copy_from_slice(parts.next()?);
    Some((Pipeline::new(filters?), length, stored))
}

fn decode(criterion: &mut Criterion) {
    let Some(directory) = env::var_os("CHUNKREF_BENCH_CHUNKS") else {
        return;
    };
    let mut paths: Vec<_> = fs::read_dir(directory)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    paths.sort();
    let mut group = criterion.benchmark_group("decode");
    group.sample_size(20);
    for path in paths {
        let Some((pipeline, length, stored)) = chunk(&path) else {
            continue;
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        group.throughput(Throughput::Bytes(length.try_into().unwrap_or(u64::MAX)));
        group.bench_function(name.as_ref(), |bencher| {
            bencher.iter(|| pipeline.decode(stored.clone(), 0, length));
        });
    }
    group.finish();
}

criterion_group!(benches, decode);
criterion_main!(benches);
