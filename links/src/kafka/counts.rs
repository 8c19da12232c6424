//! The counts in a broker's answer, before it is decoded: the decoder makes room for whatever a count
//! says, and one that was garbled on its way would ask for more memory than there is, which ends the
//! process.

/// Bytes of numbers and flags, as the protocol has them.
const I8: usize = 1;
const I16: usize = 2;
const I32: usize = 4;

/// An answer that has room for what its counts say.
pub(super) struct Fits;

/// Looks through an answer to Metadata in version 4. None: it does not have what it counts.
pub(super) fn of_metadata(answer: &[u8]) -> Option<Fits> {
    let mut left = Left(answer);
    left.skip(I32)?;
    left.each(|broker| {
        broker.skip(I32)?;
        broker.text()?;
        broker.skip(I32)?;
        broker.text()
    })?;
    left.text()?;
    left.skip(I32)?;
    left.each(|topic| {
        topic.skip(I16)?;
        topic.text()?;
        topic.skip(I8)?;
        topic.each(|partition| {
            partition.skip(I16 + I32 + I32)?;
            partition.each(|replica| replica.skip(I32))?;
            partition.each(|in_sync| in_sync.skip(I32))
        })
    })?;
    Some(Fits)
}

/// The same for DescribeConfigs in version 1.
pub(super) fn of_topic_settings(answer: &[u8]) -> Option<Fits> {
    let mut left = Left(answer);
    left.skip(I32)?;
    left.each(|topic| {
        topic.skip(I16)?;
        topic.text()?;
        topic.skip(I8)?;
        topic.text()?;
        topic.each(|setting| {
            setting.text()?;
            setting.text()?;
            setting.skip(I8 + I8 + I8)?;
            setting.each(|synonym| {
                synonym.text()?;
                synonym.text()?;
                synonym.skip(I8)
            })
        })
    })?;
    Some(Fits)
}

/// The same for SaslHandshake in version 1.
pub(super) fn of_sasl_handshake(answer: &[u8]) -> Option<Fits> {
    let mut left = Left(answer);
    left.skip(I16)?;
    left.each(Left::text)?;
    Some(Fits)
}

/// The same for SaslAuthenticate in version 0.
pub(super) fn of_sasl_authenticate(answer: &[u8]) -> Option<Fits> {
    let mut left = Left(answer);
    left.skip(I16)?;
    left.text()?;
    left.each(|byte| byte.skip(I8))?;
    Some(Fits)
}

/// What is left of an answer.
struct Left<'a>(&'a [u8]);

impl Left<'_> {
    fn skip(&mut self, bytes: usize) -> Option<()> {
        self.0 = self.0.get(bytes..)?;
        Some(())
    }

    /// A text, which may be null.
    fn text(&mut self) -> Option<()> {
        let length = i16::from_be_bytes(*self.0.first_chunk()?);
        self.skip(I16)?;
        self.skip(usize::try_from(length).unwrap_or(0))
    }

    /// As many as are counted, each of which takes some bytes: so a count that is too large ends
    /// with the answer.
    fn each(&mut self, one: impl Fn(&mut Self) -> Option<()>) -> Option<()> {
        let count = i32::from_be_bytes(*self.0.first_chunk()?);
        self.skip(I32)?;
        (0..count).try_for_each(|_| one(self))
    }
}
