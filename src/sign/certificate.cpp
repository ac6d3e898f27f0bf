#include "sign/certificate.h"

#include <openssl/asn1.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <array>

#include "base/sha256.h"
#include "base/text.h"

namespace imgforge::sign {
namespace {

constexpr std::size_t kMaximumCertificates = 16;  // real chains have two to four

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string utf8(const ASN1_STRING* text) {
  unsigned char* out = nullptr;
  const int size = ASN1_STRING_to_UTF8(&out, text);
  if (size < 0) return {};
  std::string copy(reinterpret_cast<char*>(out), static_cast<std::size_t>(size));
  OPENSSL_free(out);
  return copy;
}

std::string print_name(const X509_NAME* name) {
  Handle<BIO, BIO_free_all> bio(BIO_new(BIO_s_mem()));
  // Control characters stay escaped, letters of other alphabets do not.
  constexpr unsigned long kFlags =
      XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB);
  if (!bio || X509_NAME_print_ex(bio.get(), name, 0, kFlags) < 0) return {};
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return std::string(text, static_cast<std::size_t>(size));
}

std::vector<std::pair<std::string, std::string>> parts_of(const X509_NAME* name) {
  std::vector<std::pair<std::string, std::string>> parts;
  for (int i = 0; i < X509_NAME_entry_count(name); ++i) {
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(name, i);
    std::array<char, 80> numeric{};
    const ASN1_OBJECT* object = X509_NAME_ENTRY_get_object(entry);
    const int nid = OBJ_obj2nid(object);
    if (nid == NID_undef) OBJ_obj2txt(numeric.data(), numeric.size(), object, 1);
    parts.emplace_back(nid == NID_undef ? numeric.data() : OBJ_nid2sn(nid),
                       utf8(X509_NAME_ENTRY_get_data(entry)));
  }
  return parts;
}

std::optional<base::Seconds> seconds_of(const ASN1_TIME* time) {
  Handle<ASN1_TIME, ASN1_TIME_free> epoch(ASN1_TIME_set(nullptr, 0));
  int days = 0;
  int seconds = 0;
  if (!epoch || ASN1_TIME_diff(&days, &seconds, epoch.get(), time) != 1) return std::nullopt;
  return base::Seconds{std::int64_t{days} * 86400 + seconds};
}

bool is_critical(const X509* certificate, int nid) {
  const int at = X509_get_ext_by_NID(certificate, nid, -1);
  return at >= 0 && X509_EXTENSION_get_critical(X509_get_ext(certificate, at)) == 1;
}

bool has_extension(const X509* certificate, int nid) {
  return X509_get_ext_by_NID(certificate, nid, -1) >= 0;
}

}  // namespace

Result<Certificate> Certificate::parse_der(std::string_view der, const std::string& name) {
  const unsigned char* at = bytes_of(der);
  X509Handle x509 = own(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  if (!x509 || at != bytes_of(der) + der.size()) {
    return fail(openssl_error(Errc::invalid, name + " is not a certificate"));
  }
  VerificationKey key = TRY(VerificationKey::adopt(own(X509_get_pubkey(x509.get())),
                                                   "the key of the certificate " + name));
  Certificate out(x509, std::move(key));
  const auto from = seconds_of(X509_get0_notBefore(x509.get()));
  const auto until = seconds_of(X509_get0_notAfter(x509.get()));
  if (!from || !until) {
    return fail(openssl_error(Errc::invalid, name + " has no period of validity"));
  }
  out.not_before_ = *from;
  out.not_after_ = *until;
  out.der_ = std::string(der);
  out.fingerprint_ = base::sha256_hex(out.der_);
  out.subject_ = print_name(X509_get_subject_name(x509.get()));
  out.subject_parts_ = parts_of(X509_get_subject_name(x509.get()));
  return out;
}

Error Certificate::unfit(std::string_view why) const {
  return Error(Errc::mismatch,
               "the certificate " + subject_ + " may not sign images: " + std::string(why));
}

bool Certificate::is_self_issued() const {
  return X509_NAME_cmp(X509_get_subject_name(x509_.get()), X509_get_issuer_name(x509_.get())) == 0;
}

Result<> Certificate::check_issued_by(const Certificate& issuer) const {
  if (X509_NAME_cmp(X509_get_issuer_name(x509_.get()), X509_get_subject_name(issuer.x509_.get())) !=
      0) {
    return fail(Errc::mismatch, "the certificate " + subject_ + " was issued by " +
                                    print_name(X509_get_issuer_name(x509_.get())) +
                                    ", and not by " + issuer.subject_ +
                                    ", which follows it in the chain");
  }
  const PkeyHandle key = own(X509_get_pubkey(issuer.x509_.get()));
  if (!key || X509_verify(x509_.get(), key.get()) != 1) {
    openssl_reason();
    return fail(Errc::mismatch, "the certificate " + subject_ + " does not bear the signature of " +
                                    issuer.subject_);
  }
  return {};
}

Result<> Certificate::check_common() const {
  const std::uint32_t flags = X509_get_extension_flags(x509_.get());
  if (X509_get_version(x509_.get()) != X509_VERSION_3) return fail(unfit("it is not of version 3"));
  if ((flags & EXFLAG_INVALID) != 0) return fail(unfit("an extension is malformed"));
  if ((flags & EXFLAG_CRITICAL) != 0) {
    return fail(unfit("it has a critical extension unknown here"));
  }
  if (key_.type() == KeyType::ed25519) return fail(unfit("its key is Ed25519, not RSA or ECDSA"));
  int hash = NID_undef;
  if (X509_get_signature_info(x509_.get(), &hash, nullptr, nullptr, nullptr) != 1 ||
      (hash != NID_sha256 && hash != NID_sha384 && hash != NID_sha512)) {
    openssl_reason();
    return fail(unfit("it was not signed with SHA-256, SHA-384 or SHA-512"));
  }
  if (!has_extension(x509_.get(), NID_key_usage)) return fail(unfit("it has no key usage"));
  if (!is_critical(x509_.get(), NID_key_usage)) return fail(unfit("its key usage is not critical"));
  return {};
}

Result<> Certificate::check_leaf() const {
  TRY(check_common());
  if (X509_get_key_usage(x509_.get()) != KU_DIGITAL_SIGNATURE) {
    return fail(unfit("its key usage is not digitalSignature alone"));
  }
  Handle<BASIC_CONSTRAINTS, BASIC_CONSTRAINTS_free> basic(static_cast<BASIC_CONSTRAINTS*>(
      X509_get_ext_d2i(x509_.get(), NID_basic_constraints, nullptr, nullptr)));
  if (basic && basic->ca != 0) return fail(unfit("it is that of a certificate authority"));
  if (!has_extension(x509_.get(), NID_ext_key_usage)) return {};
  const std::uint32_t usage = X509_get_extended_key_usage(x509_.get());
  constexpr std::uint32_t kOthers =
      XKU_ANYEKU | XKU_SSL_SERVER | XKU_SSL_CLIENT | XKU_SMIME | XKU_TIMESTAMP | XKU_OCSP_SIGN;
  if ((usage & XKU_CODE_SIGN) == 0) return fail(unfit("its extended key usage lacks codeSigning"));
  if ((usage & kOthers) != 0) {
    return fail(unfit("its extended key usage allows more than codeSigning"));
  }
  return {};
}

Result<> Certificate::check_authority(int below) const {
  TRY(check_common());
  Handle<BASIC_CONSTRAINTS, BASIC_CONSTRAINTS_free> basic(static_cast<BASIC_CONSTRAINTS*>(
      X509_get_ext_d2i(x509_.get(), NID_basic_constraints, nullptr, nullptr)));
  if (!basic || basic->ca == 0 || !is_critical(x509_.get(), NID_basic_constraints)) {
    return fail(unfit("it stands for an authority and does not say (critically) that it is one"));
  }
  if ((X509_get_key_usage(x509_.get()) & KU_KEY_CERT_SIGN) == 0) {
    return fail(unfit("it may not sign certificates (keyCertSign)"));
  }
  const long limit = X509_get_pathlen(x509_.get());
  if (limit >= 0 && below > limit) {
    return fail(unfit("its path length of " + std::to_string(limit) + " is exceeded"));
  }
  return {};
}

Result<> Certificate::check_name_allowed_by(const Certificate& authority) const {
  if (!has_extension(authority.x509_.get(), NID_name_constraints)) return {};
  Handle<NAME_CONSTRAINTS, NAME_CONSTRAINTS_free> limits(static_cast<NAME_CONSTRAINTS*>(
      X509_get_ext_d2i(authority.x509_.get(), NID_name_constraints, nullptr, nullptr)));
  if (!limits || NAME_CONSTRAINTS_check(x509_.get(), limits.get()) != X509_V_OK) {
    openssl_reason();
    return fail(unfit("its name is not one that " + authority.subject_ + " may vouch for"));
  }
  return {};
}

Result<std::vector<Certificate>> parse_certificates(std::string_view pem, const std::string& name) {
  Handle<BIO, BIO_free_all> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  std::vector<Certificate> out;
  while (const X509Handle x509 = own(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr))) {
    if (out.size() == kMaximumCertificates) {
      return fail(Errc::invalid, name + " holds more than 16 certificates");
    }
    std::string der(static_cast<std::size_t>(i2d_X509(x509.get(), nullptr)), '\0');
    auto* at = reinterpret_cast<unsigned char*>(der.data());
    i2d_X509(x509.get(), &at);
    out.push_back(TRY(Certificate::parse_der(der, name)));
  }
  const std::string reason = openssl_reason();
  std::size_t begins = 0;
  constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE-----";
  for (std::size_t at = pem.find(kBegin); at != std::string_view::npos;
       at = pem.find(kBegin, at + 1)) {
    ++begins;
  }
  if (begins > out.size()) {
    return fail(Errc::invalid, "certificate " + std::to_string(out.size() + 1) + " in " + name +
                                   " is damaged: " + reason);
  }
  if (out.empty()) return fail(Errc::invalid, name + " holds no PEM certificate");
  return out;
}

Result<> check_chain(std::span<const Certificate> chain) {
  if (chain.empty()) return fail(Errc::mismatch, "there is no certificate chain");
  if (chain.size() > kMaximumCertificates) {
    return fail(Errc::mismatch, "the certificate chain has more than 16 certificates");
  }
  TRY(chain.front().check_leaf());
  for (std::size_t i = 1; i < chain.size(); ++i) {
    TRY(chain[i - 1].check_issued_by(chain[i]));
    TRY(chain[i].check_authority(static_cast<int>(i) - 1));
    for (std::size_t below = 0; below < i; ++below) {
      TRY(chain[below].check_name_allowed_by(chain[i]));
    }
  }
  const Certificate& root = chain.back();
  if (!root.is_self_issued()) {
    return fail(Errc::mismatch, "the certificate chain ends with " + root.subject() +
                                    ", which is no self-signed root");
  }
  return root.check_issued_by(root);
}

Result<> check_validity(std::span<const Certificate> chain, base::Seconds when) {
  for (const Certificate& certificate : chain) {
    if (certificate.not_before() <= when && when <= certificate.not_after()) continue;
    const bool early = when < certificate.not_before();
    return fail(Error(Errc::mismatch, "the certificate " + certificate.subject() +
                                          (early ? " is not valid before " : " expired on ") +
                                          base::format_time(early ? certificate.not_before()
                                                                  : certificate.not_after()))
                    .hint(early ? "check this machine's clock"
                                : "sign the image again with a certificate that is valid"));
  }
  return {};
}

namespace {

// "C=US, O=Example\, Inc." -> pairs; empty when it is no such list.
std::vector<std::pair<std::string, std::string>> parse_subject(std::string_view text) {
  std::vector<std::string> parts(1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) {
      parts.back() += text[++i];
    } else if (text[i] == ',') {
      parts.emplace_back();
    } else {
      parts.back() += text[i];
    }
  }
  std::vector<std::pair<std::string, std::string>> out;
  for (const std::string& part : parts) {
    const std::size_t equals = part.find('=');
    if (equals == std::string::npos) return {};
    const std::string_view name = base::trim(std::string_view(part).substr(0, equals));
    const std::string_view value = base::trim(std::string_view(part).substr(equals + 1));
    if (name.empty() || value.empty()) return {};
    out.emplace_back(name, value);
  }
  return out;
}

}  // namespace

Result<bool> subject_matches(const Certificate& certificate, std::string_view wanted) {
  const auto parts = parse_subject(wanted);
  if (parts.empty()) {
    return fail(Error(Errc::invalid, "\"" + std::string(wanted) + "\" is not a certificate subject")
                    .hint("write it as C=US, O=Example, CN=signer"));
  }
  for (const auto& [name, value] : parts) {
    bool found = false;
    for (const auto& [has_name, has_value] : certificate.subject_parts()) {
      found = found || (base::to_lower(name) == base::to_lower(has_name) && value == has_value);
    }
    if (!found) return false;
  }
  return true;
}

}  // namespace imgforge::sign
