//! Decoding of the chunks that `measure_libhdf5.py` left in the directory `CHUNKREF_BENCH_CHUNKS`.
//! Measured is the time of the processor, as others may want it, too.

use std::path::Path;
use std::time::Duration;
use std::{env, fs};

use bytes::Bytes;
use chunkref_filters::{Filter, Pipeline};
use cpu_time::ThreadTime;
use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// Time that the processor spends on the thread.
struct OnCpu;

impl Measurement for OnCpu {
    type Intermediate = ThreadTime;
    type Value = Duration;

    fn start(&self) -> ThreadTime {
        ThreadTime::now()
    }

    fn end(&self, start: ThreadTime) -> Duration {
        start.elapsed()
    }

    fn add(&self, one: &Duration, other: &Duration) -> Duration {
        *one + *other
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        WallTime.to_f64(value)
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

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

fn decode(criterion: &mut Criterion<OnCpu>) {
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
    group.warm_up_time(Duration::from_millis(200));
    group.measurement_time(Duration::from_millis(600));
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

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(OnCpu);
    targets = decode
}
criterion_main!(benches);
