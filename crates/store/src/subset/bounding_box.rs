//! Boxes on the globe.

use crate::cf::Numbers;
use crate::error::{Error, Result};

/// Once around the globe, in degrees.
const TURN: f64 = 360.0;
/// Degrees that are lost where a turn is added; on the ground a tenth of a micrometre.
const NEAR: f64 = 1e-12;
/// Coordinates may be given anywhere in -180..360, and so lie up to two turns from a bound.
const TURNS: [f64; 5] = [-720.0, -360.0, 0.0, 360.0, 720.0];

/// A box of longitudes and latitudes in degrees, its bounds included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BoundingBox {
    west: f64,
    south: f64,
    east: f64,
    north: f64,
}

impl BoundingBox {
    /// A box from west to east, over the antimeridian where `east` is less than `west`. Longitudes
    /// may be given in -180..180 or 0..360, whichever way the data has them.
    ///
    /// ```
    /// use chunkref_store::BoundingBox;
    ///
    /// let fiji = BoundingBox::new(177.0, -19.5, -178.0, -16.0)?;
    /// assert!(fiji.has_longitude(-179.9) && fiji.has_longitude(180.1));
    /// assert!(!fiji.has_longitude(0.0));
    /// assert!(BoundingBox::new(0.0, 50.0, 10.0, 40.0).is_err());
    /// # Ok::<(), chunkref_store::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If a bound is no degree of the globe, or the south lies north of the north.
    pub fn new(west: f64, south: f64, east: f64, north: f64) -> Result<Self> {
        let wrong = |reason: String| Err(Error::Query { reason });
        for (name, longitude) in [("west", west), ("east", east)] {
            if !(-180.0..=360.0).contains(&longitude) {
                return wrong(format!(
                    "box: {name} is {longitude}, expected a longitude in -180..360"
                ));
            }
        }
        for (name, latitude) in [("south", south), ("north", north)] {
            if !(-90.0..=90.0).contains(&latitude) {
                return wrong(format!(
                    "box: {name} is {latitude}, expected a latitude in -90..90"
                ));
            }
        }
        if south > north {
            return wrong(format!(
                "box: south {south} lies north of north {north}; the order is west, south, east, north"
            ));
        }
        Ok(Self {
            west,
            south,
            east,
            north,
        })
    }

    /// Reads `W,S,E,N`.
    ///
    /// # Errors
    ///
    /// If the text is not four numbers, or as for [`BoundingBox::new`].
    pub fn parse(text: &str) -> Result<Self> {
        let numbers: Option<Vec<f64>> = text
            .split(',')
            .map(|number| number.trim().parse().ok())
            .collect();
        match numbers.as_deref() {
            Some(&[west, south, east, north]) => Self::new(west, south, east, north),
            _ => Err(Error::Query {
                reason: format!(
                    "box {text:?}: expected four numbers W,S,E,N: west, south, east, north in degrees"
                ),
            }),
        }
    }

    /// West, south, east and north as they were given.
    pub fn bounds(&self) -> [f64; 4] {
        [self.west, self.south, self.east, self.north]
    }

    /// Whether a latitude lies in it.
    pub fn has_latitude(&self, latitude: f64) -> bool {
        (self.south..=self.north).contains(&latitude)
    }

    /// Whether a longitude, in whatever turn, lies in it.
    pub fn has_longitude(&self, longitude: f64) -> bool {
        self.longitudes(&Numbers::default())
            .iter()
            .any(|range| range.contains(&longitude))
    }

    /// The ranges that a longitude of the box lies in one of, each a turn from the next; bounds are
    /// rounded as the numbers are.
    fn longitudes(&self, like: &Numbers) -> [std::ops::RangeInclusive<f64>; 5] {
        TURNS.map(|turn| {
            let west = self.west + turn;
            let east = west_to_east(self.west, self.east).map_or(west + TURN, |east| east + turn);
            // A sum is rounded: what was meant may lie a little further on.
            let near = if turn == 0.0 { 0.0 } else { NEAR };
            let wrapped = if self.east < self.west { NEAR } else { near };
            like.rounded(west - near)..=like.rounded(east + wrapped)
        })
    }

    /// Which latitudes lie in it. What is NaN does not.
    pub(crate) fn latitudes_inside(&self, latitudes: &Numbers) -> Vec<bool> {
        let range = latitudes.rounded(self.south)..=latitudes.rounded(self.north);
        latitudes
            .values
            .iter()
            .map(|value| range.contains(value))
            .collect()
    }

    /// Which longitudes lie in it. What is NaN does not.
    pub(crate) fn longitudes_inside(&self, longitudes: &Numbers) -> Vec<bool> {
        let ranges = self.longitudes(longitudes);
        let inside = |value: &f64| ranges.iter().any(|range| range.contains(value));
        longitudes.values.iter().map(inside).collect()
    }

    /// Degrees from the west of the box to a longitude inside, eastwards; the west is rounded as the
    /// numbers are.
    pub(crate) fn eastwards(&self, longitude: f64, like: &Numbers) -> f64 {
        let west = self.longitudes(like).map(|range| *range.start());
        let turns = west.iter().map(|west| longitude - west);
        // A bound in another turn is rounded on its way there.
        let turns = turns.filter(|degrees| *degrees >= -NEAR && *degrees < TURN - NEAR);
        turns.fold(TURN, f64::min)
    }
}

/// The east of a box, in the first turn where it does not lie before the west; `None` where the box
/// goes all around.
fn west_to_east(west: f64, east: f64) -> Option<f64> {
    // As it was given, where it can be: a sum is rounded.
    let turns = [east, east + TURN, east + 2.0 * TURN];
    let east = turns.into_iter().find(|east| *east >= west)?;
    (east - west < TURN).then_some(east)
}

#[cfg(test)]
mod tests {
    use super::BoundingBox;
    use crate::cf::Numbers;

    fn longitudes(west: f64, east: f64) -> Vec<i32> {
        let bounds = BoundingBox::new(west, 0.0, east, 0.0).unwrap();
        let inside = |degrees: &i32| bounds.has_longitude(f64::from(*degrees));
        (-180..=360).step_by(10).filter(inside).collect()
    }

    #[test]
    fn bounds_are_included_in_other_turns_too() {
        let degrees = |text: &str| text.parse::<f64>().unwrap();
        // -61.59 + 360 is less than 298.41.
        let bounds = BoundingBox::parse("-70.41,0,-61.59,1").unwrap();
        assert!(bounds.has_longitude(degrees("298.41")));
        assert!(bounds.has_longitude(degrees("289.59")));
        assert!(!bounds.has_longitude(degrees("298.42")));
        let bounds = BoundingBox::parse("298.41,0,310.07,1").unwrap();
        assert!(bounds.has_longitude(degrees("-61.59")));
        assert!(bounds.has_longitude(degrees("-49.93")));
        let over = BoundingBox::parse("170.07,0,-170.07,1").unwrap();
        for inside in ["170.07", "-170.07", "189.93", "-189.93"] {
            assert!(over.has_longitude(degrees(inside)), "{inside}");
        }
        // Not in the turn in which they were given.
        let bounds = BoundingBox::parse("10,0,20,1").unwrap();
        assert!(!bounds.has_longitude(20.0_f64.next_up()));
    }

    #[test]
    fn places_are_counted_from_the_west_as_it_is_rounded() {
        let bounds = BoundingBox::parse("179.9,45,-179,46").unwrap();
        let like = Numbers {
            values: Vec::new(),
            single: true,
        };
        let west = f64::from(179.9_f32);
        assert!(bounds.eastwards(west, &like) < 1e-9);
        assert!((bounds.eastwards(-179.0, &like) - 1.1).abs() < 1e-4);
        assert!(bounds.eastwards(west, &Numbers::default()) < 360.0);
    }

    #[test]
    fn longitudes_in_any_turn() {
        assert_eq!(longitudes(10.0, 20.0), [10, 20]);
        assert_eq!(longitudes(-20.0, -10.0), [-20, -10, 340, 350]);
        assert_eq!(longitudes(340.0, 350.0), [-20, -10, 340, 350]);
        assert_eq!(longitudes(-10.0, 10.0), [-10, 0, 10, 350, 360]);
        assert_eq!(longitudes(350.0, 10.0), [-10, 0, 10, 350, 360]);
        assert_eq!(longitudes(350.0, 360.0), [-10, 0, 350, 360]);
        assert_eq!(longitudes(170.0, -170.0), [-180, -170, 170, 180, 190]);
        assert_eq!(longitudes(170.0, 190.0), [-180, -170, 170, 180, 190]);
        assert_eq!(longitudes(20.0, 20.0), [20]);
        assert_eq!(longitudes(-180.0, 180.0).len(), 55);
        assert_eq!(longitudes(0.0, 360.0).len(), 55);
        assert_eq!(longitudes(-180.0, -180.0), [-180, 180]);
        assert_eq!(longitudes(360.0, -180.0).len(), 21);
        // All around, and all but 10 and 20.
        assert_eq!(longitudes(20.0, 10.0).len(), 55);
        assert_eq!(longitudes(21.0, 9.0).len(), 53);
    }

    #[test]
    fn bounds_are_rounded_as_the_data_is() {
        let bounds = BoundingBox::parse("-94.93,40.26,-73.83,48.95").unwrap();
        let single = |value: f32| Numbers {
            values: vec![f64::from(value)],
            single: true,
        };
        for (longitude, latitude) in [(-94.93, 40.26), (-73.83, 48.95), (265.07, 41.0)] {
            assert_eq!(bounds.longitudes_inside(&single(longitude)), [true]);
            assert_eq!(bounds.latitudes_inside(&single(latitude)), [true]);
        }
        assert_eq!(bounds.longitudes_inside(&single(f32::NAN)), [false]);
        assert_eq!(bounds.latitudes_inside(&single(f32::NAN)), [false]);
    }

    #[test]
    fn boxes_that_are_none_are_named() {
        for (text, said) in [
            ("1,2,3", "expected four numbers W,S,E,N"),
            ("1,2,3,x", "expected four numbers W,S,E,N"),
            ("nan,0,10,10", "west is NaN, expected a longitude"),
            ("0,0,400,10", "east is 400, expected a longitude"),
            ("0,-91,1,10", "south is -91, expected a latitude"),
            ("0,0,1,inf", "north is inf, expected a latitude"),
            ("0,50,10,40", "south 50 lies north of north 40"),
        ] {
            let error = BoundingBox::parse(text).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
