use std::sync::Arc;

/// An unguessable session id: 128 random bits.
pub(super) fn random_id() -> Result<Arc<str>, getrandom::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(format!("{:032x}", u128::from_le_bytes(bytes)).into())
}
