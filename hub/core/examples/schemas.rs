//! Writes `docs/schemas/KIND.json`: `cargo run -p skerry-hub-core --example schemas`.

use std::error::Error;
use std::path::Path;

use skerry_hub_core::fleet::schema::Kind;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schemas");
    std::fs::create_dir_all(&folder)?;
    for kind in Kind::ALL {
        std::fs::write(folder.join(format!("{kind}.json")), skerry_hub_core::schema::text(kind)?)?;
    }
    Ok(())
}
