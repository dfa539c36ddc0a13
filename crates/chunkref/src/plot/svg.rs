//! The picture as SVG.

use std::fmt::Write as _;

use super::bins::{SIZE_COLUMNS, scaled, wide};
use super::{COLUMNS, Picture, Variable};

/// Pixels left of the panels, for names.
const LEFT: usize = 270;
/// Pixels right of them, for figures.
const RIGHT: usize = 230;
/// Height of a lane in pixels, and of what is drawn in it.
const LANE: usize = 18;
const BAR: usize = 13;
/// Where the first lane begins.
const TOP: usize = 92;
/// Height of a row of the panel of sizes.
const ROW: usize = 7;
/// Names are cut to so many characters.
const NAME: usize = 38;
/// How opaque columns are that are filled by quarters.
const OPACITY: [&str; 4] = ["0.3", "0.5", "0.75", "1"];
const COLOURS: [&str; 20] = [
    "#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#bcbd22",
    "#17becf", "#393b79", "#637939", "#8c6d31", "#843c39", "#7b4173", "#3182bd", "#e6550d",
    "#31a354", "#756bb1", "#636363", "#969696",
];

/// Draws the picture.
pub(super) fn draw(picture: &Picture<'_>) -> String {
    let lanes_end = TOP + picture.variables.len() * LANE;
    let (low, high) = picture.sizes.rows().unwrap_or_default();
    // A row of room on either side.
    let (low, high) = (low.saturating_sub(1), high + 1);
    let sizes_top = lanes_end + 84;
    let sizes_end = sizes_top + (high - low + 1) * ROW;
    let (width, height) = (LEFT + COLUMNS + RIGHT, sizes_end + 52);
    let mut svg = Svg {
        text: String::new(),
        end: picture.end,
    };
    svg.line(&format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11">"#
    ));
    svg.line(r##"<rect width="100%" height="100%" fill="#fff"/>"##);
    titles(&mut svg, picture);
    svg.axis(TOP, lanes_end);
    for (number, variable) in picture.variables.iter().enumerate() {
        lane(&mut svg, variable, number, TOP + number * LANE);
    }
    svg.text(
        LEFT,
        sizes_top - 12,
        "",
        r#"font-size="13" font-weight="bold""#,
        "How large they are (stored size in MB, logarithmic)",
    );
    svg.axis(sizes_top, sizes_end);
    size_ticks(&mut svg, low, high, sizes_end);
    for cell in picture.sizes.cells() {
        let width = COLUMNS / SIZE_COLUMNS;
        let (x, y) = (
            LEFT + cell.column * width,
            sizes_end - (cell.row - low + 1) * ROW,
        );
        let colour = colour(cell.variable);
        svg.line(&format!(
            r#"<rect x="{x}" y="{y}" width="{width}" height="{ROW}" fill="{colour}"/>"#
        ));
    }
    svg.line("</svg>");
    svg.text
}

fn titles(svg: &mut Svg, picture: &Picture<'_>) {
    let url = &picture.location.url;
    let name = url.trim_end_matches('/').rsplit('/').next().unwrap_or(url);
    svg.text(
        LEFT,
        22,
        "",
        r#"font-size="16" font-weight="bold""#,
        &format!("Chunks of {}", cut(name, 80)),
    );
    let sum = |of: fn(&Variable) -> u64| {
        let numbers = picture.variables.iter().map(of);
        numbers.fold(0, u64::saturating_add)
    };
    let (stored, count) = (sum(|one| one.stored), sum(|one| one.references));
    let percent = scaled(stored, 100, picture.end);
    svg.text(LEFT, 40, "", r##"fill="#555""##, &format!(
        "{count} chunks take {} of {} ({percent} %); the rest is metadata, other data or unused. One column is {}.",
        megabytes(stored),
        megabytes(picture.end),
        megabytes(picture.end / wide(COLUMNS))
    ));
    svg.text(
        LEFT,
        64,
        "",
        r#"font-size="13" font-weight="bold""#,
        "Where they lie (position in the file in MB)",
    );
    svg.text(
        LEFT + COLUMNS + 8,
        TOP - 8,
        "",
        r##"fill="#555""##,
        "chunks × mean size = all",
    );
    // How full a column is.
    let mut x = LEFT + COLUMNS - 160;
    svg.text(x - 8, 64, "end", r##"fill="#555""##, "column filled to");
    for (opacity, label) in OPACITY.iter().zip(["1/4", "1/2", "3/4", "1"]) {
        svg.line(&format!(
            r##"<rect x="{x}" y="55" width="12" height="11" fill="#555" fill-opacity="{opacity}"/>"##
        ));
        svg.text(x + 15, 64, "", r##"fill="#555""##, label);
        x += 40;
    }
}

/// One variable: its name, its chunks, its figures.
fn lane(svg: &mut Svg, variable: &Variable, number: usize, top: usize) {
    let colour = colour(number);
    let base = top + BAR - 2;
    svg.text(
        LEFT - 22,
        base,
        "end",
        "",
        &cut(variable.name.trim_start_matches('/'), NAME),
    );
    svg.line(&format!(
        r#"<rect x="{}" y="{}" width="11" height="11" fill="{colour}"/>"#,
        LEFT - 17,
        top + 1
    ));
    for run in variable.lane.runs() {
        let opacity = OPACITY.get(usize::from(run.quarters.saturating_sub(1)));
        let opacity = opacity.copied().unwrap_or("1");
        svg.line(&format!(
            r#"<rect x="{}" y="{top}" width="{}" height="{BAR}" fill="{colour}" fill-opacity="{opacity}"/>"#,
            LEFT + run.from,
            run.to - run.from
        ));
    }
    let mean = variable.stored / variable.references.max(1);
    let figures = format!(
        "{} × {} = {}",
        variable.references,
        megabytes(mean),
        megabytes(variable.stored)
    );
    svg.text(LEFT + COLUMNS + 8, base, "", r##"fill="#555""##, &figures);
}

/// The axis of sizes: powers of ten.
fn size_ticks(svg: &mut Svg, low: usize, high: usize, bottom: usize) {
    for power in 0..=12_u32 {
        // Two rows for each power of 2; the logarithm of 10 to the base of 2 is 3.3219.
        let at = usize::try_from(u64::from(power) * 2 * 33_219 * wide(ROW) / 10_000);
        let (at, start) = (at.unwrap_or(0), low * ROW);
        if at < start || at > (high + 1) * ROW {
            continue;
        }
        let y = bottom - (at - start);
        svg.line(&format!(
            r##"<line x1="{LEFT}" x2="{}" y1="{y}" y2="{y}" stroke="#eee"/>"##,
            LEFT + COLUMNS
        ));
        let label = match power {
            0..6 => format!("0.{}1", "0".repeat(usize::try_from(5 - power).unwrap_or(0))),
            _ => format!("1{}", "0".repeat(usize::try_from(power - 6).unwrap_or(0))),
        };
        svg.text(LEFT - 8, y + 4, "end", r##"fill="#555""##, &label);
    }
}

fn colour(number: usize) -> &'static str {
    COLOURS.get(number).copied().unwrap_or("#999999")
}

/// SVG as it is written.
struct Svg {
    text: String,
    /// The end of the file.
    end: u64,
}

impl Svg {
    fn line(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
    }

    fn text(&mut self, x: usize, y: usize, anchor: &str, style: &str, text: &str) {
        let anchor = match anchor {
            "" => String::new(),
            anchor => format!(r#" text-anchor="{anchor}""#),
        };
        let space = if style.is_empty() { "" } else { " " };
        // Writing to a string can't fail.
        let _ = writeln!(
            self.text,
            r#"<text x="{x}" y="{y}"{anchor}{space}{style}>{}</text>"#,
            escaped(text)
        );
    }

    /// The frame of a panel, with positions in the file in MB below it.
    fn axis(&mut self, top: usize, bottom: usize) {
        let step = step(self.end);
        let mut at = 0_u64;
        while at <= self.end {
            let x = LEFT + usize::try_from(scaled(at, wide(COLUMNS), self.end)).unwrap_or(0);
            self.line(&format!(
                r##"<line x1="{x}" x2="{x}" y1="{top}" y2="{bottom}" stroke="#ddd"/>"##
            ));
            self.text(x, bottom + 15, "middle", r##"fill="#555""##, &decimal(at));
            match at.checked_add(step) {
                Some(next) => at = next,
                None => break,
            }
        }
        self.text(
            LEFT + COLUMNS + 8,
            bottom + 15,
            "",
            r##"fill="#555""##,
            "MB",
        );
        self.line(&format!(
            r##"<line x1="{LEFT}" x2="{}" y1="{bottom}" y2="{bottom}" stroke="#888"/>"##,
            LEFT + COLUMNS
        ));
    }
}

/// The distance of ticks in bytes: 1, 2 or 5 times a power of ten, at most ten of them.
fn step(end: u64) -> u64 {
    let mut power = 1_u64;
    loop {
        for times in [1, 2, 5] {
            let step = power.saturating_mul(times);
            if step.saturating_mul(10) >= end {
                return step;
            }
        }
        power = power.saturating_mul(10);
    }
}

/// Bytes in MB, exactly.
fn decimal(bytes: u64) -> String {
    let text = format!("{}.{:06}", bytes / 1_000_000, bytes % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Bytes in MB, three digits; in B where they are few.
fn megabytes(bytes: u64) -> String {
    let (whole, rest) = (bytes / 1_000_000, bytes % 1_000_000);
    match bytes {
        0..1000 => format!("{bytes} B"),
        1000..10_000 => format!("0.{:05} MB", rest / 10),
        10_000..100_000 => format!("0.{:04} MB", rest / 100),
        100_000..1_000_000 => format!("0.{:03} MB", rest / 1000),
        1_000_000..10_000_000 => format!("{whole}.{:02} MB", rest / 10_000),
        10_000_000..100_000_000 => format!("{whole}.{} MB", rest / 100_000),
        _ => format!("{whole} MB"),
    }
}

/// The end of a name that is too long.
fn cut(name: &str, most: usize) -> String {
    let length = name.chars().count();
    if length <= most {
        return name.to_owned();
    }
    let end: String = name.chars().skip(length - most + 1).collect();
    format!("…{end}")
}

/// Text of XML; names from a file may hold anything.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // Neither control characters nor these are characters of XML.
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ if character.is_control() => out.push('\u{fffd}'),
            _ => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_few_and_even() {
        for (end, expected) in [
            (1, 1),
            (10, 1),
            (11, 2),
            (342_000_000, 50_000_000),
            (1 << 40, 200_000_000_000),
        ] {
            assert_eq!(step(end), expected, "{end}");
        }
        assert!(step(u64::MAX) >= u64::MAX / 10);
        assert_eq!(decimal(2_500_000), "2.5");
        assert_eq!(decimal(20_000_000), "20");
        assert_eq!(decimal(0), "0");
    }

    #[test]
    fn names_are_text() {
        assert_eq!(
            escaped("a<b>&\u{1}\u{ffff}é"),
            "a&lt;b&gt;&amp;\u{fffd}\u{fffd}é"
        );
        assert_eq!(cut("abcdef", 4), "…def");
        assert_eq!(cut("abcd", 4), "abcd");
    }

    #[test]
    fn sizes_have_three_digits() {
        for (bytes, text) in [
            (999, "999 B"),
            (2048, "0.00204 MB"),
            (20_480, "0.0204 MB"),
            (285_123, "0.285 MB"),
            (1_234_567, "1.23 MB"),
            (34_250_000, "34.2 MB"),
            (342_000_000, "342 MB"),
        ] {
            assert_eq!(megabytes(bytes), text);
        }
    }
}
