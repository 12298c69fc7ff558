use super::omission::{Omission, OmissionReason};

/// The limit of the text of a result.
#[derive(Debug)]
pub(crate) struct Text {
    left: usize,
}

impl Text {
    pub(crate) fn new(limit: usize) -> Self {
        Self { left: limit }
    }

    /// The text up to the limit. A note marks where it was cut.
    pub(crate) fn take(&mut self, what: &str, text: String, omitted: &mut Vec<Omission>) -> String {
        if text.len() <= self.left {
            self.left -= text.len();
            return text;
        }
        let end = (0..=self.left).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
        self.left = 0;
        let bytes = text.len() - end;
        let omission = Omission { what: what.to_owned(), bytes, reason: OmissionReason::TextLimit };
        let note = format!("[{omission}]");
        omitted.push(omission);
        match &text[..end] {
            "" => note,
            start => format!("{start}\n{note}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_between_characters_with_a_note() {
        let mut omitted = Vec::new();
        let mut text = Text::new(8);
        assert_eq!(text.take("text", "abc".to_owned(), &mut omitted), "abc");
        assert_eq!(
            text.take("text", "ééé".to_owned(), &mut omitted),
            "éé\n[text, 2 bytes left out: too large]"
        );
        assert_eq!(
            text.take("structured content", "{}".to_owned(), &mut omitted),
            "[structured content, 2 bytes left out: too large]"
        );
        assert_eq!(text.take("text", String::new(), &mut omitted), "");
        assert_eq!(omitted.iter().map(|it| it.bytes).collect::<Vec<_>>(), [2, 2]);
    }
}
