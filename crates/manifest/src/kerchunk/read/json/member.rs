//! The members of an object as they are read: no tree of values is made of those that are chunks.

use std::borrow::Cow;
use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::Value as Json;

/// A step of reading; the error is what the reader of JSON says, empty where the failure is kept
/// elsewhere.
pub(super) type Step<T> = Result<T, String>;

fn text_of(error: impl fmt::Display) -> String {
    error.to_string()
}

/// The value of a member that is being read.
pub(super) trait Member<'de> {
    fn skip(&mut self) -> Step<()>;
    fn json(&mut self) -> Step<Json>;
    fn reference(&mut self) -> Step<Reference<'de>>;
    fn map(&mut self, each: &mut dyn FnMut(&str, &mut dyn Member<'de>) -> Step<()>) -> Step<()>;
}

struct MapMember<'a, A>(&'a mut A);

impl<'de, A: MapAccess<'de>> Member<'de> for MapMember<'_, A> {
    fn skip(&mut self) -> Step<()> {
        let skipped = self.0.next_value::<IgnoredAny>();
        skipped.map(drop).map_err(text_of)
    }

    fn json(&mut self) -> Step<Json> {
        self.0.next_value().map_err(text_of)
    }

    fn reference(&mut self) -> Step<Reference<'de>> {
        self.0.next_value_seed(ReferenceSeed).map_err(text_of)
    }

    fn map(&mut self, each: &mut dyn FnMut(&str, &mut dyn Member<'de>) -> Step<()>) -> Step<()> {
        self.0.next_value_seed(MapSeed(each)).map_err(text_of)
    }
}

/// Reads an object, member by member.
pub(super) struct MapSeed<F>(pub(super) F);

impl<'de, F> DeserializeSeed<'de> for MapSeed<F>
where
    F: FnMut(&str, &mut dyn Member<'de>) -> Step<()>,
{
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, F> Visitor<'de> for MapSeed<F>
where
    F: FnMut(&str, &mut dyn Member<'de>) -> Step<()>,
{
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key_seed(TextSeed)? {
            (self.0)(&key, &mut MapMember(&mut map)).map_err(A::Error::custom)?;
        }
        Ok(())
    }
}

/// Reads a text, without copying it where it has no escapes.
struct TextSeed;

impl<'de> DeserializeSeed<'de> for TextSeed {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for TextSeed {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

/// The value of a chunk's key.
pub(super) enum Reference<'de> {
    Text(Cow<'de, str>),
    Object(Json),
    /// A URL, or none, with first byte and length, or none for the whole object.
    Range(Option<Cow<'de, str>>, Option<(u64, u64)>),
}

struct ReferenceSeed;

impl<'de> DeserializeSeed<'de> for ReferenceSeed {
    type Value = Reference<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ReferenceSeed {
    type Value = Reference<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, [url], or [url, offset, length]")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Reference::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Reference::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        let map = serde::de::value::MapAccessDeserializer::new(map);
        <Json as serde::Deserialize>::deserialize(map).map(Reference::Object)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let url = list.next_element_seed(UrlSeed)?;
        let url = url.ok_or_else(|| A::Error::invalid_length(0, &self))?;
        let Some(offset) = list.next_element_seed(NumberSeed("an offset"))? else {
            return Ok(Reference::Range(url, None));
        };
        let length = list.next_element_seed(NumberSeed("a length"))?;
        let length = length.ok_or_else(|| A::Error::invalid_length(2, &self))?;
        if list.next_element::<IgnoredAny>()?.is_some() {
            return Err(A::Error::invalid_length(4, &self));
        }
        Ok(Reference::Range(url, Some((offset, length))))
    }
}

/// A URL, or null.
struct UrlSeed;

impl<'de> DeserializeSeed<'de> for UrlSeed {
    type Value = Option<Cow<'de, str>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for UrlSeed {
    type Value = Option<Cow<'de, str>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a URL or null")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        TextSeed.deserialize(deserializer).map(Some)
    }
}

/// An offset or a length.
struct NumberSeed(&'static str);

impl<'de> DeserializeSeed<'de> for NumberSeed {
    type Value = u64;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<u64, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for NumberSeed {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, an integer of 0 to 2^64 - 1", self.0)
    }

    fn visit_u64<E>(self, number: u64) -> Result<u64, E> {
        Ok(number)
    }
}
