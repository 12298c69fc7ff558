//! A JSON representation for the validator that limits how often values are visited.
//!
//! The size of a value does not bound the cost of validation: schemas can make a validator visit the same value
//! repeatedly. Each visit costs steps, as many as the schema can cost at one value; when no steps are left, values
//! appear empty, and the validator ends.

use std::{borrow::Cow, cell::Cell, collections::HashSet, fmt::Write as _};

use jsonschema::{
    JsonType,
    json::{Array, Json, Node, NodeIdentity, Object},
};
use serde_json::{Map, Number, Value};

/// The remaining steps, and the price of one value.
#[derive(Debug)]
pub(crate) struct Steps {
    left: Cell<u64>,
    price: u64,
}

impl Steps {
    pub(crate) fn new(most: u64, price: u64) -> Self {
        Self { left: Cell::new(most), price }
    }

    /// Whether the steps were exhausted, so that the outcome is not valid.
    pub(crate) fn are_spent(&self) -> bool {
        self.left.get() == 0
    }

    /// Subtracts the price. Returns whether enough steps were left.
    fn pay(&self, price: u64) -> bool {
        let left = self.left.get().saturating_sub(price);
        self.left.set(left);
        left > 0
    }
}

/// A value whose visits are counted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counted<'a> {
    value: &'a Value,
    /// `None` for member names, which are strings.
    steps: Option<&'a Steps>,
}

impl<'a> Counted<'a> {
    pub(crate) fn new(value: &'a Value, steps: &'a Steps) -> Self {
        Self { value, steps: Some(steps) }
    }

    fn pay(&self, price: impl FnOnce(u64) -> u64) -> bool {
        self.steps.is_none_or(|steps| steps.pay(price(steps.price)))
    }
}

/// The JSON representation for the validator.
#[derive(Debug)]
pub(crate) enum Counting {}

impl Json for Counting {
    type Node<'a> = Counted<'a>;
    type PreparedKey = String;
    type StringBuffer = Value;

    fn prepare_key(key: &str) -> String {
        key.to_owned()
    }

    fn with_string_node<T>(
        buffer: &mut Value,
        string: &str,
        f: impl FnOnce(Counted<'_>) -> T,
    ) -> T {
        *buffer = Value::String(string.to_owned());
        f(Counted { value: buffer, steps: None })
    }
}

impl<'a> Node<'a, Counting> for Counted<'a> {
    type Object = Members<'a>;
    type Array = Elements<'a>;
    type Number = &'a Number;

    fn as_object(&self) -> Option<Members<'a>> {
        self.value.as_object().map(|map| Members { map, of: *self })
    }

    fn as_array(&self) -> Option<Elements<'a>> {
        self.value.as_array().map(|items| Elements { items, of: *self })
    }

    fn as_string(&self) -> Option<Cow<'a, str>> {
        let text = self.value.as_str()?;
        self.pay(|_| length_price(text)).then_some(Cow::Borrowed(text))
    }

    fn as_number(&self) -> Option<&'a Number> {
        self.value.as_number()
    }

    fn as_boolean(&self) -> Option<bool> {
        self.value.as_bool()
    }

    fn is_null(&self) -> bool {
        self.value.is_null()
    }

    fn json_type(&self) -> JsonType {
        match self.value {
            Value::Null => JsonType::Null,
            Value::Bool(_) => JsonType::Boolean,
            Value::Number(_) => JsonType::Number,
            Value::String(_) => JsonType::String,
            Value::Array(_) => JsonType::Array,
            Value::Object(_) => JsonType::Object,
        }
    }

    fn equals_value(&self, expected: &Value) -> bool {
        self.pay(|_| 1) && jsonschema::json::cmp::equal(self.value, expected)
    }

    fn to_value(&self) -> Cow<'a, Value> {
        Cow::Borrowed(self.value)
    }

    fn identity(&self) -> Option<NodeIdentity> {
        Some(NodeIdentity::new(std::ptr::from_ref(self.value) as usize))
    }
}

/// The members of an object.
#[derive(Debug)]
pub(crate) struct Members<'a> {
    map: &'a Map<String, Value>,
    of: Counted<'a>,
}

impl<'a> Object<'a, Counting> for Members<'a> {
    type Node = Counted<'a>;
    type MemberName = &'a str;
    type MembersIter = Walk<'a, serde_json::map::Iter<'a>>;

    fn len(&self) -> usize {
        self.map.len()
    }

    fn get(&self, key: &String) -> Option<Counted<'a>> {
        let value = self.map.get(key)?;
        self.of.pay(|price| price).then_some(Counted { value, ..self.of })
    }

    fn members(&self) -> Self::MembersIter {
        Walk { of: self.of, rest: self.map.iter() }
    }
}

/// The elements of an array.
#[derive(Debug)]
pub(crate) struct Elements<'a> {
    items: &'a [Value],
    of: Counted<'a>,
}

impl<'a> Array<'a, Counting> for Elements<'a> {
    type Node = Counted<'a>;
    type ElementsIter = Walk<'a, std::slice::Iter<'a, Value>>;

    fn len(&self) -> usize {
        self.items.len()
    }

    fn elements(&self) -> Self::ElementsIter {
        Walk { of: self.of, rest: self.items.iter() }
    }

    fn is_unique(&self) -> bool {
        let size = self.items.iter().map(size).fold(0, u64::saturating_add);
        if !self.of.pay(|_| size.saturating_mul(4)) {
            return false;
        }
        // A peer can craft different values with the same hash.
        let mut seen = HashSet::with_capacity(self.items.len());
        self.items.iter().all(|item| {
            let mut text = String::new();
            normal(item, &mut text);
            seen.insert(text)
        })
    }
}

/// An iterator over values that ends when no steps are left.
#[derive(Debug)]
pub(crate) struct Walk<'a, I> {
    of: Counted<'a>,
    rest: I,
}

impl<'a> Iterator for Walk<'a, serde_json::map::Iter<'a>> {
    type Item = (&'a str, Counted<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, value) = self.rest.next()?;
        let paid = self.of.pay(|price| price.saturating_add(length_price(name)));
        paid.then_some((name.as_str(), Counted { value, ..self.of }))
    }
}

impl<'a> Iterator for Walk<'a, std::slice::Iter<'a, Value>> {
    type Item = Counted<'a>;

    fn next(&mut self) -> Option<Counted<'a>> {
        let value = self.rest.next()?;
        self.of.pay(|price| price).then_some(Counted { value, ..self.of })
    }
}

/// Patterns visit each byte.
fn length_price(text: &str) -> u64 {
    1 + text.len() as u64 / 64
}

/// The number of values within a value, with strings counted by length. The decoder has bounded the depth.
fn size(value: &Value) -> u64 {
    match value {
        Value::Array(items) => items.iter().map(size).fold(1, u64::saturating_add),
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| length_price(name).saturating_add(size(value)))
            .fold(1, u64::saturating_add),
        Value::String(text) => length_price(text),
        _ => 1,
    }
}

/// Writes a normalized form, so that equal values have the same text: `1.0` as `1`, and members in order.
fn normal(value: &Value, out: &mut String) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for item in items {
                normal(item, out);
                out.push(',');
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            out.push('{');
            for (name, value) in members {
                let _ = write!(out, "{name:?}:");
                normal(value, out);
                out.push(',');
            }
            out.push('}');
        }
        Value::Number(number) => {
            let whole = number.as_f64().filter(|it| number.is_f64() && it.fract() == 0.0);
            // Above 2^53, a float is not exactly the integer that it prints.
            let whole = whole.filter(|it| it.abs() < 9_007_199_254_740_992.0);
            let _ = match whole {
                Some(whole) => write!(out, "{}", whole as i64),
                None => write!(out, "{number}"),
            };
        }
        Value::String(text) => {
            let _ = write!(out, "{text:?}");
        }
        Value::Null | Value::Bool(_) => {
            let _ = write!(out, "{value}");
        }
    }
}
