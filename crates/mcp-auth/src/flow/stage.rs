//! Attempts of one request, encoded in the number that its credentials carry.

/// Attempts of one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stage {
    /// It was resent with a token that another caller obtained.
    pub(crate) retried: bool,
    pub(crate) has_nonce: bool,
    pub(crate) refreshed: bool,
    /// A grant produced a new token.
    pub(crate) granted: bool,
    pub(crate) step_ups: u8,
}

impl Stage {
    pub(crate) fn decode(number: u32) -> Self {
        let bit = |at: u32| number & (1 << at) != 0;
        Self {
            retried: bit(0),
            has_nonce: bit(1),
            refreshed: bit(2),
            granted: bit(3),
            step_ups: (number >> 8) as u8,
        }
    }

    pub(crate) fn encode(self) -> u32 {
        u32::from(self.retried)
            | u32::from(self.has_nonce) << 1
            | u32::from(self.refreshed) << 2
            | u32::from(self.granted) << 3
            | u32::from(self.step_ups) << 8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_round_trips_through_its_number() {
        for number in 0..16_u8 {
            let bit = |at: u8| number & (1 << at) != 0;
            let (retried, has_nonce, refreshed, granted) = (bit(0), bit(1), bit(2), bit(3));
            let stage = Stage { retried, has_nonce, refreshed, granted, step_ups: number };
            assert_eq!(Stage::decode(stage.encode()), stage);
        }
        assert_eq!(Stage::decode(0), Stage::default());
    }
}
