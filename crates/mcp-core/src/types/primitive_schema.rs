use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::Number;

macro_rules! primitive_schema {
    ($( $(#[$attr:meta])* $variant:ident($ty:ty), )+) => {
        /// The schema of one field of a form.
        ///
        /// Nothing but their members tells the kinds apart, so one that fits none stays whole.
        ///
        /// Spec: client/elicitation#requested-schema
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum PrimitiveSchema {
            $( $(#[$attr])* $variant($ty), )+
            /// Another kind: the whole object.
            Unknown(Map<String, Value>),
        }

        $( impl From<$ty> for PrimitiveSchema {
            fn from(schema: $ty) -> Self {
                Self::$variant(schema)
            }
        } )+

        impl Serialize for PrimitiveSchema {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    $( Self::$variant(schema) => schema.serialize(serializer), )+
                    Self::Unknown(raw) => raw.serialize(serializer),
                }
            }
        }
    };
}

primitive_schema! {
    /// A string.
    String(StringSchema),
    /// A number or an integer.
    Number(NumberSchema),
    /// Yes or no.
    Boolean(BooleanSchema),
    /// One of some strings.
    SingleSelect(UntitledSingleSelectEnumSchema),
    /// One of some strings, each with a name for people.
    TitledSingleSelect(TitledSingleSelectEnumSchema),
    /// Any of some strings.
    MultiSelect(UntitledMultiSelectEnumSchema),
    /// Any of some strings, each with a name for people.
    TitledMultiSelect(TitledMultiSelectEnumSchema),
    /// One of some strings, with names in a list beside.
    LegacyTitled(LegacyTitledEnumSchema),
}

impl<'de> Deserialize<'de> for PrimitiveSchema {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Map::deserialize(deserializer)?;
        Ok(Self::recognise(&raw).unwrap_or(Self::Unknown(raw)))
    }
}

impl PrimitiveSchema {
    fn recognise(raw: &Map<String, Value>) -> Option<Self> {
        fn read<'a, T: Deserialize<'a> + Into<PrimitiveSchema>>(
            raw: &'a Map<String, Value>,
        ) -> Option<PrimitiveSchema> {
            T::deserialize(raw).ok().map(Into::into)
        }

        if let Some(items) = raw.get("items") {
            return if items.get("anyOf").is_some() {
                read::<TitledMultiSelectEnumSchema>(raw)
            } else {
                read::<UntitledMultiSelectEnumSchema>(raw)
            };
        }
        if raw.contains_key("oneOf") {
            read::<TitledSingleSelectEnumSchema>(raw)
        } else if raw.contains_key("enumNames") {
            read::<LegacyTitledEnumSchema>(raw)
        } else if raw.contains_key("enum") {
            read::<UntitledSingleSelectEnumSchema>(raw)
        } else {
            match raw.get("type")?.as_str()? {
                "string" => read::<StringSchema>(raw),
                "number" | "integer" => read::<NumberSchema>(raw),
                "boolean" => read::<BooleanSchema>(raw),
                _ => None,
            }
        }
    }
}

open_enum! {
    /// What kind of text a string is.
    pub enum StringFormat {
        /// An e-mail address.
        Email = "email",
        /// A URI.
        Uri = "uri",
        /// A day.
        Date = "date",
        /// A moment.
        DateTime = "date-time",
    }
}

wire_struct! {
    /// A field that takes a string.
    #[derive(Default)]
    pub struct StringSchema {
        tag "type" = "string";
        optional {
            /// The field's name for people.
            title: String = "title", with_title;
            /// What it is for.
            description: String = "description", with_description;
            /// The fewest characters.
            min_length: i64 = "minLength" via Integer, with_min_length;
            /// The most characters.
            max_length: i64 = "maxLength" via Integer, with_max_length;
            /// What kind of text it is.
            format: StringFormat = "format", with_format;
            /// What stands there at first. Since 2025-11-25.
            default: String = "default", with_default;
        }
    }
}

open_enum! {
    /// What kind of number a field takes.
    pub enum NumberType {
        /// Any.
        Number = "number",
        /// Whole ones.
        Integer = "integer",
    }
}

wire_struct! {
    /// A field that takes a number.
    pub struct NumberSchema {
        required {
            /// What kind of number.
            kind: NumberType = "type";
        }
        optional {
            /// The field's name for people.
            title: String = "title", with_title;
            /// What it is for.
            description: String = "description", with_description;
            /// The least value.
            minimum: Number = "minimum", with_minimum;
            /// The greatest value.
            maximum: Number = "maximum", with_maximum;
            /// What stands there at first. Since 2025-11-25.
            default: Number = "default", with_default;
        }
    }
}

wire_struct! {
    /// A field that takes yes or no.
    #[derive(Default)]
    pub struct BooleanSchema {
        tag "type" = "boolean";
        optional {
            /// The field's name for people.
            title: String = "title", with_title;
            /// What it is for.
            description: String = "description", with_description;
            /// What stands there at first.
            default: bool = "default", with_default;
        }
    }
}

wire_struct! {
    /// A string to choose, with its name for people.
    pub struct EnumOption {
        required {
            /// The string.
            value: String = "const";
            /// Its name for people.
            title: String = "title";
        }
    }
}

wire_struct! {
    /// A field that takes one of some strings.
    pub struct UntitledSingleSelectEnumSchema {
        tag "type" = "string";
        required {
            /// The strings.
            values: Vec<String> = "enum";
        }
        optional {
            /// The field's name for people.
            title: String = "title", with_title;
            /// What it is for.
            description: String = "description", with_description;
            /// What is chosen at first. Since 2025-11-25.
            default: String = "default", with_default;
        }
    }
}

wire_struct! {
    /// A field that takes one of some strings, each with a name for people. Since 2025-11-25.
    pub struct TitledSingleSelectEnumSchema {
        tag "type" = "string";
        required {
            /// The strings.
            options: Vec<EnumOption> = "oneOf";
        }
        optional {
            /// The field's name for people.
            title: String = "title", with_title;
            /// What it is for.
            description: String = "description", with_description;
            /// What is chosen at first.
            default: String = "default", with_default;
        }
    }
}

wire_struct! {
    /// The strings that a multiple choice is made from.
    pub struct EnumItems {
        tag "type" = "string";
        required {
            /// The strings.
            values: Vec<String> = "enum";
        }
    }
}

wire_struct! {
    /// The strings that a multiple choice is made from, each with a name for people.
    pub struct TitledEnumItems {
        required {
            /// The strings.
            options: Vec<EnumOption> = "anyOf";
        }
    }
}

wire_struct! {
    /// A field that takes any of some strings. Since 2025-11-25.
    pub struct UntitledMultiSelectEnumSchema {
        tag "type" = "array";
        required {
            /// The strings.
            items: EnumItems = "items";
        }
        optional {
            /// The field's name for people.
            title: String = "title", with_title;
            /// What it is for.
            description: String = "description", with_description;
            /// The fewest to choose.
            min_items: i64 = "minItems" via Integer, with_min_items;
            /// The most to choose.
            max_items: i64 = "maxItems" via Integer, with_max_items;
            /// What is chosen at first.
            default: Vec<String> = "default", with_default;
        }
    }
}

wire_struct! {
    /// A field that takes any of some strings, each with a name for people. Since 2025-11-25.
    pub struct TitledMultiSelectEnumSchema {
        tag "type" = "array";
        required {
            /// The strings.
            items: TitledEnumItems = "items";
        }
        optional {
            /// The field's name for people.
            title: String = "title", with_title;
            /// What it is for.
            description: String = "description", with_description;
            /// The fewest to choose.
            min_items: i64 = "minItems" via Integer, with_min_items;
            /// The most to choose.
            max_items: i64 = "maxItems" via Integer, with_max_items;
            /// What is chosen at first.
            default: Vec<String> = "default", with_default;
        }
    }
}

wire_struct! {
    /// A field that takes one of some strings, with names for people in a list beside: the way of
    /// 2025-06-18.
    pub struct LegacyTitledEnumSchema {
        tag "type" = "string";
        required {
            /// The strings.
            values: Vec<String> = "enum";
        }
        optional {
            /// The names, in the order of the strings.
            names: Vec<String> = "enumNames", with_names;
            /// The field's name for people.
            title: String = "title", with_title;
            /// What it is for.
            description: String = "description", with_description;
            /// What is chosen at first. Since 2025-11-25.
            default: String = "default", with_default;
        }
    }
}
