#include "sign/key_file.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/store.h>
#include <openssl/ui.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "base/text.h"
#include "sign/encrypted_key.h"

namespace imgforge::sign {
namespace {

constexpr std::string_view kSigstoreLabel = "ENCRYPTED SIGSTORE PRIVATE KEY";
constexpr std::string_view kCosignLabel = "ENCRYPTED COSIGN PRIVATE KEY";  // cosign 1
constexpr std::size_t kMaximumFile = 1 << 20;  // PEM of any key is some kilobytes

struct Pem {
  std::string_view label;
  std::string_view block;  // with its BEGIN and END lines
  std::string_view body;
};

// The first block whose label ends with "PRIVATE KEY".
std::optional<Pem> find_private_key(std::string_view text) {
  constexpr std::string_view kBegin = "-----BEGIN ";
  constexpr std::string_view kDashes = "-----";
  for (std::size_t at = text.find(kBegin); at != std::string_view::npos;
       at = text.find(kBegin, at + 1)) {
    const std::size_t label = at + kBegin.size();
    const std::size_t label_end = text.find(kDashes, label);
    if (label_end == std::string_view::npos) return std::nullopt;
    Pem pem;
    pem.label = text.substr(label, label_end - label);
    const std::string end = "-----END " + std::string(pem.label) + "-----";
    const std::size_t body = label_end + kDashes.size();
    const std::size_t body_end = text.find(end, body);
    if (body_end == std::string_view::npos || !pem.label.ends_with("PRIVATE KEY")) continue;
    pem.body = text.substr(body, body_end - body);
    pem.block = text.substr(at, body_end + end.size() - at);
    return pem;
  }
  return std::nullopt;
}

Result<Pem> private_key(std::string_view text, const std::string& name) {
  if (text.size() <= kMaximumFile) {
    if (const auto pem = find_private_key(text)) return *pem;
  }
  Error error(Errc::invalid, name + " holds no private key");
  if (text.find("-----BEGIN PUBLIC KEY-----") != std::string_view::npos) {
    return fail(std::move(error).hint("it is a public key; sign with the private one"));
  }
  return fail(std::move(error).hint(
      "a cosign key or a PEM private key is expected; imgforge keygen makes one"));
}

bool is_cosign(std::string_view label) { return label == kSigstoreLabel || label == kCosignLabel; }

// RFC 7468 ("ENCRYPTED PRIVATE KEY") or RFC 1421 ("Proc-Type: 4,ENCRYPTED").
bool is_encrypted(const Pem& pem) {
  return pem.label.starts_with("ENCRYPTED ") ||
         pem.body.find("ENCRYPTED") != std::string_view::npos;
}

Error no_passphrase(const std::string& name) {
  return Error(Errc::unauthorized, name + " is encrypted and no passphrase was given");
}

Result<SigningKey> parse_cosign(const Pem& pem, const Secret& passphrase, const std::string& name) {
  std::string body;
  std::copy_if(pem.body.begin(), pem.body.end(), std::back_inserter(body),
               [](char c) { return c != '\n' && c != '\r' && c != ' ' && c != '\t'; });
  const auto envelope = base::from_base64(body);
  if (!envelope) return fail(Errc::invalid, name + " is damaged: its PEM body is not base64");
  const Secret der = TRY(open_key(*envelope, passphrase.view(), name));
  return SigningKey::parse_der(der.view(), name);
}

struct Asked {
  const Secret* passphrase;
  bool was_asked = false;
};

// OpenSSL's callback for a passphrase; user is an Asked.
int give_passphrase(char* buffer, int size, int, void* user) {
  auto& asked = *static_cast<Asked*>(user);
  asked.was_asked = true;
  if (asked.passphrase == nullptr) return -1;
  const std::string_view text = asked.passphrase->view();
  if (text.size() > static_cast<std::size_t>(size)) return -1;
  std::memcpy(buffer, text.data(), text.size());
  return static_cast<int>(text.size());
}

}  // namespace

Result<bool> needs_passphrase(std::string_view pem, const std::string& name) {
  return is_encrypted(TRY(private_key(pem, name)));
}

Result<SigningKey> parse_signing_key(std::string_view text, const Secret* passphrase,
                                     const std::string& name) {
  const Pem pem = TRY(private_key(text, name));
  if (is_encrypted(pem) && passphrase == nullptr) return fail(no_passphrase(name));
  if (is_cosign(pem.label)) return parse_cosign(pem, *passphrase, name);
  Handle<BIO, BIO_free_all> bio(
      BIO_new_mem_buf(pem.block.data(), static_cast<int>(pem.block.size())));
  Asked asked{passphrase};
  PkeyHandle key = own(PEM_read_bio_PrivateKey(bio.get(), nullptr, give_passphrase, &asked));
  if (!key && is_encrypted(pem)) {
    openssl_reason();
    return fail(Error(Errc::unauthorized, "the passphrase does not open " + name)
                    .hint("give the passphrase with which the key was made"));
  }
  return SigningKey::adopt(std::move(key), name);
}

Result<std::string> write_signing_key(const SigningKey& key, const Secret& passphrase) {
  const Secret der = TRY(key.der());
  const std::string body =
      base::to_base64(base::as_bytes(TRY(seal_key(der.view(), passphrase.view()))));
  constexpr std::size_t kLine = 64;  // RFC 7468
  std::string out = "-----BEGIN " + std::string(kSigstoreLabel) + "-----\n";
  for (std::size_t at = 0; at < body.size(); at += kLine) out += body.substr(at, kLine) + "\n";
  return out + "-----END " + std::string(kSigstoreLabel) + "-----\n";
}

Result<SigningKey> open_signing_key(const std::string& uri, const Secret* passphrase) {
  Asked asked{passphrase};
  Handle<UI_METHOD, UI_destroy_method> method(UI_UTIL_wrap_read_pem_callback(give_passphrase, 0));
  Handle<OSSL_STORE_CTX, OSSL_STORE_close> store(
      OSSL_STORE_open(uri.c_str(), method.get(), &asked, nullptr, nullptr));
  if (!store) {
    return fail(openssl_error(Errc::not_found, "OpenSSL cannot open the key " + uri)
                    .hint("a pkcs11: URI needs a PKCS#11 provider in OpenSSL's configuration"));
  }
  OSSL_STORE_expect(store.get(), OSSL_STORE_INFO_PKEY);
  while (OSSL_STORE_eof(store.get()) != 1) {
    Handle<OSSL_STORE_INFO, OSSL_STORE_INFO_free> info(OSSL_STORE_load(store.get()));
    if (info && OSSL_STORE_INFO_get_type(info.get()) == OSSL_STORE_INFO_PKEY) {
      return SigningKey::adopt(own(OSSL_STORE_INFO_get1_PKEY(info.get())), uri);
    }
    if (!info && OSSL_STORE_error(store.get()) == 1) break;
  }
  if (asked.was_asked && passphrase == nullptr) return fail(no_passphrase(uri));
  if (asked.was_asked) {
    openssl_reason();
    return fail(Errc::unauthorized,
                "the passphrase or PIN does not open " + uri + ", or there is no private key");
  }
  return fail(openssl_error(Errc::not_found, "there is no private key at " + uri));
}

}  // namespace imgforge::sign
