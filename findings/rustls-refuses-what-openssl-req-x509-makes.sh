#!/usr/bin/env bash
# rustls-webpki 0.103.17 refuses the certificate that `openssl req -x509` makes even where that very certificate is given as a root.
#
# The command that every tutorial has for a self-signed certificate writes basicConstraints CA:TRUE (openssl.cnf's
# x509_extensions = v3_ca). OpenSSL, curl --cacert and Go trust such a certificate once it is in their roots. rustls does not: an
# authority's certificate is no server's, so naming it as a root changes nothing. What it says is a name in three brackets,
# and the same whether or not the certificate is for the server's name at all, which is checked later. With CA:FALSE the
# same command makes one that is accepted.
#
# Seen on 2026-11-30 with rustls 0.23.46, rustls-webpki 0.103.17, OpenSSL 3.0.19:
#   CA:TRUE, for this name: invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))
#   CA:TRUE, for another name: invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))
#   CA:FALSE, for this name: accepted
#   openssl verify of the first: OK
#
# Exit code: 0 as described; 1 it behaves otherwise; 2 the pinned software can't be had here.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cannot() { echo "$1" >&2; exit 2; }
command -v cargo > /dev/null || cannot "Rust's cargo is needed"
command -v openssl > /dev/null || cannot "openssl is needed"
mkdir -p "$folder/src"
cat > "$folder/Cargo.toml" <<'END'
[package]
name = "finding"
version = "0.0.0"
edition = "2024"

[dependencies]
rustls = { version = "=0.23.46", default-features = false, features = ["ring", "std"] }
rustls-webpki = "=0.103.17"

[workspace]
END
cat > "$folder/src/main.rs" <<'END'
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject};

fn main() {
    for path in std::env::args().skip(1) {
        let certificate = CertificateDer::from_pem_file(&path).expect("a certificate");
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone()).expect("a root");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().expect("a verifier");
        let name = ServerName::try_from("localhost").expect("a name");
        match rustls::client::danger::ServerCertVerifier::verify_server_cert(
            &*verifier, &certificate, &[], &name, &[], UnixTime::now(),
        ) {
            Ok(_) => println!("accepted"),
            Err(error) => println!("{error}"),
        }
    }
}
END
make() { openssl req -x509 -newkey rsa:2048 -nodes -days 30 -keyout "$folder/key.pem" -out "$folder/$1" -subj /CN=x "${@:2}" 2> /dev/null; }
make ca.pem -addext subjectAltName=DNS:localhost
make other.pem -addext subjectAltName=DNS:elsewhere.test
make leaf.pem -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE
openssl x509 -in "$folder/ca.pem" -noout -text | grep -q "CA:TRUE" || cannot "this openssl makes no CA:TRUE by default"
cargo build --quiet --manifest-path "$folder/Cargo.toml" --target-dir "$folder/target" || cannot "rustls can't be had or built"
mapfile -t said < <("$folder/target/debug/finding" "$folder/ca.pem" "$folder/other.pem" "$folder/leaf.pem")
echo "CA:TRUE, for this name: ${said[0]}"
echo "CA:TRUE, for another name: ${said[1]}"
echo "CA:FALSE, for this name: ${said[2]}"
verified=$(openssl verify -CAfile "$folder/ca.pem" "$folder/ca.pem" 2>&1 || true)
echo "openssl verify of the first: ${verified##*: }"
name='invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))'
if [ "${said[*]}" = "$name $name accepted" ] && [ "${verified##*: }" = OK ]; then
    echo "as described"
else
    echo "CHANGED: it does not behave as described above"
    exit 1
fi
