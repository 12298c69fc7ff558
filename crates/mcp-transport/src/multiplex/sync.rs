//! The lock of `output.rs`, which has another one in its model, `output_model.rs`.

pub(super) use std::sync::Mutex;
