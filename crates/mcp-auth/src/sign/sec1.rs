//! SEC1 keys (`EC PRIVATE KEY`) as PKCS#8, which the cryptography providers read.

/// Wraps a SEC1 key of P-256 in PKCS#8. The result for another curve is not a valid key.
pub(super) fn wrapped(sec1: &[u8]) -> zeroize::Zeroizing<Vec<u8>> {
    /// The version, and `ecPublicKey` with `prime256v1`.
    const HEAD: [u8; 24] = [
        0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
        0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07,
    ];
    let mut inner = zeroize::Zeroizing::new(HEAD.to_vec());
    element(&mut inner, 0x04, sec1);
    let mut der = zeroize::Zeroizing::new(Vec::new());
    element(&mut der, 0x30, &inner);
    der
}

fn element(to: &mut Vec<u8>, tag: u8, content: &[u8]) {
    to.push(tag);
    let [.., high, low] = content.len().to_be_bytes();
    match content.len() {
        0..=0x7f => to.push(low),
        0x80..=0xff => to.extend([0x81, low]),
        _ => to.extend([0x82, high, low]),
    }
    to.extend_from_slice(content);
}
