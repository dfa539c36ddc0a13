//! Maps to look at.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use ndarray::Array2;

use crate::Result;

/// Degrees Celsius at the two ends of the colours.
const ENDS: (f32, f32) = (-1.0, 10.0);
/// Colours from cold to warm.
const COLOURS: [[u8; 3]; 6] = [
    [8, 29, 88],
    [34, 94, 168],
    [65, 182, 196],
    [199, 233, 180],
    [254, 204, 92],
    [240, 59, 32],
];
/// Land and ice.
const NOTHING: [u8; 3] = [225, 225, 225];

/// Writes a PNG with a pixel for each place, north above.
pub(crate) fn write(path: &Path, map: &Array2<f32>) -> Result<()> {
    let (rows, columns) = map.dim();
    let file = BufWriter::new(File::create(path)?);
    let mut encoder = png::Encoder::new(file, u32::try_from(columns)?, u32::try_from(rows)?);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let pixels: Vec<u8> = map
        .rows()
        .into_iter()
        .rev()
        .flatten()
        .flat_map(|&degrees| colour(degrees))
        .collect();
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&pixels)?;
    writer.finish()?;
    Ok(())
}

fn colour(degrees: f32) -> [u8; 3] {
    if degrees.is_nan() {
        return NOTHING;
    }
    let (cold, warm) = ENDS;
    let place = ((degrees - cold) / (warm - cold)).clamp(0.0, 1.0) * 5.0;
    let below = place.floor().min(4.0);
    let part = place - below;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "0 to 4, and 0 to 255"
    )]
    let mix = |k: usize| {
        let [from, to] =
            [COLOURS[below as usize][k], COLOURS[below as usize + 1][k]].map(f32::from);
        (from + (to - from) * part).round() as u8
    };
    [mix(0), mix(1), mix(2)]
}
