use super::*;

pub(super) fn add(values: &mut Values) {
    values.both("StringSchema", string());
    values.both("NumberSchema", number());
    values.both("BooleanSchema", boolean());
    values.both("UntitledSingleSelectEnumSchema", single());
    values.both("TitledSingleSelectEnumSchema", titled_single());
    values.both("UntitledMultiSelectEnumSchema", multi());
    values.both("TitledMultiSelectEnumSchema", titled_multi());
    values.both("LegacyTitledEnumSchema", legacy());
    for (_, field) in fields().iter() {
        values.both("PrimitiveSchemaDefinition", field);
        let selects = match field {
            PrimitiveSchema::SingleSelect(_) | PrimitiveSchema::TitledSingleSelect(_) => {
                "SingleSelectEnumSchema"
            }
            PrimitiveSchema::MultiSelect(_) | PrimitiveSchema::TitledMultiSelect(_) => {
                "MultiSelectEnumSchema"
            }
            PrimitiveSchema::LegacyTitled(_) => "EnumSchema",
            _ => continue,
        };
        values.both("EnumSchema", field);
        values.both(selects, field);
    }
}

pub(super) fn fields() -> Entries<PrimitiveSchema> {
    Entries::from([
        ("name", PrimitiveSchema::from(string())),
        ("age", number().into()),
        ("ok", boolean().into()),
        ("genre", single().into()),
        ("language", titled_single().into()),
        ("genres", multi().into()),
        ("languages", titled_multi().into()),
        ("shop", legacy().into()),
    ])
}

fn strings() -> [String; 2] {
    ["a".to_owned(), "b".to_owned()]
}

fn options() -> [EnumOption; 2] {
    [EnumOption::new("a", "Letter A"), EnumOption::new("b", "Letter B")]
}

fn string() -> StringSchema {
    StringSchema::new()
        .with_title("Name")
        .with_description("Your name")
        .with_min_length(1)
        .with_max_length(50)
        .with_format(StringFormat::Email)
        .with_default("ada@example.com")
}

fn number() -> NumberSchema {
    NumberSchema::new(NumberType::Integer)
        .with_title("Age")
        .with_description("Your age")
        .with_minimum(0)
        .with_maximum(150)
        .with_default(36)
}

fn boolean() -> BooleanSchema {
    BooleanSchema::new().with_title("OK").with_description("Is it?").with_default(false)
}

fn single() -> UntitledSingleSelectEnumSchema {
    UntitledSingleSelectEnumSchema::new(strings())
        .with_title("Letter")
        .with_description("One letter")
        .with_default("a")
}

fn titled_single() -> TitledSingleSelectEnumSchema {
    TitledSingleSelectEnumSchema::new(options())
        .with_title("Letter")
        .with_description("One letter")
        .with_default("a")
}

fn multi() -> UntitledMultiSelectEnumSchema {
    UntitledMultiSelectEnumSchema::new(EnumItems::new(strings()))
        .with_title("Letters")
        .with_description("Some letters")
        .with_min_items(1)
        .with_max_items(2)
        .with_default(strings())
}

fn titled_multi() -> TitledMultiSelectEnumSchema {
    TitledMultiSelectEnumSchema::new(TitledEnumItems::new(options()))
        .with_title("Letters")
        .with_description("Some letters")
        .with_min_items(1)
        .with_max_items(2)
        .with_default(strings())
}

fn legacy() -> LegacyTitledEnumSchema {
    LegacyTitledEnumSchema::new(strings())
        .with_names(["Letter A".to_owned(), "Letter B".to_owned()])
        .with_title("Letter")
        .with_description("One letter")
        .with_default("a")
}
