//! Look-ups and walks of a table of a million chunks. Measured is the time of the processor, as
//! others may want it, too.
#![allow(missing_docs, reason = "criterion's macros")]

use std::hint::black_box;
use std::time::Duration;

use chunkref_manifest::{ChunkTable, ChunkTableBuilder, LocationId};
use cpu_time::ThreadTime;
use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{Criterion, criterion_group, criterion_main};

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

const CHUNKS: u64 = 1_000_000;

/// A million chunks, `step` cells apart.
fn table(step: u64, location: impl Fn(u64) -> u32) -> ChunkTable {
    let mut builder = ChunkTableBuilder::new(vec![CHUNKS * step]);
    for index in 0..CHUNKS {
        let pushed = builder.push(
            index * step,
            LocationId(location(index)),
            index * 5000,
            5000 - index % 7,
        );
        assert!(pushed.is_ok());
    }
    builder.finish()
}

fn chunk_table(criterion: &mut Criterion<OnCpu>) {
    let runs = |index: u64| u32::try_from(index / 125).unwrap_or(0);
    let many = |index: u64| u32::try_from(index % 1000).unwrap_or(0);
    for (name, step, table) in [
        ("dense, one object", 1, table(1, |_| 0)),
        ("dense, 8000 runs", 1, table(1, runs)),
        ("dense, many objects", 1, table(1, many)),
        ("bitmap, one object", 2, table(2, |_| 0)),
        ("column, one object", 100, table(100, |_| 0)),
    ] {
        let mut state = 1_u64;
        criterion.bench_function(&format!("look up at random: {name}"), |bencher| {
            bencher.iter(|| {
                // A multiplicative generator: no table of numbers in the cache beside the columns.
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                black_box(table.get((state >> 33) % CHUNKS * step))
            });
        });
        criterion.bench_function(&format!("walk a million: {name}"), |bencher| {
            bencher.iter(|| table.iter().fold(0, |sum, (index, _)| sum ^ index));
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(OnCpu).sample_size(20);
    targets = chunk_table
}
criterion_main!(benches);
