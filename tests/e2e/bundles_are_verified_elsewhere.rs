//! A bundle is read and verified without any code of ours: tar, JSON, base64, and OpenSSL (DESIGN §5).

use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use skerry_tests::programs::succeeds;
use skerry_tests::stage::Stage;

/// RFC 8410: what stands before the 32 bytes of an ed25519 key in a SubjectPublicKeyInfo.
const ED25519: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

fn json(path: &Path) -> Value {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

fn decoded(value: &Value) -> Vec<u8> {
    STANDARD.decode(text(value)).expect("base64")
}

/// A blob of the OCI layout whose descriptor this is; its name is its SHA-256, as another program computes it.
fn blob(layout: &Path, descriptor: &Value) -> std::path::PathBuf {
    let (_, hex) = text(&descriptor["digest"]).split_once(':').expect("an algorithm");
    let path = layout.join("blobs/sha256").join(hex);
    let found = succeeds(Command::new("openssl").args(["dgst", "-sha256", "-r"]).arg(&path));
    assert!(found.starts_with(hex), "{found}");
    assert_eq!(std::fs::metadata(&path).expect("a file").len(), descriptor["size"].as_u64().expect("a size"));
    path
}

/// Whether OpenSSL finds that a key signed an envelope: DSSE v1, pre-authentication encoding.
fn verifies(folder: &Path, key: &Value, payload_type: &str, payload: &[u8], signature: &[u8]) -> bool {
    let der = [&ED25519[..], &decoded(key)].concat();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der));
    let mut signed = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    signed.extend_from_slice(payload);
    let file = |name: &str, bytes: &[u8]| {
        std::fs::write(folder.join(name), bytes).expect("writes");
        folder.join(name)
    };
    let (key, signed, signature) =
        (file("key.pem", pem.as_bytes()), file("signed", &signed), file("signature", signature));
    let mut openssl = Command::new("openssl");
    openssl.args(["pkeyutl", "-verify", "-pubin", "-rawin", "-inkey"]).arg(key).arg("-in").arg(signed);
    openssl.arg("-sigfile").arg(signature).output().expect("openssl runs").status.success()
}

/// Checks an envelope with the keys that count, and gives what it holds.
fn opened(folder: &Path, path: &Path, payload_type: &str, keys: impl Fn(&Value) -> Value) -> Value {
    let envelope = json(path);
    assert_eq!(envelope["payloadType"], payload_type);
    let (payload, signature) = (decoded(&envelope["payload"]), decoded(&envelope["signatures"][0]["sig"]));
    let document: Value = serde_json::from_slice(&payload).expect("JSON");
    let keys = keys(&document);
    let good = |payload: &[u8]| {
        let signed = |key: &Value| verifies(folder, key, payload_type, payload, &signature);
        keys.as_array().expect("keys").iter().any(signed)
    };
    assert!(good(&payload), "{payload_type}");
    let mut altered = payload.clone();
    altered[payload.len() / 2] ^= 1;
    assert!(!good(&altered), "an altered payload is not taken for a good one");
    document
}

#[tokio::test(flavor = "multi_thread")]
async fn tar_json_and_openssl_are_enough_to_audit_a_bundle() {
    let stage = Stage::build().await;
    let site = stage.joined("one").await;
    stage.newest(&site).await;
    let archive = stage.archive(&site).await.to_bytes().expect("packs");
    let (file, layout) = (stage.folder.path().join("one.tar"), stage.folder.path().join("layout"));
    std::fs::write(&file, archive).expect("writes");
    std::fs::create_dir(&layout).expect("makes");
    succeeds(Command::new("tar").arg("-xf").arg(&file).arg("-C").arg(&layout));
    assert_eq!(json(&layout.join("oci-layout"))["imageLayoutVersion"], "1.0.0");
    let manifest = json(&blob(&layout, &json(&layout.join("index.json"))["manifests"][0]));
    let layer = |kind: &str| {
        let layers = manifest["layers"].as_array().expect("layers");
        let found = layers.iter().find(|layer| text(&layer["mediaType"]).contains(kind));
        blob(&layout, found.unwrap_or_else(|| panic!("no layer {kind}: {manifest}")))
    };
    let folder = stage.folder.path();
    let trust_type = "application/vnd.skerry.trust-root.v1+json";
    let trust = opened(folder, &layer("trust-root"), trust_type, |trust| trust["rootKeys"].clone());
    let root_type = "application/vnd.skerry.bundle.v1+json";
    let root = opened(folder, &layer("bundle.v1.dsse"), root_type, |_| trust["bundleKeys"].clone());
    // What DESIGN §5 says that an auditor finds in it, by the names that `jq` is asked for.
    assert_eq!((&root["schema"], &root["epoch"], &root["generation"]), (&1.into(), &1.into(), &1.into()));
    assert_eq!((&root["fleet"], text(&root["hub"])), (&trust["fleet"], "hub"));
    assert_eq!(text(&root["sources"][0]["commit"]), stage.work.head());
    assert_eq!(text(&root["applications"][0]["name"]), "web");
    for field in ["cluster", "issued", "expires", "renderer"] {
        assert!(!text(&root[field]).is_empty(), "{field}");
    }
    let entry = &root["applications"][0];
    assert!(text(&entry["digest"]).starts_with("sha256:") && entry["size"].is_u64(), "{root}");
}
