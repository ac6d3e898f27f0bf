#!/usr/bin/env bash
# Makes keys/ and chains/ anew, with openssl and (for keys/cosign-*.key) the interop tools. They are checked in, so that the unit tests
# need neither; nothing depends on their exact bytes. Every passphrase is "imgforge-test"; these keys sign nothing but tests.
# documents/ is not made here: cosign 2.5.0 and 3.1.1, notation 1.3.2 and a hand with openssl wrote it, for one image manifest.
set -euo pipefail
cd "$(dirname "$0")"
export COSIGN_PASSWORD=imgforge-test
mkdir -p keys chains
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

ec() { openssl genpkey -algorithm EC -pkeyopt "ec_paramgen_curve:$1" -out "$2"; }

# ---- private keys in every form
ec P-256 keys/p256.pkcs8.pem
openssl ec -in keys/p256.pkcs8.pem -out keys/p256.sec1.pem
openssl pkcs8 -topk8 -v2 aes-256-cbc -passout pass:imgforge-test -in keys/p256.pkcs8.pem -out keys/p256.encrypted.pem
openssl ec -in keys/p256.pkcs8.pem -aes128 -passout pass:imgforge-test -out keys/p256.rfc1421.pem
openssl pkey -in keys/p256.pkcs8.pem -pubout -out keys/p256.pub.pem
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out keys/rsa2048.pkcs8.pem
openssl rsa -traditional -in keys/rsa2048.pkcs8.pem -out keys/rsa2048.pkcs1.pem
openssl pkey -in keys/rsa2048.pkcs8.pem -pubout -out keys/rsa2048.pub.pem
openssl rsa -pubin -in keys/rsa2048.pub.pem -RSAPublicKey_out -out keys/rsa2048.pkcs1.pub.pem
# refused
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out keys/rsa1024.pem
ec secp256k1 keys/secp256k1.pem
openssl genpkey -algorithm X25519 -out keys/x25519.pem
# cosign's own
bin="$(../../../../tools/get-interop-tools.sh --bin)"
for version in 2 3; do
  "$bin/cosign-$version" generate-key-pair --output-key-prefix "keys/cosign-$version"
done

# ---- certificate chains
subject=/C=US/ST=WA/O=imgforge
days=36500
ec P-256 "$work/root.key"
ec P-256 "$work/other.key"
ec P-256 "$work/middle.key"
cp keys/p256.pkcs8.pem "$work/leaf.key"
openssl genpkey -algorithm ED25519 -out "$work/ed25519.key"

# certificate NAME SUBJECT KEY ISSUER ISSUER-KEY EXTENSIONS [X509 OPTIONS]; ISSUER "-" signs itself
certificate() {
  local name="$1" cn="$2" key="$3" issuer="$4" issuer_key="$5" extensions="$6"
  shift 6
  printf '%b' "$extensions" >"$work/extensions"
  openssl req -new -key "$work/$key.key" -subj "$subject/CN=$cn" -out "$work/request"
  if [ "$issuer" = - ]; then set -- -signkey "$work/$key.key" "$@"
  else set -- -CA "$work/$issuer.crt" -CAkey "$work/$issuer_key.key" "$@"; fi
  if [ -n "$extensions" ]; then set -- -extfile "$work/extensions" "$@"; fi
  openssl x509 -req -in "$work/request" -days $days -set_serial "0x$(openssl rand -hex 8)" -out "$work/$name.crt" "$@" 2>/dev/null
}
ca='basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n'
leaf='keyUsage=critical,digitalSignature\n'
code='extendedKeyUsage=codeSigning\n'

certificate root root root - - "$ca"
certificate middle middle middle root root "$ca"
certificate leaf signer leaf middle middle "$leaf$code"
cat "$work"/{leaf,middle,root}.crt >chains/good.pem
certificate bare signer leaf root root "$leaf"
cat "$work"/{bare,root}.crt >chains/good-without-extended-usage.pem
certificate single signer leaf - - "$leaf$code"
cat "$work/single.crt" >chains/good-self-signed.pem
cat "$work"/{leaf,middle}.crt >chains/bad-no-root.pem
cat "$work"/{leaf,root}.crt >chains/bad-gap.pem
cat "$work"/{middle,root}.crt >chains/bad-leaf-is-authority.pem

bad_leaf() {  # NAME EXTENSIONS [KEY] [X509 OPTIONS]
  local name="$1" extensions="$2" key="${3:-leaf}"
  shift $(( $# > 3 ? 3 : $# ))
  certificate "$name" signer "$key" root root "$extensions" "$@"
  cat "$work/$name.crt" "$work/root.crt" >"chains/bad-$name.pem"
}
bad_leaf leaf-key-encipherment 'keyUsage=critical,digitalSignature,keyEncipherment\n'
bad_leaf leaf-cert-sign 'keyUsage=critical,digitalSignature,keyCertSign\n'
bad_leaf leaf-no-usage 'basicConstraints=CA:FALSE\n'
bad_leaf leaf-usage-not-critical 'keyUsage=digitalSignature\n'
bad_leaf leaf-server "${leaf}extendedKeyUsage=serverAuth\n"
bad_leaf leaf-code-and-server "${leaf}extendedKeyUsage=codeSigning,serverAuth\n"
bad_leaf leaf-any-usage "${leaf}extendedKeyUsage=codeSigning,anyExtendedKeyUsage\n"
bad_leaf leaf-unknown-critical "${leaf}1.2.3.4=critical,DER:0500\n"
bad_leaf leaf-version-1 ''
bad_leaf leaf-ed25519 "$leaf" ed25519
bad_leaf leaf-sha1 "$leaf" leaf -sha1
certificate root-twin root other - - "$ca"
certificate forged signer leaf root-twin other "$leaf"
cat "$work"/{forged,root}.crt >chains/bad-forged.pem

bad_authority() {  # NAME EXTENSIONS
  certificate "$1" root root - - "$2"
  certificate "$1-leaf" signer leaf "$1" root "$leaf"
  cat "$work/$1-leaf.crt" "$work/$1.crt" >"chains/bad-$1.pem"
}
bad_authority authority-not-one 'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,keyCertSign\n'
bad_authority authority-not-critical 'basicConstraints=CA:TRUE\nkeyUsage=critical,keyCertSign\n'
bad_authority authority-signs-nothing 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,cRLSign\n'
certificate short root root - - 'basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign\n'
certificate short-middle middle middle short root "$ca"
certificate short-leaf signer leaf short-middle middle "$leaf"
cat "$work"/{short-leaf,short-middle,short}.crt >chains/bad-path-length.pem

# Name constraints of the root: O=imgforge only, and another organisation only.
constrained() {  # NAME ORGANISATION
  certificate "$1" root root - - "${ca}nameConstraints=critical,permitted;dirName:names\n[names]\nC=US\nST=WA\nO=$2\n"
  certificate "$1-leaf" signer leaf "$1" root "$leaf"
  cat "$work/$1-leaf.crt" "$work/$1.crt" >"chains/$1.pem"
}
constrained good-name imgforge
constrained bad-name elsewhere
