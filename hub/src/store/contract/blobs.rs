//! Content by digest.

use std::collections::BTreeSet;

use skerry_common::bundle::delta;
use skerry_common::bundle::digest::Digest;
use skerry_common::wire::v1::CHUNK_BYTES_MAX;

use super::{Store, on_both};
use crate::store::blobs::{SweepEnd, Swept};

on_both!(content_comes_back, what_nobody_references_is_deleted);

/// Longer than any date is left as it is.
const DAY: i64 = 24 * 60 * 60 * 1000;

async fn content_comes_back(store: impl Store) {
    let blobs = vec![b"a".to_vec(), Vec::new(), b"b".repeat(2 * CHUNK_BYTES_MAX + 1), b"a".to_vec()];
    let references = store.put_many(blobs.clone(), DAY).await.expect("stores");
    for (reference, blob) in references.iter().zip(&blobs) {
        assert_eq!(reference.check(blob), Ok(()));
        assert_eq!(store.get(&reference.digest).await.expect("reads").as_ref(), Some(blob));
    }
    for (reference, blob) in references.iter().zip(&blobs) {
        let mut unpacked = Vec::new();
        for frame in store.packed(&reference.digest).await.expect("reads").expect("is there") {
            unpacked.extend(delta::decompress_at_most(&[], &frame, CHUNK_BYTES_MAX as u64).expect("a frame"));
        }
        assert_eq!(unpacked, *blob);
    }
    assert_eq!(store.put_many(blobs, 2 * DAY).await.expect("stores again"), references);
    let other = Digest::of(b"other");
    assert_eq!(store.get(&other).await.expect("reads"), None);
    assert_eq!(store.has_many(&[references[0].digest, other]).await.expect("looks"), [true, false]);
    assert_eq!(store.renew_many(&[references[0].digest, other], DAY).await.expect("renews"), [other]);
}

async fn what_nobody_references_is_deleted(store: impl Store) {
    let blobs = ["kept", "renewed", "old", "young"].map(|text| text.as_bytes().to_vec());
    store.put_many(blobs[..3].to_vec(), DAY).await.expect("stores");
    store.put_many(blobs[3..].to_vec(), 5 * DAY).await.expect("stores");
    let digests = blobs.map(|blob| Digest::of(&blob));
    let sealed = skerry_common::bundle::digest::BlobRef { digest: digests[2], size: 3 };
    store.put_sealed(&[(Digest::of(b"key"), sealed)]).await.expect("remembers");
    assert_eq!(store.renew_many(&digests[1..2], 5 * DAY).await.expect("renews"), []);
    let keep = BTreeSet::from([digests[0]]);
    assert_eq!(store.sweeps().await.expect("counts"), 0);
    let swept = store.delete_unreferenced(&keep, 0, 4 * DAY).await.expect("deletes");
    assert_eq!(swept, Swept { deleted: 1, end: SweepEnd::Complete });
    assert_eq!(store.sweeps().await.expect("counts"), 1);
    assert_eq!(store.has_many(&digests).await.expect("looks"), [true, true, false, true]);
    assert_eq!(store.sealed(&Digest::of(b"key")).await.expect("reads"), None, "its blob is gone");
}
