//! Writes each file plain, with gzip and with brotli.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use brotli::enc::BrotliEncoderParams;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::File;

/// The sizes of a file, in bytes.
pub(crate) struct Sizes {
    pub(crate) plain: usize,
    pub(crate) gzip: usize,
    pub(crate) brotli: usize,
}

pub(crate) fn write(out: &Path, file: &File) -> io::Result<Sizes> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(&file.content)?;
    let gzip = gzip.finish()?;
    let mut brotli = Vec::new();
    let params = BrotliEncoderParams { quality: 11, lgwin: 22, size_hint: file.content.len(), ..Default::default() };
    brotli::BrotliCompress(&mut &file.content[..], &mut brotli, &params)?;
    fs::write(out.join(&file.name), &file.content)?;
    fs::write(out.join(format!("{}.gz", file.name)), &gzip)?;
    fs::write(out.join(format!("{}.br", file.name)), &brotli)?;
    Ok(Sizes { plain: file.content.len(), gzip: gzip.len(), brotli: brotli.len() })
}
