use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::Number;
use crate::rpc::from_value;

macro_rules! primitive_schema {
    ($( $(#[$attr:meta])* $variant:ident($ty:ty), )+) => {
        /// The schema of one field of a form. Since 2025-06-18.
        ///
        /// The variant is determined by the members. An object that fits no variant is preserved.
        ///
        /// Spec: [Requested
        /// schema](https://modelcontextprotocol.io/specification/2026-07-28/client/elicitation#requested-schema)
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum PrimitiveSchema {
            $( $(#[$attr])* $variant($ty), )+
            /// An object of another kind.
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
    /// A boolean.
    Boolean(BooleanSchema),
    /// A single choice.
    SingleSelect(UntitledSingleSelectEnumSchema),
    /// A single choice with labels. Since 2025-11-25.
    TitledSingleSelect(TitledSingleSelectEnumSchema),
    /// A multiple choice. Since 2025-11-25.
    MultiSelect(UntitledMultiSelectEnumSchema),
    /// A multiple choice with labels. Since 2025-11-25.
    TitledMultiSelect(TitledMultiSelectEnumSchema),
    /// A single choice with labels in a separate list, as in 2025-06-18.
    LegacyTitled(LegacyTitledEnumSchema),
}

impl<'de> Deserialize<'de> for PrimitiveSchema {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Map::deserialize(deserializer)?;
        Ok(Self::recognize(&raw).unwrap_or(Self::Unknown(raw)))
    }
}

impl PrimitiveSchema {
    fn recognize(raw: &Map<String, Value>) -> Option<Self> {
        fn read<T: DeserializeOwned + Into<PrimitiveSchema>>(
            raw: &Map<String, Value>,
        ) -> Option<PrimitiveSchema> {
            from_value::<T>(raw).ok().map(Into::into)
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
    /// The format of a string field.
    ///
    /// Spec: [StringSchema](https://modelcontextprotocol.io/specification/2026-07-28/schema#stringschema)
    pub enum StringFormat {
        /// An e-mail address.
        Email = "email",
        /// A URI.
        Uri = "uri",
        /// A date.
        Date = "date",
        /// A date and time.
        DateTime = "date-time",
    }
}

wire_struct! {
    /// A string field.
    ///
    /// Spec: [StringSchema](https://modelcontextprotocol.io/specification/2026-07-28/schema#stringschema)
    #[derive(Default)]
    pub struct StringSchema {
        tag "type" = "string";
        optional {
            /// The human-readable label of the field.
            title: String = "title", with_title;
            /// The description.
            description: String = "description", with_description;
            /// The minimum number of characters.
            min_length: i64 = "minLength" via Integer, with_min_length;
            /// The maximum number of characters.
            max_length: i64 = "maxLength" via Integer, with_max_length;
            /// The format of the string.
            format: StringFormat = "format", with_format;
            /// The initial value. Since 2025-11-25.
            default: String = "default", with_default;
        }
    }
}

open_enum! {
    /// The type of a number field.
    ///
    /// Spec: [NumberSchema](https://modelcontextprotocol.io/specification/2026-07-28/schema#numberschema)
    pub enum NumberType {
        /// Any number.
        Number = "number",
        /// An integer.
        Integer = "integer",
    }
}

wire_struct! {
    /// A number field.
    ///
    /// Spec: [NumberSchema](https://modelcontextprotocol.io/specification/2026-07-28/schema#numberschema)
    pub struct NumberSchema {
        required {
            /// The type of the number.
            kind: NumberType = "type";
        }
        optional {
            /// The human-readable label of the field.
            title: String = "title", with_title;
            /// The description.
            description: String = "description", with_description;
            /// The minimum value.
            minimum: Number = "minimum", with_minimum;
            /// The maximum value.
            maximum: Number = "maximum", with_maximum;
            /// The initial value. Since 2025-11-25.
            default: Number = "default", with_default;
        }
    }
}

wire_struct! {
    /// A boolean field.
    ///
    /// Spec: [BooleanSchema](https://modelcontextprotocol.io/specification/2026-07-28/schema#booleanschema)
    #[derive(Default)]
    pub struct BooleanSchema {
        tag "type" = "boolean";
        optional {
            /// The human-readable label of the field.
            title: String = "title", with_title;
            /// The description.
            description: String = "description", with_description;
            /// The initial value.
            default: bool = "default", with_default;
        }
    }
}

wire_struct! {
    /// A choice with its label. Since 2025-11-25.
    ///
    /// Spec:
    /// [TitledSingleSelectEnumSchema](https://modelcontextprotocol.io/specification/2026-07-28/schema#titledsingleselectenumschema)
    pub struct EnumOption {
        required {
            /// The value.
            value: String = "const";
            /// The human-readable label.
            title: String = "title";
        }
    }
}

wire_struct! {
    /// A single-choice field.
    ///
    /// Spec:
    /// [UntitledSingleSelectEnumSchema](https://modelcontextprotocol.io/specification/2026-07-28/schema#untitledsingleselectenumschema)
    pub struct UntitledSingleSelectEnumSchema {
        tag "type" = "string";
        required {
            /// The values.
            values: Vec<String> = "enum";
        }
        optional {
            /// The human-readable label of the field.
            title: String = "title", with_title;
            /// The description.
            description: String = "description", with_description;
            /// The initial choice. Since 2025-11-25.
            default: String = "default", with_default;
        }
    }
}

wire_struct! {
    /// A single-choice field with labels. Since 2025-11-25.
    ///
    /// Spec:
    /// [TitledSingleSelectEnumSchema](https://modelcontextprotocol.io/specification/2026-07-28/schema#titledsingleselectenumschema)
    pub struct TitledSingleSelectEnumSchema {
        tag "type" = "string";
        required {
            /// The values with their labels.
            options: Vec<EnumOption> = "oneOf";
        }
        optional {
            /// The human-readable label of the field.
            title: String = "title", with_title;
            /// The description.
            description: String = "description", with_description;
            /// The initial choice.
            default: String = "default", with_default;
        }
    }
}

wire_struct! {
    /// The choices of a multiple-choice field. Since 2025-11-25.
    ///
    /// Spec:
    /// [UntitledMultiSelectEnumSchema](https://modelcontextprotocol.io/specification/2026-07-28/schema#untitledmultiselectenumschema)
    pub struct EnumItems {
        tag "type" = "string";
        required {
            /// The values.
            values: Vec<String> = "enum";
        }
    }
}

wire_struct! {
    /// The choices of a multiple-choice field, with labels. Since 2025-11-25.
    ///
    /// Spec:
    /// [TitledMultiSelectEnumSchema](https://modelcontextprotocol.io/specification/2026-07-28/schema#titledmultiselectenumschema)
    pub struct TitledEnumItems {
        required {
            /// The values with their labels.
            options: Vec<EnumOption> = "anyOf";
        }
    }
}

wire_struct! {
    /// A multiple-choice field. Since 2025-11-25.
    ///
    /// Spec:
    /// [UntitledMultiSelectEnumSchema](https://modelcontextprotocol.io/specification/2026-07-28/schema#untitledmultiselectenumschema)
    pub struct UntitledMultiSelectEnumSchema {
        tag "type" = "array";
        required {
            /// The values.
            items: EnumItems = "items";
        }
        optional {
            /// The human-readable label of the field.
            title: String = "title", with_title;
            /// The description.
            description: String = "description", with_description;
            /// The minimum number of choices.
            min_items: i64 = "minItems" via Integer, with_min_items;
            /// The maximum number of choices.
            max_items: i64 = "maxItems" via Integer, with_max_items;
            /// The initial choice.
            default: Vec<String> = "default", with_default;
        }
    }
}

wire_struct! {
    /// A multiple-choice field with labels. Since 2025-11-25.
    ///
    /// Spec:
    /// [TitledMultiSelectEnumSchema](https://modelcontextprotocol.io/specification/2026-07-28/schema#titledmultiselectenumschema)
    pub struct TitledMultiSelectEnumSchema {
        tag "type" = "array";
        required {
            /// The values.
            items: TitledEnumItems = "items";
        }
        optional {
            /// The human-readable label of the field.
            title: String = "title", with_title;
            /// The description.
            description: String = "description", with_description;
            /// The minimum number of choices.
            min_items: i64 = "minItems" via Integer, with_min_items;
            /// The maximum number of choices.
            max_items: i64 = "maxItems" via Integer, with_max_items;
            /// The initial choice.
            default: Vec<String> = "default", with_default;
        }
    }
}

wire_struct! {
    /// A single-choice field with labels in a separate list, as in 2025-06-18.
    ///
    /// Spec:
    /// [LegacyTitledEnumSchema](https://modelcontextprotocol.io/specification/2026-07-28/schema#legacytitledenumschema)
    pub struct LegacyTitledEnumSchema {
        tag "type" = "string";
        required {
            /// The values.
            values: Vec<String> = "enum";
        }
        optional {
            /// The labels, in the order of the values.
            names: Vec<String> = "enumNames", with_names;
            /// The human-readable label of the field.
            title: String = "title", with_title;
            /// The description.
            description: String = "description", with_description;
            /// The initial choice. Since 2025-11-25.
            default: String = "default", with_default;
        }
    }
}
