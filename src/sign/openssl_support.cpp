#include "sign/openssl_support.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

namespace imgforge::sign {

PkeyHandle own(EVP_PKEY* key) {
  return key == nullptr ? nullptr : PkeyHandle(key, [](EVP_PKEY* owned) { EVP_PKEY_free(owned); });
}

X509Handle own(X509* certificate) {
  return certificate == nullptr ? nullptr
                                : X509Handle(certificate, [](X509* owned) { X509_free(owned); });
}

std::string openssl_reason() {
  const unsigned long code = ERR_peek_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  std::string text = reason == nullptr ? "" : reason;
  ERR_clear_error();
  return text;
}

Error openssl_error(Errc code, std::string message) {
  const std::string reason = openssl_reason();
  if (!reason.empty()) message += ": " + reason;
  return Error(code, std::move(message));
}

}  // namespace imgforge::sign
