//! Templates and generated references, as far as they need no jinja.
//!
//! `{{name}}` is a template or a dimension, `{{name(a='text', b=1)}}` a template whose own names
//! are given, and there is integer arithmetic: `+ - * // %`, signs and parentheses. All else is an
//! error.

use std::borrow::Cow;
use std::collections::HashMap;

/// The longest text that is made.
const MAX_TEXT: usize = 64 << 10;

/// Parentheses and signs are nested at most so deep.
const MAX_DEPTH: u32 = 32;

/// The value of a name.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Int(i64),
    Text(String),
}

/// Names within a text.
pub(super) type Names = [(String, Value)];

/// Templates by their names.
#[derive(Debug)]
pub(super) struct Templates {
    texts: HashMap<String, String>,
    /// Bytes that may still be read and made.
    budget: u64,
    /// Bytes of the set for which it was granted.
    granted: u64,
}

/// Bytes that templates may make of a set of no size, and of each byte of a set.
const BUDGET: (u64, u64) = (256 << 20, 64);

impl Default for Templates {
    fn default() -> Self {
        Self::new(HashMap::new())
    }
}

impl Templates {
    /// What is made of them is bounded by the size of the set, see [`Self::grant`].
    pub(super) fn new(texts: HashMap<String, String>) -> Self {
        Self {
            texts,
            budget: BUDGET.0,
            granted: 0,
        }
    }

    /// So much of the set was read: more may be made.
    pub(super) fn grant(&mut self, read: u64) {
        let more = read.saturating_sub(self.granted).saturating_mul(BUDGET.1);
        self.budget = self.budget.saturating_add(more);
        self.granted = self.granted.max(read);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// A URL with its templates put in. Without any templates there is nothing to put in.
    pub(super) fn url<'a>(&mut self, url: &'a str) -> Result<Cow<'a, str>, String> {
        if self.texts.is_empty() || !url.contains("{{") {
            return Ok(Cow::Borrowed(url));
        }
        self.render(url, &[]).map(Cow::Owned)
    }

    /// A text with the values of its expressions.
    pub(super) fn render(&mut self, text: &str, names: &Names) -> Result<String, String> {
        expand(text, names, Some(&self.texts), &mut self.budget)
    }

    /// Takes so many bytes, which are read or made, from what the size of the set justifies.
    pub(super) fn charge(&mut self, bytes: usize) -> Result<(), String> {
        charge(&mut self.budget, bytes)
    }
}

fn charge(budget: &mut u64, bytes: usize) -> Result<(), String> {
    let cost = u64::try_from(bytes).unwrap_or(u64::MAX);
    let left = budget.checked_sub(cost);
    *budget = left.ok_or("templates expand to more than the set's size justifies")?;
    Ok(())
}

fn expand(
    text: &str,
    names: &Names,
    templates: Option<&HashMap<String, String>>,
    budget: &mut u64,
) -> Result<String, String> {
    charge(budget, text.len())?;
    if text.contains("{%") || text.contains("{#") {
        return Err("statements of templates ({%) are not supported".to_owned());
    }
    let mut made = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let (expression, after) = after
            .split_once("}}")
            .ok_or("a template that does not end: expected }}")?;
        // Right at the braces they are no signs: in jinja they take away, or keep, white space around.
        if expression.starts_with(['-', '+']) || expression.ends_with(['-', '+']) {
            return Err(format!(
                "{{{{{expression}}}}}: control of white space is not supported, expected a space \
                 between braces and sign"
            ));
        }
        made.push_str(before);
        let mut parser = Parser {
            rest: expression,
            names,
            templates,
            budget,
        };
        match parser.whole()? {
            Value::Int(value) => made.push_str(&value.to_string()),
            Value::Text(value) => made.push_str(&value),
        }
        if made.len() > MAX_TEXT {
            break;
        }
        rest = after;
    }
    made.push_str(rest);
    if made.len() > MAX_TEXT {
        return Err(format!("a template makes more than {MAX_TEXT} bytes"));
    }
    charge(budget, made.len())?;
    Ok(made)
}

struct Parser<'a> {
    rest: &'a str,
    names: &'a Names,
    /// `None` within a template, where only its own names are known.
    templates: Option<&'a HashMap<String, String>>,
    /// Bytes that may still be read and made.
    budget: &'a mut u64,
}

impl Parser<'_> {
    fn whole(&mut self) -> Result<Value, String> {
        let value = self.sum(MAX_DEPTH)?;
        match self.peek() {
            None => Ok(value),
            Some(_) => Err(self.unexpected()),
        }
    }

    fn unexpected(&self) -> String {
        let rest: String = self.rest.chars().take(40).collect();
        format!("expression at {rest:?} is not supported, expected names and integer arithmetic")
    }

    fn peek(&mut self) -> Option<char> {
        self.rest = self.rest.trim_start();
        self.rest.chars().next()
    }

    fn take(&mut self, token: &str) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn sum(&mut self, depth: u32) -> Result<Value, String> {
        let mut left = self.product(depth)?;
        loop {
            let operation = if self.take("+") {
                i64::checked_add
            } else if self.take("-") {
                i64::checked_sub
            } else {
                return Ok(left);
            };
            let right = self.product(depth)?;
            left = apply(&left, &right, operation)?;
        }
    }

    fn product(&mut self, depth: u32) -> Result<Value, String> {
        let mut left = self.sign(depth)?;
        loop {
            let operation = if self.take("*") {
                i64::checked_mul
            } else if self.take("//") {
                floor_divide
            } else if self.take("%") {
                floor_remainder
            } else {
                return Ok(left);
            };
            let right = self.sign(depth)?;
            left = apply(&left, &right, operation)?;
        }
    }

    fn sign(&mut self, depth: u32) -> Result<Value, String> {
        let depth = depth
            .checked_sub(1)
            .ok_or_else(|| format!("an expression nested deeper than {MAX_DEPTH}"))?;
        if self.take("-") {
            let value = self.sign(depth)?;
            return apply(&Value::Int(0), &value, i64::checked_sub);
        }
        if self.take("(") {
            let value = self.sum(depth)?;
            return if self.take(")") {
                Ok(value)
            } else {
                Err(self.unexpected())
            };
        }
        match self.peek() {
            Some('\'' | '"') => Ok(Value::Text(self.text()?.to_owned())),
            Some('0'..='9') => self.int(),
            Some(_) => self.name(),
            None => Err("an empty expression".to_owned()),
        }
    }

    fn int(&mut self) -> Result<Value, String> {
        let digits = self.word(|character| character.is_ascii_digit());
        let value = digits.parse();
        value
            .map(Value::Int)
            .map_err(|_| "a number beyond 64 bits".to_owned())
    }

    fn word(&mut self, of: impl Fn(char) -> bool) -> &str {
        let end = self.rest.find(|character| !of(character));
        let (word, rest) = self
            .rest
            .split_at_checked(end.unwrap_or(self.rest.len()))
            .unwrap_or((self.rest, ""));
        self.rest = rest;
        word
    }

    fn text(&mut self) -> Result<&str, String> {
        let mut characters = self.rest.chars();
        let quote = characters.next().unwrap_or('"');
        let (text, rest) = characters
            .as_str()
            .split_once(quote)
            .filter(|(text, _)| !text.contains('\\'))
            .ok_or_else(|| self.unexpected())?;
        self.rest = rest;
        Ok(text)
    }

    fn name(&mut self) -> Result<Value, String> {
        let name = self
            .word(|character| character.is_alphanumeric() || character == '_')
            .to_owned();
        if name.is_empty() {
            return Err(self.unexpected());
        }
        if self.take("(") {
            let arguments = self.arguments()?;
            let template = self.templates.and_then(|templates| templates.get(&name));
            let template = template.ok_or_else(|| format!("no template {name:?}"))?;
            return expand(template, &arguments, None, self.budget).map(Value::Text);
        }
        if let Some((_, value)) = self.names.iter().find(|(known, _)| *known == name) {
            if let Value::Text(text) = value {
                charge(self.budget, text.len())?;
            }
            return Ok(value.clone());
        }
        match self.templates.and_then(|templates| templates.get(&name)) {
            Some(text) if text.contains("{{") => Err(format!(
                "template {name:?} needs arguments, expected {name}(...)"
            )),
            Some(text) => {
                charge(self.budget, text.len())?;
                Ok(Value::Text(text.clone()))
            }
            None => Err(format!("no template {name:?}")),
        }
    }

    fn arguments(&mut self) -> Result<Vec<(String, Value)>, String> {
        let mut arguments = Vec::new();
        while !self.take(")") {
            self.peek();
            let name = self
                .word(|character| character.is_alphanumeric() || character == '_')
                .to_owned();
            if name.is_empty() || !self.take("=") {
                return Err(self.unexpected());
            }
            let value = match self.peek() {
                Some('\'' | '"') => Value::Text(self.text()?.to_owned()),
                Some('0'..='9') => self.int()?,
                Some(_) => {
                    let known =
                        self.word(|character| character.is_alphanumeric() || character == '_');
                    let known = known.to_owned();
                    let value = self.names.iter().find(|(name, _)| *name == known);
                    let (_, value) = value.ok_or_else(|| self.unexpected())?;
                    if let Value::Text(text) = value {
                        charge(self.budget, text.len())?;
                    }
                    value.clone()
                }
                None => return Err(self.unexpected()),
            };
            arguments.push((name, value));
            if !self.take(",") && self.peek() != Some(')') {
                return Err(self.unexpected());
            }
        }
        Ok(arguments)
    }
}

fn floor_divide(left: i64, right: i64) -> Option<i64> {
    let quotient = left.checked_div(right)?;
    let exact = left.checked_rem(right)? == 0;
    if !exact && (left < 0) != (right < 0) {
        return quotient.checked_sub(1);
    }
    Some(quotient)
}

fn floor_remainder(left: i64, right: i64) -> Option<i64> {
    left.checked_sub(floor_divide(left, right)?.checked_mul(right)?)
}

fn apply(
    left: &Value,
    right: &Value,
    operation: impl Fn(i64, i64) -> Option<i64>,
) -> Result<Value, String> {
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => operation(*left, *right)
            .map(Value::Int)
            .ok_or_else(|| format!("arithmetic on {left} and {right} has no result in 64 bits")),
        _ => Err("arithmetic on text is not supported".to_owned()),
    }
}

#[cfg(test)]
mod tests;
